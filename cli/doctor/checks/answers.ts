/** Whether answers arrive as the Worker sends them: status, ETag, length, coding, ranges. */
import { gzipSync } from "node:zlib";
import { type Check, fail, ok, skipped } from "../check.ts";
import { md5Hex } from "../sign.ts";
import { codeOf, type Received, unexpected } from "../world.ts";

/** Compressible, and long enough for every proxy to compress it. */
export const TEXT = Buffer.from("The same line again and again, which compresses well.\n".repeat(100));
const TYPE = { "content-type": "text/plain" };

const COMPRESSION_REMEDY =
  "Cloudflare's dashboard, Rules > Compression Rules: none may match this host. The Worker sends `Cache-Control: no-transform`, which " +
  "Cloudflare obeys; another proxy (nginx: `gzip off`) must not compress answers either.";

const compression: Check = {
  name: "compression",
  sends: "GETs of a text object by clients that accept nothing, gzip, br and zstd, by HTTP/1.1",
  expects: "the stored bytes, without a `Content-Encoding`, with a strong ETag and a `Content-Length`",
  remedy: COMPRESSION_REMEDY,
  needs: ["bucket"],
  async run(world) {
    const found: string[] = [];
    for (const accepted of ["", "gzip", "br", "zstd", "gzip, deflate, br, zstd"]) {
      const key = `compression/${accepted.replaceAll(", ", "-")}.txt`;
      await world.put(key, TEXT, TYPE);
      const unsignedHeaders = accepted === "" ? {} : { "accept-encoding": accepted };
      const answer = await world.get(key, { unsignedHeaders, isRaw: true });
      const coding = answer.headers["content-encoding"];
      const client = accepted === "" ? "that accepts no coding" : `that accepts ${accepted}`;
      if (coding !== undefined) found.push(`${coding} for a client ${client}${lossesOf(answer)}`);
      else if (!answer.body.equals(TEXT)) found.push(`other bytes for a client ${client}`);
    }
    return found.length === 0 ? ok("no coding is added") : fail(["answers are compressed", ...found].join("\n"));
  },
};

function lossesOf({ headers }: Received): string {
  const losses = [
    ...(headers["content-length"] === undefined ? ["without Content-Length"] : []),
    ...(headers.etag?.startsWith("W/") ? ["with a weak ETag"] : []),
  ];
  return losses.length === 0 ? "" : `, ${losses.join(", ")}`;
}

const etag: Check = {
  name: "etag",
  sends: "a PUT and a GET of a text object",
  expects: "both answers have its MD5 in quotes as a strong ETag",
  remedy:
    "A proxy changes ETags, which clients compare with their files. Cloudflare's dashboard, Caching > Configuration and Rules > Compression " +
    "Rules: nothing may transform answers of this host.",
  needs: ["bucket"],
  async run(world) {
    const key = "etag.txt";
    const expected = `"${md5Hex(TEXT)}"`;
    const put = await world.put(key, TEXT, TYPE);
    if (put.headers.etag !== expected) return fail(describeEtag(put.headers.etag, "PUT"));
    const got = await world.get(key);
    if (got.headers.etag === expected) return ok("strong and quoted");
    return got.coding === undefined ? fail(describeEtag(got.headers.etag, "GET")) : skipped("the answer is compressed");
  },
};

function describeEtag(value: string | undefined, method: string): string {
  if (value === undefined) return `no ETag in the answer to ${method}`;
  if (value.startsWith("W/")) return `a weak ETag in the answer to ${method}: ${value.slice(0, 40)}`;
  return value.startsWith('"')
    ? `another ETag: ${value.slice(0, 40)}`
    : `an ETag without quotes in the answer to ${method}`;
}

