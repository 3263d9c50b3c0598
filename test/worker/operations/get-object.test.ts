import { exports } from "cloudflare:workers";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import { putMultipart } from "../../support/multipart.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { handDirectly, presign, putObject, type SendOptions, STYLES, send, urlOf } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { sha256, sign } from "../../support/signer.ts";
import { handleRequest } from "../../support/worker.ts";

describeRefusals("GetObject", { key: "k", success: 200 });

const DIGITS = "0123456789";

function get(options: SendOptions): Promise<Response> {
  return send({ key: "k", ...options });
}

async function bucketWith(body: string | Uint8Array = DIGITS, options: SendOptions = {}): Promise<string> {
  const bucket = await createBucket();
  await putObject(bucket, "k", body, options);
  return bucket;
}

describe("GetObject", () => {
  it.each(STYLES)("GetObject returns the bytes and all headers, %s style", async (style) => {
    const headers = { "content-type": "text/plain", "x-amz-meta-a": "1", "cache-control": "max-age=1" };
    const bucket = await bucketWith(DIGITS, { headers });
    const response = await get({ bucket, style });
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "accept-ranges": "bytes",
      "cache-control": "max-age=1",
      "content-type": "text/plain",
      etag: '"781e5e245d69b566979b86e28d23f2c7"',
      "last-modified": expect.stringMatching(/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/),
      "x-amz-meta-a": "1",
      "x-amz-request-id": expect.stringMatching(/^[0-9A-F]{16}$/),
    });
    expect(await response.text()).toBe(DIGITS);
  });

  it("GetObject answers an empty object", async () => {
    const response = await get({ bucket: await bucketWith("") });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  it.each(STYLES)("GetObject refuses an absent key with NoSuchKey, %s style", async (style) => {
    const bucket = await createBucket();
    const key = "not here/ü&<>";
    await expectError(await get({ bucket, key, style }), 404, "NoSuchKey", { details: { Key: key } });
  });

  it.each(STYLES)("GetObject distinguishes hostile keys, %s style", async (style) => {
    const bucket = await createBucket();
    const keys = ["a", "a/", "a//", "/a", "//", "a b", "a+b", "a%20b", "a%2Fb", "a%252Fb", "ünï", "u\u0308ni\u0308"];
    const more = [
      "a?b",
      "a#b",
      "a&b=c",
      "\u{1F600}",
      "\u0001\u001f\u007f",
      "a\rb\nc",
      "a\tb",
      "~",
      "$'()*!,;:@",
      "\\",
      '"<>',
    ];
    const all = [...keys, ...more, "-", "cdn-cgi/x", "...", ".hidden", "a/..b", "\ufeff", "\ud7ff\ue000"];
    for (const key of all) await putObject(bucket, key, `content of ${key}`, { style });
    for (const key of all)
      expect([key, await (await get({ bucket, key, style })).text()]).toEqual([key, `content of ${key}`]);
  });

  it("GetObject reads dot segments as parts of the key where the platform keeps them", async () => {
    const bucket = await createBucket();
    // URL parsers fold `.` and `..`, even escaped; the request line of a request in production is not folded.
    const call = async (method: string, path: string, body?: string) => {
      const url = `http://s3.localhost:8787/${bucket}/${path}`;
      const { headers } = sign({ method, url, payloadHash: sha256(body ?? "") });
      const length = body === undefined ? {} : { "content-length": String(body.length) };
      const init = { method, headers: { ...headers, ...length }, ...(body !== undefined && { body }) };
      const request = new Proxy(new Request("http://s3.localhost:8787/", init), {
        get: (target, name) => (name === "url" ? url : Reflect.get(target, name, target)),
      });
      return handleRequest(request, testEnv);
    };
    for (const path of ["..", ".", "a/../b", "%2E%2E/c", "../../d"]) {
      const put = await call("PUT", path, path);
      expect([path, put.status]).toEqual([path, 200]);
      expect(await (await call("GET", path)).text()).toBe(path);
    }
    expect(await (await send({ bucket })).text()).toContain("<Key>a/../b</Key>");
  });

  it("GetObject returns gzip bytes as they were stored", async () => {
    const zipped = gzipSync("hello ".repeat(1000));
    const bucket = await bucketWith(zipped, { headers: { "content-encoding": "gzip", "content-type": "text/plain" } });
    for (const accept of ["gzip", "identity", "br, gzip;q=0"]) {
      const { headers } = sign({ method: "GET", url: urlOf({ bucket, key: "k" }), payloadHash: sha256("") });
      const request = new Request(urlOf({ bucket, key: "k" }), { headers: { ...headers, "accept-encoding": accept } });
      const response = await handDirectly(request);
      expect([response.status, response.headers.get("content-encoding")]).toEqual([200, "gzip"]);
      expect(sha256(new Uint8Array(await response.arrayBuffer()))).toBe(sha256(zipped));
    }
  });

  // Cloudflare, "Content compression": without `no-transform` the edge decompresses for clients that accept no coding.
  it.each([
    ["an object with a Content-Encoding", { "content-encoding": "gzip" }, { "cf-ray": "8f" }, "no-transform"],
    [
      "an object with a Cache-Control",
      { "content-encoding": "br", "cache-control": "a=1" },
      { "cf-ray": "8f" },
      "a=1, no-transform",
    ],
    ["no object without one", {}, { "cf-ray": "8f" }, null],
    ["no object without an edge", { "content-encoding": "gzip" }, {}, null],
  ])("GetObject prevents the edge from decompressing %s", async (_name, stored, asked, expected) => {
    const bucket = await bucketWith("content", { headers: stored });
    for (const method of ["GET", "HEAD"] as const) {
      const url = urlOf({ bucket, key: "k" });
      const { headers } = sign({ method, url, payloadHash: sha256("") });
      const request = new Request(url, { method, headers: { ...headers, "accept-encoding": "identity", ...asked } });
      expect((await handDirectly(request)).headers.get("cache-control")).toBe(expected);
    }
  });

  it("GetObject returns ranges of gzip bytes as they were stored", async () => {
    const zipped = gzipSync("hello ".repeat(1000));
    const bucket = await bucketWith(zipped, { headers: { "content-encoding": "gzip" } });
    const response = await get({ bucket, headers: { range: "bytes=2-7" }, env: testEnv });
    expect(response.status).toBe(206);
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([...zipped.slice(2, 8)]);
  });
});

