"""`aws` on the path of tests: hands the call to server.py, and ends as it ended."""

import json
import os
import socket
import sys

connection = socket.socket(socket.AF_UNIX)
connection.connect(os.path.join(os.path.dirname(os.path.abspath(__file__)), "socket"))
asked = {"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}
socket.send_fds(connection, [b" "], [0, 1, 2])
connection.sendall(json.dumps(asked).encode() + b"\n")
answer = connection.recv(16)
sys.exit(int(answer) if answer else 255)
