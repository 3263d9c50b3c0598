"""What boto3 is asked to do. Run by boto3.test.ts, which shows each check as a test.

`--list` prints the names; otherwise every check runs and prints one line of JSON. The endpoint and the keys come from
the environment.
"""

import datetime
import hashlib
import io
import json
import os
import sys
import traceback
import urllib.request
import uuid

import boto3
import boto3.s3.transfer
import botocore.config
import botocore.exceptions

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def client(**config):
    settings = {"s3": {"addressing_style": "path"}, "signature_version": "s3v4", "retries": {"total_max_attempts": 1}}
    return boto3.client("s3", config=botocore.config.Config(**{**settings, **config}))


def refused(code, operation, **arguments):
    try:
        operation(**arguments)
    except botocore.exceptions.ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code, f"{found}, expected {code}"
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
    raise AssertionError(f"{code} expected, but it succeeded")


@check
def bytes_metadata_and_etag_round_trip(s3, bucket):
    body = os.urandom(200_000)
    written = s3.put_object(Bucket=bucket, Key="k", Body=body, ContentType="text/x-boto", Metadata={"a": "1 2"})
    assert written["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    read = s3.get_object(Bucket=bucket, Key="k")
    assert read["Body"].read() == body
    assert read["ContentType"] == "text/x-boto" and read["Metadata"] == {"a": "1 2"}


@check
def odd_keys_round_trip_and_list(s3, bucket):
    keys = sorted(
        ["a b", "a+b", "a%20b", "ünï/😀", "a&b=c", "<x>", "q?m#h", "'\"", "tab\there", "x//y", "/lead", "z\\w", "~.-_"]
    )
    for key in keys:
        s3.put_object(Bucket=bucket, Key="odd/" + key, Body=key.encode())
    listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix="odd/")["Contents"]]
    assert listed == sorted(("odd/" + key for key in keys), key=str.encode), listed
    for key in keys:
        assert s3.get_object(Bucket=bucket, Key="odd/" + key)["Body"].read() == key.encode(), key


@check
def paginators_see_every_key_once(s3, bucket):
    keys = [f"p/{number:03}" for number in range(25)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for name in ("list_objects", "list_objects_v2"):
        pages = s3.get_paginator(name).paginate(Bucket=bucket, Prefix="p/", PaginationConfig={"PageSize": 7})
        assert [entry["Key"] for page in pages for entry in page.get("Contents", [])] == keys, name


@check
def errors_carry_their_codes(s3, bucket):
    missing = f"boto3-{uuid.uuid4()}"
    assert refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="missing") == 404
    assert refused("NoSuchBucket", s3.list_objects_v2, Bucket=missing) == 404
    assert refused("404", s3.head_object, Bucket=bucket, Key="missing") == 404
    s3.put_object(Bucket=bucket, Key="here", Body=b"x")
    assert refused("BucketNotEmpty", s3.delete_bucket, Bucket=bucket) == 409
    assert refused("InvalidRange", s3.get_object, Bucket=bucket, Key="here", Range="bytes=5-") == 416
    assert refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="here", Body=b"y", IfNoneMatch="*") == 412
    assert refused("304", s3.get_object, Bucket=bucket, Key="here", IfNoneMatch=f'"{hashlib.md5(b"x").hexdigest()}"') == 304


@check
def file_objects_upload_and_download(s3, bucket):
    body = os.urandom(3_000_000)
    s3.upload_fileobj(io.BytesIO(body), bucket, "file", ExtraArgs={"Metadata": {"m": "1"}})
    target = io.BytesIO()
    s3.download_fileobj(bucket, "file", target)
    assert target.getvalue() == body


@check
def checksums_are_verified(s3, bucket):
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        s3.put_object(Bucket=bucket, Key=algorithm, Body=b"123456789", ChecksumAlgorithm=algorithm)
        read = s3.get_object(Bucket=bucket, Key=algorithm, ChecksumMode="ENABLED")
        assert read["Body"].read() == b"123456789" and read[f"Checksum{algorithm}"]
    for field, value in (("ChecksumCRC32C", "4waSgw=="), ("ChecksumCRC64NVME", "rosUhgp5mIg=")):
        written = s3.put_object(Bucket=bucket, Key=field, Body=b"123456789", **{field: value})
        assert written[field] == value and written["ChecksumType"] == "FULL_OBJECT"
        refused("BadDigest", s3.put_object, Bucket=bucket, Key="wrong", Body=b"other", **{field: value})


@check
def delete_objects_reports_each_key(s3, bucket):
    for key in ("d/1", "d/2 & 3"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "d/1"}, {"Key": "d/2 & 3"}, {"Key": "d/4"}]})
    assert sorted(entry["Key"] for entry in answer["Deleted"]) == ["d/1", "d/2 & 3", "d/4"]
    assert "Errors" not in answer


@check
def presigned_urls_open_and_store(s3, bucket):
    arguments = {"Bucket": bucket, "Key": "pre signed/+ü"}
    put = s3.generate_presigned_url("put_object", Params=arguments, ExpiresIn=60)
    with urllib.request.urlopen(urllib.request.Request(put, data=b"by url", method="PUT")) as answer:
        assert answer.status == 200
    with urllib.request.urlopen(s3.generate_presigned_url("get_object", Params=arguments, ExpiresIn=60)) as answer:
        assert answer.read() == b"by url"


