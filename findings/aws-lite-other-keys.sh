#!/usr/bin/env bash
# @aws-lite/s3 0.2.7 with @aws-lite/client 0.23.7: a key is put into the path of the request without its escapes, and slashes are folded.
# So PutObject of "a//b" writes "a/b", of "/a" writes "a", and of "%41" writes "A": another object is replaced, without an error. "+" is
# sent bare, which is a space in paths of AWS S3, and what follows "?" in a key becomes a query.
# The server below prints the path of each PutObject; it stores nothing.
# Seen: "a//b: /bucket/a/b", "/a: /bucket/a", "%41: /bucket/%41", "a+b: /bucket/a+b", "a?b: /bucket/a?b=".
# Expected: "/bucket/a//b", "/bucket//a", "/bucket/%2541", "/bucket/a%2Bb", "/bucket/a%3Fb".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-fund --no-audit @aws-lite/client@0.23.7 @aws-lite/s3@0.2.7 node@22.23.3 >/dev/null
cat >try.mjs <<'JS'
import { createServer } from "node:http";
import awsLite from "@aws-lite/client";

let path;
const server = createServer((request, response) => {
  path = request.url;
  request.resume().on("end", () => response.setHeader("etag", '"e"').end());
});
server.listen(0, "127.0.0.1", async () => {
  const endpoint = `http://127.0.0.1:${server.address().port}`;
  const keys = { accessKeyId: "key", secretAccessKey: "secret", region: "us-east-1" };
  const aws = await awsLite({ ...keys, endpoint, plugins: [import("@aws-lite/s3")] });
  for (const Key of ["a//b", "/a", "%41", "a+b", "a?b"]) {
    await aws.S3.PutObject({ Bucket: "bucket", Key, Body: Buffer.from("text") });
    console.log(`${Key}: ${path}`);
  }
  process.exit();
});
JS
output=$(node_modules/.bin/node try.mjs)
printf '%s\n' "$output"
[ "$output" = 'a//b: /bucket/a/b
/a: /bucket/a
%41: /bucket/%41
a+b: /bucket/a+b
a?b: /bucket/a?b=' ]