const contentLength: Check = {
  name: "content-length",
  sends: "a GET and a HEAD of a text object, by clients that accept no coding and that accept gzip",
  expects: "`Content-Length` is its size",
  remedy:
    "Clients show no progress and do not notice that an object was cut off. A proxy buffers or transforms answers (nginx: " +
    "`proxy_buffering off`, no `sub_filter`); on Cloudflare see the remedy of compression.",
  needs: ["bucket"],
  async run(world) {
    const lacking: string[] = [];
    for (const accepted of ["identity", "gzip"]) {
      for (const method of ["GET", "HEAD"]) {
        const key = `length/${method.toLowerCase()}-${accepted}.txt`;
        await world.put(key, TEXT, TYPE);
        const answer = await world.expect(
          { method, key, unsignedHeaders: { "accept-encoding": accepted } },
          200,
          method,
        );
        const { "content-length": length } = answer.headers;
        if (answer.coding === undefined && length !== String(TEXT.byteLength)) {
          lacking.push(`${method}, accepting ${accepted}: ${length ?? "none"}`);
        }
      }
    }
    if (lacking.length === 0) return ok("GET and HEAD");
    return fail(["Content-Length is not the size of the object", ...lacking].join("\n"));
  },
};

const head: Check = {
  name: "head",
  sends: "a HEAD of an object, and of a key that does not exist",
  expects: "200 with the headers of a GET and without a body; 404 without a body",
  remedy: "A proxy or cache answers HEAD by itself: let it pass.",
  needs: ["bucket"],
  async run(world) {
    const key = "head.txt";
    await world.put(key, TEXT, { ...TYPE, "x-amz-website-redirect-location": "/x" });
    const answer = await world.send({ method: "HEAD", key });
    if (answer.status !== 200) return unexpected(answer, "HEAD");
    const lost = ["etag", "last-modified", "content-type", "x-amz-request-id"].filter(
      (name) => answer.headers[name] === undefined,
    );
    if (lost.length > 0) return fail(`HEAD lacks ${lost.join(", ")}`);
    const missing = await world.send({ method: "HEAD", key: "head/missing" });
    return missing.status === 404 ? ok("200 and 404") : unexpected(missing, "HEAD of a missing key");
  },
};

const range: Check = {
  name: "range",
  sends: "GETs with `Range: bytes=10-19`, `bytes=-10`, and one beyond the end",
  expects: "206 with these bytes and `Content-Range`; 416",
  remedy:
    "A proxy or cache removes `Range` or answers it by itself: let it pass. Downloads in parts and players need it.",
  needs: ["bucket"],
  async run(world) {
    const key = "range.bin";
    const content = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));
    await world.put(key, content);
    for (const [sent, start, end] of [
      ["bytes=10-19", 10, 20],
      ["bytes=-10", 990, 1000],
    ] as const) {
      const answer = await world.send({ key, headers: { range: sent } });
      if (codeOf(answer) === "SignatureDoesNotMatch") return fail("a signed Range is removed or changed");
      const plain = await world.send({ key, unsignedHeaders: { range: sent } });
      for (const each of [answer, plain]) {
        if (each.status === 200) return fail("200 with the whole object: Range is removed");
        if (each.status !== 206) return unexpected(each, `Range: ${sent}`);
        if (each.headers["content-range"] !== `bytes ${start}-${end - 1}/1000`)
          return fail("Content-Range is removed or changed");
        if (!each.body.equals(content.subarray(start, end))) return fail("other bytes than the range");
      }
    }
    const beyond = await world.send({ key, unsignedHeaders: { range: "bytes=1000-" } });
    return beyond.status === 416 ? ok("206 and 416") : unexpected(beyond, "Range beyond the end");
  },
};

