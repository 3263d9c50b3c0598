#!/usr/bin/env bash
# minio 8.0.7 (npm): composeObject of a source above 524 MiB copies the end of it again and again. Such a source is split into parts, but
# all of them share one object of headers and one part number: each UploadPartCopy has the range of the last part, and each replaces the
# one before. So the composed object lacks the other bytes of the source.
# The server below answers as S3 does, for a source of 600 MiB and one of 6 MiB, and prints what it is asked to copy.
# Seen: "part 1 bytes=314572800-629145599" twice, then "part 2 bytes=0-6291455". Expected: "part 1 bytes=0-314572799",
# "part 2 bytes=314572800-629145599", "part 3 bytes=0-6291455".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-fund --no-audit minio@8.0.7 node@22.23.3 >/dev/null
cat >try.mjs <<'JS'
import { createServer } from "node:http";
import { Client, CopyDestinationOptions, CopySourceOptions } from "minio";

const xml = (root, content) => `<?xml version="1.0" encoding="UTF-8"?><${root}>${content}</${root}>`;
const copied = [];
const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url, "http://x");
  response.setHeader("etag", '"00000000000000000000000000000000"');
  request.resume().on("end", () => {
    if (request.method === "HEAD") {
      response.setHeader("content-length", request.url.includes("large") ? 600 * 2 ** 20 : 6 * 2 ** 20);
      response.setHeader("last-modified", new Date(0).toUTCString());
      response.end();
    } else if (searchParams.has("uploads")) {
      response.end(xml("InitiateMultipartUploadResult", "<Bucket>b</Bucket><Key>made</Key><UploadId>u</UploadId>"));
    } else if (searchParams.has("partNumber")) {
      copied.push(`part ${searchParams.get("partNumber")} ${request.headers["x-amz-copy-source-range"]}`);
      response.end(xml("CopyPartResult", '<ETag>"00000000000000000000000000000000"</ETag>'));
    } else {
      const made = "<Location>l</Location><Bucket>b</Bucket><Key>made</Key><ETag>e</ETag>";
      response.end(xml("CompleteMultipartUploadResult", made));
    }
  });
});
server.listen(0, "127.0.0.1", async () => {
  const { port } = server.address();
  const keys = { accessKey: "key", secretKey: "secret", region: "us-east-1" };
  const client = new Client({ endPoint: "127.0.0.1", port, useSSL: false, ...keys });
  const sources = ["large", "small"].map((name) => new CopySourceOptions({ Bucket: "bucket", Object: name }));
  await client.composeObject(new CopyDestinationOptions({ Bucket: "bucket", Object: "made" }), sources);
  console.log(copied.sort().join("\n"));
  process.exit();
});
JS
output=$(node_modules/.bin/node try.mjs)
printf '%s\n' "$output"
[ "$output" = 'part 1 bytes=314572800-629145599
part 1 bytes=314572800-629145599
part 2 bytes=0-6291455' ]
