#!/usr/bin/env bash
# botocore 1.43.107 (boto3 is the same code): SSECustomerKey is a key without SSECustomerKeyMD5, and base64 of a key with it.
# Its documentation says of SSECustomerKeyMD5 only that it is populated if it is not provided. A program that provides the right MD5
# of a key of 32 bytes sends these bytes as they are, which is no base64 of 32 bytes, and S3 refuses the request.
# Seen: "without MD5: a2tr…a2s=", the base64 of the key; "with MD5: kkkk…k", the key itself.
# Expected: the same header, the base64 of the key, in both cases.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check botocore==1.43.107
cat >try.py <<'PY'
import base64
import hashlib

import botocore.awsrequest
import botocore.session

KEY = b"k" * 32
NAME = "x-amz-server-side-encryption-customer-key"
sent = []


def answer(request, **_):
    sent.append(request.headers[NAME])
    return botocore.awsrequest.AWSResponse(request.url, 200, {"ETag": '"e"'}, None)


session = botocore.session.Session()
session.set_credentials("key", "secret")
s3 = session.create_client("s3", region_name="us-east-1", endpoint_url="http://127.0.0.1:9")
s3.meta.events.register("before-send.s3", answer)
object = {"Bucket": "bucket", "Key": "key", "SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY.decode()}
md5 = base64.b64encode(hashlib.md5(KEY).digest()).decode()
for what, more in (("without MD5", {}), ("with MD5", {"SSECustomerKeyMD5": md5})):
    try:
        s3.head_object(**object, **more)
    except AttributeError:
        pass  # The answer above has no body.
    value = sent[-1].decode() if isinstance(sent[-1], bytes) else sent[-1]
    print(f"{what}: {value}")
PY
output=$(env/bin/python try.py)
printf '%s\n' "$output"
[ "$output" = "without MD5: a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=
with MD5: kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" ]
