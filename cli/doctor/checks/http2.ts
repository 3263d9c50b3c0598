/** What may differ over HTTP/2. */
import { gzipSync } from "node:zlib";
import { type Check, fail, ok, skipped } from "../check.ts";
import { exchangeHttp2, openHttp2 } from "../http2.ts";
import { md5Hex } from "../sign.ts";
import type { Received, S3Request, World } from "../world.ts";
import { TEXT } from "./answers.ts";

const http2: Check = {
  name: "http2",
  sends:
    "over HTTP/2: GETs and HEADs of a text object by clients that accept gzip and that do not, a GET of a stored gzip object, and PUTs without a length and with `Content-Length: 0`",
  expects:
    "the stored bytes, a strong ETag, `Content-Length`, no added coding; 411, 501 or an empty object, and an empty object",
  remedy:
    "Report it with this output. Until then, Cloudflare's dashboard, Speed > Settings > Protocol Optimization: turn HTTP/2 off, on plans that allow it.",
  needs: ["bucket", "compression", "etag", "content-length", "stored-encoding"],
  async run(world) {
    if (!world.destination.isTls) return skipped("the endpoint is http");
    const session = await openHttp2(world.destination, world.limits);
    if (session === undefined) return skipped("the endpoint does not offer HTTP/2");
    try {
      const faults = await tryRequests(world, async (request) =>
        exchangeHttp2(session, world.prepare(request), world.limits),
      );
      return faults.length === 0 ? ok("as over HTTP/1.1") : fail(faults.join("\n"));
    } finally {
      session.close();
    }
  },
};

async function tryRequests(world: World, send: (request: S3Request) => Promise<Received>): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const accepted of ["identity", "gzip, br"]) {
    for (const method of ["GET", "HEAD"]) {
      const key = `http2/${method.toLowerCase()}-${accepted.length}.txt`;
      await world.put(key, TEXT, { "content-type": "text/plain" });
      const { status, headers, body } = await send({ method, key, unsignedHeaders: { "accept-encoding": accepted } });
      const seen = [
        ...(status === 200 ? [] : [`status ${status}`]),
        ...(headers["content-encoding"] === undefined ? [] : [`Content-Encoding: ${headers["content-encoding"]}`]),
        ...(headers.etag === `"${md5Hex(TEXT)}"` ? [] : [`ETag: ${headers.etag ?? "none"}`]),
        ...(headers["content-length"] === String(TEXT.byteLength)
          ? []
          : [`Content-Length: ${headers["content-length"] ?? "none"}`]),
        ...(method === "HEAD" || body.equals(TEXT) ? [] : ["other bytes"]),
      ];
      if (seen.length > 0) faults.push(`${method}, accepting ${accepted}: ${seen.join(", ")}`);
    }
  }
  const packed = gzipSync(TEXT);
  const key = "http2/stored.txt";
  await world.put(key, packed, { "content-type": "text/plain", "content-encoding": "gzip" });
  const stored = await send({ key, unsignedHeaders: { "accept-encoding": "identity" } });
  if (!stored.body.equals(packed))
    faults.push("a stored gzip object is decompressed for a client that accepts identity");
  for (const [what, unsignedHeaders] of [
    ["without a length", {}],
    ["with Content-Length: 0", { "content-length": "0" }],
  ] as const) {
    const { status } = await send({ method: "PUT", key: "http2/empty", unsignedHeaders });
    // Without a body the end of the headers shows that it is empty. The Worker may see a body of unknown length instead.
    const isExpected = status === 200 || ([411, 501].includes(status) && what === "without a length");
    if (!isExpected) faults.push(`a PUT ${what} is answered ${status}`);
  }
  return faults;
}

export const HTTP2: readonly Check[] = [http2];