@check
def without_default_checksums(_s3, bucket):
    s3 = client(request_checksum_calculation="when_required", response_checksum_validation="when_required")
    s3.put_object(Bucket=bucket, Key="plain", Body=b"plain")
    assert s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "plain"}]})["Deleted"] == [{"Key": "plain"}]


@check
def the_resource_interface(_s3, bucket):
    resource = boto3.resource("s3", config=botocore.config.Config(signature_version="s3v4"))
    resource.Object(bucket, "r/1").put(Body=b"1")
    assert resource.Object(bucket, "r/1").content_length == 1
    assert [entry.key for entry in resource.Bucket(bucket).objects.filter(Prefix="r/")] == ["r/1"]
    resource.Bucket(bucket).objects.filter(Prefix="r/").delete()
    assert list(resource.Bucket(bucket).objects.filter(Prefix="r/")) == []


@check
def urls_and_forms_as_the_defaults_make_them(_s3, bucket):
    """Signature Version 2 in us-east-1."""
    s3 = boto3.client("s3")
    key = "a/b c+é.txt"
    arguments = {"Bucket": bucket, "Key": key, "ContentType": "text/x-boto", "Metadata": {"a": "1"}}
    url = s3.generate_presigned_url("put_object", Params=arguments, ExpiresIn=60)
    assert "AWSAccessKeyId=" in url, url
    put = urllib.request.Request(url, b"by url", {"Content-Type": "text/x-boto"}, method="PUT")
    urllib.request.urlopen(put).close()
    overrides = {"ResponseContentDisposition": 'attachment; filename="a b&c.txt"', "ResponseContentType": "text/x-other"}
    with urllib.request.urlopen(
        s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key, **overrides})
    ) as answer:
        assert answer.read() == b"by url"
        assert answer.headers["x-amz-meta-a"] == "1"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="a b&c.txt"'
        assert answer.headers["Content-Type"] == "text/x-other"
    with urllib.request.urlopen(s3.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket})) as answer:
        assert answer.read().count(b"<Key>") == 1
    form = s3.generate_presigned_post(bucket, "form/${filename}", Conditions=[["content-length-range", 1, 100]])
    assert "AWSAccessKeyId" in form["fields"], form
    edge = uuid.uuid4().hex
    fields = "".join(
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form["fields"].items()
    )
    file = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\n\r\nby form\r\n--{edge}--\r\n'
    content_type = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    urllib.request.urlopen(urllib.request.Request(form["url"], (fields + file).encode(), content_type)).close()
    assert s3.get_object(Bucket=bucket, Key="form/f.txt")["Body"].read() == b"by form"


@check
def requests_signed_with_version_2(_s3, bucket):
    s3 = client(signature_version="s3")
    s3.put_object(Bucket=bucket, Key="a b/ü+", Body=b"1", Metadata={"x": "y  z"}, ContentType="text/x-boto")
    assert s3.get_object(Bucket=bucket, Key="a b/ü+")["Metadata"] == {"x": "y  z"}
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix="a b/")["Contents"]] == ["a b/ü+"]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a b/ü+"})
    s3.put_object_tagging(Bucket=bucket, Key="copy", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"] == [{"Key": "k", "Value": "v"}]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    place = {"Bucket": bucket, "Key": "parts", "UploadId": upload}
    part = s3.upload_part(**place, PartNumber=1, Body=b"part")
    assert len(s3.list_parts(**place)["Parts"]) == 1
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**place, MultipartUpload=parts)
    assert len(s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "parts"}, {"Key": "copy"}]})["Deleted"]) == 2
    refused("InvalidRequest", s3.get_public_access_block, Bucket=bucket)


