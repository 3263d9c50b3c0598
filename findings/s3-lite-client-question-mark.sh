#!/usr/bin/env bash
# @bradenmacdonald/s3-lite-client 1.0.0: a key with "?" cannot be used. The path that is signed is cut at its first "?", also when that is
# part of the key, so putObject("what?") signs "/bucket/what" and a query of its own and sends "/bucket/what%3F", which a server that
# verifies signatures refuses; and presignedGetObject("what?") is a URL of the object "what".
# Seen: "plain: signature matches", "what?: signature does not match; putObject asks for /bucket/what%3F, the presigned URL for
# /bucket/what".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-fund --no-audit @bradenmacdonald/s3-lite-client@1.0.0 node@22.23.3 >/dev/null
cat >try.mjs <<'JS'
import { createHash, createHmac } from "node:crypto";
import { createServer } from "node:http";
import { S3Client } from "@bradenmacdonald/s3-lite-client";

const hmac = (key, text) => createHmac("sha256", key).update(text).digest();

function isSigned({ method, url, headers }) {
  const [path, query = ""] = url.split("?");
  const [, scope, names, signature] = /Credential=[^/]+\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)/.exec(headers.authorization);
  const lines = names.split(";").map((name) => `${name}:${headers[name]}\n`);
  const canonical = [method, path, query, lines.join(""), names, headers["x-amz-content-sha256"]].join("\n");
  const hash = createHash("sha256").update(canonical).digest("hex");
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hash].join("\n");
  return hmac(scope.split("/").reduce(hmac, "AWS4secret"), text).toString("hex") === signature;
}

let path;
let signed;
const server = createServer((request, response) => {
  path = request.url;
  signed = isSigned(request) ? "matches" : "does not match";
  request.resume().on("end", () => response.setHeader("etag", '"e"').end());
});
server.listen(0, "127.0.0.1", async () => {
  const endPoint = `http://127.0.0.1:${server.address().port}`;
  const keys = { accessKey: "key", secretKey: "secret", region: "us-east-1" };
  const client = new S3Client({ endPoint, bucket: "bucket", ...keys });
  await client.putObject("plain", "text");
  console.log(`plain: signature ${signed}`);
  await client.putObject("what?", "text");
  const { pathname } = new URL(await client.presignedGetObject("what?"));
  console.log(`what?: signature ${signed}; putObject asks for ${path}, the presigned URL for ${pathname}`);
  process.exit();
});
JS
output=$(node_modules/.bin/node try.mjs)
printf '%s\n' "$output"
[ "$output" = 'plain: signature matches
what?: signature does not match; putObject asks for /bucket/what%3F, the presigned URL for /bucket/what' ]
