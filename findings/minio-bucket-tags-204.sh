#!/usr/bin/env bash
# minio 8.0.7 (npm): setBucketTagging accepts only the status 200. AWS S3 answers PutBucketTagging with
# 204, as its example in API_PutBucketTagging shows, so the call throws an S3Error without code and message although the tags are set.
# removeBucketTagging accepts both. The server below answers every request with one status.
# Seen: "set, 200: done", "set, 204: S3Error with code "" and message """, "remove, 204: done".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-fund --no-audit minio@8.0.7 node@22.23.3 >/dev/null
cat >try.mjs <<'JS'
import { createServer } from "node:http";
import { Client } from "minio";

let status;
const server = createServer((request, response) => request.resume().on("end", () => response.writeHead(status).end()));
server.listen(0, "127.0.0.1", async () => {
  const { port } = server.address();
  const keys = { accessKey: "key", secretKey: "secret", region: "us-east-1" };
  const client = new Client({ endPoint: "127.0.0.1", port, useSSL: false, ...keys });
  const calls = [
    ["set", 200, () => client.setBucketTagging("bucket", { name: "value" })],
    ["set", 204, () => client.setBucketTagging("bucket", { name: "value" })],
    ["remove", 204, () => client.removeBucketTagging("bucket")],
  ];
  for (const [name, answer, call] of calls) {
    status = answer;
    const failure = ({ name: type, code, message }) => `${type} with code "${code}" and message "${message}"`;
    console.log(`${name}, ${answer}: ${await call().then(() => "done", failure)}`);
  }
  process.exit();
});
JS
output=$(node_modules/.bin/node try.mjs)
printf '%s\n' "$output"
[ "$output" = 'set, 200: done
set, 204: S3Error with code "" and message ""
remove, 204: done' ]