describe("GetObject with a range", () => {
  // RFC 9110, 14.1.2, and API_GetObject, Range.
  it.each([
    ["bytes=0-0", 0, 1],
    ["bytes=0-9", 0, 10],
    ["bytes=3-5", 3, 6],
    ["bytes=3-", 3, 10],
    ["bytes=9-", 9, 10],
    ["bytes=-3", 7, 10],
    ["bytes=-10", 0, 10],
    ["bytes=-99", 0, 10],
    ["bytes=5-99999999999999999999", 5, 10],
    ["BYTES=3-5", 3, 6],
  ])("GetObject answers %s with 206 and Content-Range", async (range, from, to) => {
    const response = await get({ bucket: await bucketWith(), headers: { range } });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe(`bytes ${from}-${to - 1}/10`);
    expect(await response.text()).toBe(DIGITS.slice(from, to));
  });

  // S3 ignores malformed ranges and several ranges at once.
  it.each([
    "bytes=5-3",
    "bytes=0-1,3-4",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes= -1",
    "bytes=0 -1",
    "lines=0-1",
    "0-1",
  ])("GetObject answers %s with the whole object", async (range) => {
    const response = await get({ bucket: await bucketWith(), headers: { range } });
    expect([response.status, response.headers.get("content-range")]).toEqual([200, null]);
    expect(await response.text()).toBe(DIGITS);
  });

  it.each(["bytes=10-", "bytes=10-20", "bytes=99999999999999999999-", "bytes=-0"])(
    "GetObject refuses %s with InvalidRange",
    async (range) => {
      const bucket = await bucketWith();
      const response = await get({ bucket, headers: { range } });
      expect(response.headers.get("content-range")).toBe("bytes */10");
      await expectError(response, 416, "InvalidRange", {
        details: { RangeRequested: range, ActualObjectSize: "10" },
      });
    },
  );

  it.each(["bytes=0-", "bytes=0-0", "bytes=-0"])(
    "GetObject refuses %s of an empty object with InvalidRange",
    async (range) => {
      const bucket = await bucketWith("");
      await expectError(await get({ bucket, headers: { range } }), 416, "InvalidRange", {
        details: { RangeRequested: range, ActualObjectSize: "0" },
      });
    },
  );

  it.each(["bytes=-1", "bytes=-65536"])("GetObject answers %s of an empty object with all of it", async (range) => {
    const bucket = await bucketWith("");
    await putMultipart({ bucket, key: "parts" }, [""]);
    for (const [key, method] of ["k", "parts"].flatMap((name) => [[name, "GET"] as const, [name, "HEAD"] as const])) {
      const response = await send({ bucket, key, method, headers: { range } });
      expect([response.status, await response.text()]).toEqual([200, ""]);
      expect(response.headers.get("content-range")).toBeNull();
    }
  });

  it("GetObject answers ranges of a large object whose checksum came last", async () => {
    const bytes = Uint8Array.from({ length: 1024 * 1024 + 10 }, (_, index) => index % 251);
    const bucket = await bucketWith(bytes, { headers: { "x-amz-storage-class": "STANDARD_IA" } });
    for (const [range, from, to] of [
      ["bytes=0-4", 0, 5],
      ["bytes=1048570-", 1048570, bytes.length],
      ["bytes=-7", bytes.length - 7, bytes.length],
    ] as const) {
      const response = await get({ bucket, headers: { range } });
      expect(response.status).toBe(206);
      expect(response.headers.get("content-range")).toBe(`bytes ${from}-${to - 1}/${bytes.length}`);
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes.slice(from, to));
    }
    expect((await get({ bucket, headers: { range: `bytes=${bytes.length}-` } })).status).toBe(416);
  });
});

