#!/usr/bin/env bash
# s3-sync-client 4.3.1 with @aws-sdk/client-s3 3.1175.0: a sync from bucket to bucket copies no object with "+" in its key. The copy source
# is encoded with encodeURI, which leaves "+" as it is, and S3 reads "+" of x-amz-copy-source as a space: it looks for "a b", and the
# sync fails with NoSuchKey.
# The server below lists the object "a+b" in the source, nothing in the target, and prints what it is asked to copy.
# Seen: "PUT /target/a%2Bb copies source/a+b". Expected: source/a%2Bb.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-fund --no-audit s3-sync-client@4.3.1 @aws-sdk/client-s3@3.1175.0 node@22.23.3 >/dev/null
cat >try.cjs <<'JS'
const { createServer } = require("node:http");
const { S3Client } = require("@aws-sdk/client-s3");
const { S3SyncClient } = require("s3-sync-client");

const contents = "<Contents><Key>a+b</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>1</Size></Contents>";
const copied = "<CopyObjectResult><LastModified>2026-01-01T00:00:00.000Z</LastModified></CopyObjectResult>";
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://x");
  const isListing = request.method === "GET";
  if (!isListing) console.log(`${request.method} ${pathname} copies ${request.headers["x-amz-copy-source"]}`);
  const listed = pathname.startsWith("/source") ? contents : "";
  const listing = `<ListBucketResult><IsTruncated>false</IsTruncated>${listed}</ListBucketResult>`;
  response.setHeader("content-type", "application/xml");
  request.resume().on("end", () => response.end(isListing ? listing : copied));
});
server.listen(0, "127.0.0.1", async () => {
  const endpoint = `http://127.0.0.1:${server.address().port}`;
  const credentials = { accessKeyId: "key", secretAccessKey: "secret" };
  const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials });
  await new S3SyncClient({ client }).sync("s3://source", "s3://target");
  process.exit();
});
JS
output=$(node_modules/.bin/node try.cjs)
printf '%s\n' "$output"
[ "$output" = "PUT /target/a%2Bb copies source/a+b" ]
