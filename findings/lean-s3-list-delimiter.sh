#!/usr/bin/env bash
# lean-s3 0.6.3: list({ delimiter }) is signed for a query that is not canonical: Signature Version 4 sorts parameters by name and writes
# "/" as %2F, and lean-s3 signs "list-type=2&delimiter=/" as it sends it. A server that verifies signatures answers 403; the caller gets
# "Response code not implemented yet: 403". Listings without a delimiter have their parameters in the right order.
# The server below makes the canonical request from what it receives and compares the signatures.
# Seen: "list: signature matches", "prefix: signature matches", "delimiter: signature does not match".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-fund --no-audit lean-s3@0.6.3 node@22.23.3 >/dev/null
cat >try.mjs <<'JS'
import { createHash, createHmac } from "node:crypto";
import { createServer } from "node:http";
import { S3Client } from "lean-s3";

const hmac = (key, text) => createHmac("sha256", key).update(text).digest();
const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function isSigned({ method, url, headers }) {
  const { pathname, searchParams } = new URL(url, "http://x");
  const pairs = [...searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`);
  const [, scope, names, signature] = /Credential=[^/]+\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)/.exec(headers.authorization);
  const lines = names.split(";").map((name) => `${name}:${headers[name]}\n`);
  const canonical = [method, pathname, pairs.sort().join("&"), lines.join(""), names, headers["x-amz-content-sha256"]].join("\n");
  const hash = createHash("sha256").update(canonical).digest("hex");
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hash].join("\n");
  return hmac(scope.split("/").reduce(hmac, "AWS4secret"), text).toString("hex") === signature;
}

let signed;
const server = createServer((request, response) => {
  signed = isSigned(request);
  const content = "<Name>b</Name><Prefix></Prefix><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>";
  response.setHeader("content-type", "application/xml");
  response.end(`<?xml version="1.0" encoding="UTF-8"?><ListBucketResult>${content}</ListBucketResult>`);
});
server.listen(0, "127.0.0.1", async () => {
  const endpoint = `http://127.0.0.1:${server.address().port}`;
  const keys = { accessKeyId: "key", secretAccessKey: "secret", region: "us-east-1" };
  const client = new S3Client({ endpoint, bucket: "bucket", ...keys });
  for (const [name, options] of [["list", {}], ["prefix", { prefix: "a/b" }], ["delimiter", { delimiter: "/" }]]) {
    await client.list(options);
    console.log(`${name}: signature ${signed ? "matches" : "does not match"}`);
  }
  process.exit();
});
JS
output=$(node_modules/.bin/node try.mjs)
printf '%s\n' "$output"
[ "$output" = 'list: signature matches
prefix: signature matches
delimiter: signature does not match' ]
