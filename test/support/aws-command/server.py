"""
Runs the AWS CLI for tests: each call is a process of its own, a copy of this one, which has loaded the CLI's modules. To load them
takes three quarters of the CPU time of a short call. What a call runs is the installed CLI, with the arguments, the environment, the
folder and the standard files of client.py.

A connection brings the three files and one line of JSON, and takes back the exit code.
"""

import gc
import io
import json
import os
import select
import signal
import socket
import sys
import traceback

import awscli.clidriver

# The import of awscli sets it, in every process.
DATA_PATH = {"AWS_DATA_PATH": os.environ["AWS_DATA_PATH"]}


def load():
    """Imports what most calls import, by a call that reaches no one."""
    os.environ.update(
        AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b", AWS_DEFAULT_REGION="us-east-1", AWS_MAX_ATTEMPTS="1"
    )
    stdout, stderr = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = io.TextIOWrapper(io.BytesIO())
    awscli.clidriver.create_clidriver().main(["s3", "ls", "--endpoint-url", "http://127.0.0.1:1"])
    sys.stdout, sys.stderr = stdout, stderr


def call(connection):
    data, files, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while not data.endswith(b"\n"):
        data += connection.recv(1 << 20)
    asked = json.loads(data)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update({**asked["environment"], **DATA_PATH})
    os.chdir(asked["folder"])
    sys.argv = ["aws", *asked["arguments"]]
    try:
        code = awscli.clidriver.main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 255
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            code = code or 1
    connection.sendall(f"{int(code or 0)}".encode())


def main(path):
    load()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        # The tests have ended.
        if sys.stdin in ready:
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            try:
                call(connection)
            finally:
                os._exit(0)
        connection.close()


main(sys.argv[1])