@check
def versions_are_kept_restored_and_removed(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"first", Tagging="is=first")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"second")["VersionId"]
    removed = s3.delete_object(Bucket=bucket, Key="k")
    assert removed["DeleteMarker"] is True
    assert refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="k") == 404
    assert refused("405", s3.head_object, Bucket=bucket, Key="k", VersionId=removed["VersionId"]) == 405
    for version, body in [("null", b"before"), (first, b"first"), (second, b"second")]:
        read = s3.get_object(Bucket=bucket, Key="k", VersionId=version)
        assert read["Body"].read() == body and read["VersionId"] == version
    assert s3.get_object_tagging(Bucket=bucket, Key="k", VersionId=first)["TagSet"] == [{"Key": "is", "Value": "first"}]
    listed = s3.list_object_versions(Bucket=bucket)
    assert [entry["VersionId"] for entry in listed["Versions"]] == [second, first, "null"]
    assert [entry["VersionId"] for entry in listed["DeleteMarkers"]] == [removed["VersionId"]]
    source = {"Bucket": bucket, "Key": "k", "VersionId": first}
    copied = s3.copy_object(Bucket=bucket, Key="k", CopySource=source)
    assert copied["CopySourceVersionId"] == first
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=copied["VersionId"])
    s3.delete_object(Bucket=bucket, Key="k", VersionId=removed["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"second"
    resource = boto3.resource("s3").Bucket(bucket)
    assert resource.Versioning().status == "Enabled"
    resource.object_versions.delete()
    assert list(resource.object_versions.all()) == []


@check
def deletions_on_conditions(s3, bucket):
    written = s3.put_object(Bucket=bucket, Key="k", Body=b"body")
    time = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    refused("PreconditionFailed", s3.delete_object, Bucket=bucket, Key="k", IfMatchSize=1)
    refused("PreconditionFailed", s3.delete_object, Bucket=bucket, Key="k", IfMatch='"0"', IfMatchLastModifiedTime=time)
    objects = [{"Key": "k", "ETag": written["ETag"], "Size": 5}, {"Key": "k", "LastModifiedTime": time, "Size": 4}]
    result = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    assert [entry["Code"] for entry in result["Errors"]] == ["PreconditionFailed"] and len(result["Deleted"]) == 1
    refused("404", s3.head_object, Bucket=bucket, Key="k")


@check
def locks_as_backup_tools_set_them(s3, _bucket):
    locked = f"boto3-{uuid.uuid4()}"
    s3.create_bucket(Bucket=locked, ObjectLockEnabledForBucket=True)
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=configuration)
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == configuration

    # By the bucket's default; by the request, in one part and in several.
    until = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=30)
    own = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until, "ObjectLockLegalHoldStatus": "ON"}
    parts = boto3.s3.transfer.TransferConfig(multipart_threshold=5 * 2**20, multipart_chunksize=5 * 2**20)
    s3.put_object(Bucket=locked, Key="default", Body=b"d")
    s3.put_object(Bucket=locked, Key="own", Body=b"o", **own)
    s3.upload_fileobj(io.BytesIO(b"p" * (6 * 2**20)), locked, "parts", ExtraArgs=own, Config=parts)
    default = s3.head_object(Bucket=locked, Key="default")
    assert default["ObjectLockMode"] == "GOVERNANCE" and "ObjectLockLegalHoldStatus" not in default
    for key in ("own", "parts"):
        head = s3.head_object(Bucket=locked, Key=key)
        assert {name: head[name] for name in own} == own, head
        retention = s3.get_object_retention(Bucket=locked, Key=key)["Retention"]
        assert retention == {"Mode": "GOVERNANCE", "RetainUntilDate": until}

    # Extended as each backup needs the same bytes again; never shortened without the bypass.
    later = {"Mode": "GOVERNANCE", "RetainUntilDate": until + datetime.timedelta(days=30)}
    s3.put_object_retention(Bucket=locked, Key="own", Retention=later)
    sooner = {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    assert refused("AccessDenied", s3.put_object_retention, Bucket=locked, Key="own", Retention=sooner) == 403

    # What stolen keys try: nothing that is locked is lost.
    versions = s3.list_object_versions(Bucket=locked)["Versions"]
    for version in versions:
        named = {"Bucket": locked, "Key": version["Key"], "VersionId": version["VersionId"]}
        assert refused("AccessDenied", s3.delete_object, **named) == 403
        s3.delete_object(Bucket=locked, Key=version["Key"])
    objects = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
    result = s3.delete_objects(Bucket=locked, Delete={"Objects": objects})
    assert [entry["Code"] for entry in result["Errors"]] == ["AccessDenied"] * 3 and "Deleted" not in result, result
    refused("InvalidBucketState", s3.put_bucket_versioning, Bucket=locked, VersioningConfiguration={"Status": "Suspended"})
    refused("BucketNotEmpty", s3.delete_bucket, Bucket=locked)
    assert {entry["VersionId"] for entry in s3.list_object_versions(Bucket=locked)["Versions"]} == {
        version["VersionId"] for version in versions
    }

    for key in ("own", "parts"):
        version = next(each for each in objects if each["Key"] == key)
        s3.put_object_legal_hold(Bucket=locked, **version, LegalHold={"Status": "OFF"})
        assert s3.get_object_legal_hold(Bucket=locked, **version)["LegalHold"] == {"Status": "OFF"}
    listed = s3.list_object_versions(Bucket=locked)
    for entry in listed["Versions"] + listed["DeleteMarkers"]:
        named = {"Key": entry["Key"], "VersionId": entry["VersionId"]}
        s3.delete_object(Bucket=locked, **named, BypassGovernanceRetention=True)
    s3.delete_bucket(Bucket=locked)


def empty_and_delete(s3, bucket):
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        objects = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
        if objects:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    s3.delete_bucket(Bucket=bucket)


def main():
    if sys.argv[1:] == ["--list"]:
        print(json.dumps([function.__name__ for function in CHECKS]))
        return
    s3 = client()
    for function in CHECKS:
        failure = None
        try:
            bucket = f"boto3-{uuid.uuid4()}"
            s3.create_bucket(Bucket=bucket)
            function(s3, bucket)
            empty_and_delete(s3, bucket)
        except Exception:
            failure = traceback.format_exc()
        print(json.dumps({"name": function.__name__, "failure": failure}), flush=True)


main()