const conditions: Check = {
  name: "conditions",
  sends:
    "`If-None-Match`, `If-Match`, `If-Modified-Since` and `If-Unmodified-Since` on GET; `If-None-Match: *` and `If-Match` on PUT",
  expects: "304 or 412 where the condition fails, else 200",
  remedy: "A proxy or cache removes conditional headers or weakens their ETags: let them pass.",
  needs: ["bucket"],
  async run(world) {
    const key = "conditions.txt";
    await world.put(key, TEXT);
    // Not as the answer shows it, since that may have been changed.
    const own = `"${md5Hex(TEXT)}"`;
    const other = `"${md5Hex(Buffer.from("other"))}"`;
    const past = "Mon, 01 Jan 2024 00:00:00 GMT";
    const cases = [
      ["GET", "if-none-match", own, 304],
      ["GET", "if-match", other, 412],
      ["GET", "if-unmodified-since", past, 412],
      ["GET", "if-modified-since", past, 200],
      ["PUT", "if-none-match", "*", 412],
      ["PUT", "if-match", other, 412],
      ["PUT", "if-match", own, 200],
    ] as const;
    const wrong: string[] = [];
    for (const [method, name, value, status] of cases) {
      const body = method === "PUT" ? { body: TEXT } : {};
      const answer = await world.send({ method, key, ...body, unsignedHeaders: { [name]: value } });
      if (answer.status !== status)
        wrong.push(`${method} with ${name}: ${value} is answered ${answer.status}, not ${status}`);
    }
    return wrong.length === 0 ? ok(`${cases.length} conditions`) : fail(wrong.join("\n"));
  },
};

const storedEncoding: Check = {
  name: "stored-encoding",
  sends:
    "GETs of objects stored with `Content-Encoding: gzip` and `br`, whole and in ranges, by clients that accept gzip and that do not",
  expects: "the stored bytes with their length and coding",
  remedy:
    "A proxy decompresses answers for clients that do not accept their coding. Cloudflare does not with `Cache-Control: no-transform`, which " +
    "the Worker adds: no rule may remove that header.",
  needs: ["bucket"],
  async run(world) {
    const changed: string[] = [];
    for (const coding of ["gzip", "br"]) {
      // The bytes are not looked into by S3, and need not be in the coding.
      const content = coding === "gzip" ? gzipSync(TEXT) : Buffer.from("not really brotli ".repeat(10));
      for (const accepted of ["identity", "gzip, br"]) {
        for (const part of ["whole", "range"]) {
          const key = `stored/${coding}-${accepted.slice(0, 4)}-${part}.txt`;
          await world.put(key, content, { ...TYPE, "content-encoding": coding });
          const unsignedHeaders = { "accept-encoding": accepted, ...(part === "range" && { range: "bytes=3-12" }) };
          const answer = await world.send({ key, unsignedHeaders, isRaw: true });
          // A lost range is another check's finding.
          const expected = answer.status === 206 ? content.subarray(3, 13) : content;
          const fault = faultOf(answer, expected, coding);
          if (fault !== undefined) changed.push(`${coding}, ${part}, for a client that accepts ${accepted}: ${fault}`);
        }
      }
    }
    return changed.length === 0 ? ok("gzip and br") : fail(["stored codings are changed", ...changed].join("\n"));
  },
};

function faultOf(answer: Received, expected: Buffer, coding: string): string | undefined {
  if (answer.status !== 200 && answer.status !== 206) return unexpected(answer, "GET").detail;
  if (answer.headers["content-encoding"] !== coding)
    return `Content-Encoding is ${answer.headers["content-encoding"] ?? "removed"}`;
  return answer.body.equals(expected) ? undefined : "other bytes";
}

const writes: Check = {
  name: "writes",
  sends: "8 PUTs to one key at the same time, then 4 DELETEs",
  expects: "200 and 204, or 503 `SlowDown`: R2 takes one write a second for each key",
  remedy: "Another answer than SlowDown is a fault: search the Worker's log for its x-amz-request-id.",
  needs: ["bucket"],
  async run(world) {
    const slow = { count: 0 };
    for (const [method, count, expected] of [
      ["PUT", 8, 200],
      ["DELETE", 4, 204],
    ] as const) {
      const body = method === "PUT" ? { body: "x" } : {};
      const answers = await Promise.all(
        Array.from({ length: count }, () => world.send({ method, key: "writes", ...body })),
      );
      for (const answer of answers) {
        if (codeOf(answer) === "SlowDown") slow.count++;
        else if (answer.status !== expected) return unexpected(answer, `one of ${count} concurrent ${method}s`);
      }
    }
    return slow.count === 0 ? ok("all succeed") : ok(`${slow.count} of 12 are asked to slow down`);
  },
};

export const ANSWERS: readonly Check[] = [
  ...[compression, etag, contentLength, head, range, conditions, storedEncoding, writes],
];