describe("GetObject under a condition", () => {
  const PAST = "Thu, 01 Jan 2015 00:00:00 GMT";
  const FUTURE = "Fri, 01 Jan 2100 00:00:00 GMT";
  const ETAG = '"781e5e245d69b566979b86e28d23f2c7"';
  const OTHER = `"${"0".repeat(32)}"`;

  // RFC 9110, 13.2.2, and the two notes on combinations in API_GetObject.
  it.each([
    [200, { "if-match": ETAG }],
    [200, { "if-match": "781e5e245d69b566979b86e28d23f2c7" }],
    [200, { "if-match": "*" }],
    [200, { "if-match": `${OTHER}, ${ETAG}` }],
    [412, { "if-match": OTHER }],
    [412, { "if-match": `W/${ETAG}` }],
    [200, { "if-none-match": OTHER }],
    [304, { "if-none-match": ETAG }],
    [304, { "if-none-match": `W/${ETAG}` }],
    [304, { "if-none-match": "*" }],
    [200, { "if-modified-since": PAST }],
    // RFC 9110, 13.1.3: a date later than now is invalid.
    [200, { "if-modified-since": FUTURE }],
    [200, { "if-unmodified-since": FUTURE }],
    [412, { "if-unmodified-since": PAST }],
    [200, { "if-modified-since": "yesterday" }],
    [200, { "if-unmodified-since": "yesterday" }],
    // "If-Match condition evaluates to true, and If-Unmodified-Since to false: 200 OK."
    [200, { "if-match": ETAG, "if-unmodified-since": PAST }],
    [412, { "if-match": OTHER, "if-unmodified-since": FUTURE }],
    // "If-None-Match condition evaluates to false, and If-Modified-Since to true: 304 Not Modified."
    [304, { "if-none-match": ETAG, "if-modified-since": PAST }],
    [200, { "if-none-match": OTHER, "if-modified-since": FUTURE }],
    [412, { "if-match": OTHER, "if-none-match": ETAG }],
    [304, { "if-match": ETAG, "if-none-match": ETAG }],
    [412, { "if-unmodified-since": PAST, "if-modified-since": FUTURE }],
  ])("GetObject answers %i to %j", async (status, headers) => {
    const bucket = await bucketWith();
    for (const method of ["GET", "HEAD"]) {
      const response = await get({ method, bucket, headers: headers as unknown as Record<string, string> });
      expect([method, response.status]).toEqual([method, status]);
      await response.body?.cancel();
    }
  });

  it("GetObject treats Last-Modified itself as not modified and as unmodified", async () => {
    const bucket = await bucketWith();
    const date = (await get({ method: "HEAD", bucket })).headers.get("last-modified") ?? "";
    expect((await get({ bucket, headers: { "if-modified-since": date } })).status).toBe(304);
    const unmodified = await get({ bucket, headers: { "if-unmodified-since": date } });
    expect([unmodified.status, await unmodified.text()]).toEqual([200, DIGITS]);
  });

  it("GetObject answers 304 without a body, with the validators", async () => {
    const bucket = await bucketWith();
    const response = await get({ bucket, headers: { "if-none-match": ETAG } });
    expect([response.status, await response.text(), response.headers.get("etag")]).toEqual([304, "", ETAG]);
    expect(response.headers.get("last-modified")).toMatch(/GMT$/);
    expect(response.headers.get("content-type")).toBeNull();
  });

  it.each([
    ["If-Match", { "if-match": OTHER }],
    ["If-Unmodified-Since", { "if-unmodified-since": PAST }],
  ])("GetObject refuses a failed %s with PreconditionFailed", async (condition, headers) => {
    const bucket = await bucketWith();
    const response = await get({ bucket, headers: headers as unknown as Record<string, string> });
    await expectError(response, 412, "PreconditionFailed", {
      details: { Condition: condition },
    });
  });

  it("GetObject evaluates conditions before ranges", async () => {
    const bucket = await bucketWith();
    expect((await get({ bucket, headers: { "if-match": OTHER, range: "bytes=99-" } })).status).toBe(412);
    expect((await get({ bucket, headers: { "if-none-match": ETAG, range: "bytes=99-" } })).status).toBe(304);
    expect((await get({ bucket, headers: { "if-match": ETAG, range: "bytes=99-" } })).status).toBe(416);
    const both = await get({ bucket, headers: { "if-match": ETAG, range: "bytes=1-2" } });
    expect([both.status, await both.text()]).toEqual([206, "12"]);
  });

  it("GetObject does not reveal to callers without permission whether a condition holds", async () => {
    const bucket = await bucketWith();
    for (const etag of [ETAG, OTHER]) {
      const response = await get({ bucket, as: null, headers: { "if-match": etag, range: "bytes=99-" } });
      await expectError(response, 403, "AccessDenied");
    }
    await expectError(await get({ bucket, key: "absent", as: null }), 403, "AccessDenied");
  });
});

describe("GetObject with parameters", () => {
  it("GetObject replaces headers by response-* parameters", async () => {
    const bucket = await bucketWith(DIGITS, {
      headers: { "content-type": "text/plain", "cache-control": "max-age=1" },
    });
    const query = [
      "response-cache-control=no-store",
      "response-content-disposition=attachment%3B%20filename%3D%22a%20b%22",
      "response-content-encoding=x-custom",
      "response-content-language=de",
      "response-content-type=application%2Fx-other",
      "response-expires=never",
    ].join("&");
    for (const [status, headers] of [
      [200, {}],
      [206, { range: "bytes=0-1" }],
    ] as const) {
      const response = await get({ bucket, query, headers: { ...headers } });
      expect(response.status).toBe(status);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "cache-control": "no-store",
        "content-disposition": 'attachment; filename="a b"',
        "content-encoding": "x-custom",
        "content-language": "de",
        "content-type": "application/x-other",
        expires: "never",
      });
      await response.body?.cancel();
    }
  });

  it("GetObject through a presigned URL returns the bytes and applies response-* parameters", async () => {
    const bucket = await bucketWith();
    const url = await presign({ bucket, key: "k", query: "response-content-type=text%2Fhtml" });
    const response = await exports.default.fetch(new Request(url));
    expect([response.status, await response.text()]).toEqual([200, DIGITS]);
    expect(response.headers.get("content-type")).toBe("text/html");
  });

  it("GetObject refuses response-* parameters of an anonymous caller", async () => {
    const bucket = await bucketWith();
    const query = "response-content-type=text%2Fhtml";
    // Without public buckets the caller lacks the permission; with them it would be InvalidRequest.
    await expectError(await get({ bucket, query, as: null }), 403, "AccessDenied");
  });

  it("GetObject refuses control characters in response-* with InvalidArgument", async () => {
    const bucket = await bucketWith();
    const response = await get({ bucket, query: "response-content-type=a%0D%0Ax-injected%3A%201" });
    expect(response.headers.get("x-injected")).toBeNull();
    await expectError(response, 400, "InvalidArgument", {
      message: "Header value contains control characters.",
      details: { ArgumentName: "response-content-type", ArgumentValue: "a\r\nx-injected: 1" },
    });
  });

  it("GetObject refuses characters that no header can carry in response-* with InvalidArgument", async () => {
    const bucket = await bucketWith();
    await expectError(await get({ bucket, query: "response-expires=%E2%82%AC" }), 400, "InvalidArgument", {
      message: "Header value cannot be represented using ISO-8859-1.",
      details: { ArgumentName: "response-expires", ArgumentValue: "€" },
    });
  });

  it("GetObject answers partNumber=1 of a whole object with 206 and all of it", async () => {
    const response = await get({ bucket: await bucketWith(), query: "partNumber=1" });
    expect([response.status, await response.text()]).toEqual([206, DIGITS]);
    expect(response.headers.get("content-range")).toBe("bytes 0-9/10");
  });

  it("GetObject refuses a part that does not exist with InvalidPartNumber", async () => {
    const bucket = await bucketWith();
    await expectError(await get({ bucket, query: "partNumber=2" }), 416, "InvalidPartNumber", {
      message: "The requested partnumber is not satisfiable",
      details: { ActualPartCount: "1", PartNumberRequested: "2" },
    });
  });

  it.each(["0", "10001", "-1", "x", ""])("GetObject refuses partNumber=%s with InvalidArgument", async (value) => {
    const bucket = await bucketWith();
    await expectError(await get({ bucket, query: `partNumber=${value}` }), 400, "InvalidArgument", {
      message: "Part number must be an integer between 1 and 10000, inclusive",
      details: { ArgumentName: "partNumber", ArgumentValue: value },
    });
  });

  it("GetObject refuses a range together with partNumber with InvalidRequest", async () => {
    const bucket = await bucketWith();
    const response = await get({ bucket, query: "partNumber=1", headers: { range: "bytes=0-1" } });
    await expectError(response, 400, "InvalidRequest", {
      message: "Cannot specify both Range header and partNumber query parameter",
    });
  });

  it("GetObject returns the version null", async () => {
    const response = await get({ bucket: await bucketWith(), query: "versionId=null" });
    expect([response.status, await response.text()]).toEqual([200, DIGITS]);
  });

  it("GetObject refuses any other version with InvalidArgument", async () => {
    const bucket = await bucketWith();
    await expectError(await get({ bucket, query: "versionId=abc" }), 400, "InvalidArgument", {
      message: "Invalid version id specified",
      details: { ArgumentName: "versionId", ArgumentValue: "abc" },
    });
  });

  it("GetObject refuses an empty version with InvalidArgument", async () => {
    const bucket = await bucketWith();
    await expectError(await get({ bucket, query: "versionId=" }), 400, "InvalidArgument", {
      message: "Version id cannot be the empty string",
      details: { ArgumentName: "versionId", ArgumentValue: "" },
    });
  });

  it("GetObject ignores parameters it does not know", async () => {
    const response = await get({ bucket: await bucketWith(), query: "x-id=GetObject&cache-buster=1" });
    expect([response.status, await response.text()]).toEqual([200, DIGITS]);
  });

  it.each(["bytes=0-8", "bytes=0-", "bytes=0-100", "bytes=-15", "bytes=-9"])(
    "GetObject and HeadObject return the checksum for a range that covers the whole object: %s",
    async (range) => {
      const bucket = await bucketWith("123456789", { headers: { "x-amz-checksum-crc32": "y/Q5Jg==" } });
      for (const method of ["GET", "HEAD"]) {
        const response = await get({ bucket, method, headers: { range, "x-amz-checksum-mode": "ENABLED" } });
        expect(response.status).toBe(206);
        expect(response.headers.get("x-amz-checksum-crc32")).toBe("y/Q5Jg==");
        expect(response.headers.get("x-amz-checksum-type")).toBe("FULL_OBJECT");
        await response.body?.cancel();
      }
    },
  );

  it("GetObject omits the checksum for a range that covers less", async () => {
    const bucket = await bucketWith("123456789", { headers: { "x-amz-checksum-crc32": "y/Q5Jg==" } });
    const headers = { "x-amz-checksum-mode": "ENABLED" };
    const whole = await get({ bucket, headers });
    expect([whole.headers.get("x-amz-checksum-crc32"), await whole.text()]).toEqual(["y/Q5Jg==", "123456789"]);
    const part = await get({ bucket, headers: { ...headers, range: "bytes=0-1" } });
    expect([part.headers.get("x-amz-checksum-crc32"), await part.text()]).toEqual([null, "12"]);
  });
});
