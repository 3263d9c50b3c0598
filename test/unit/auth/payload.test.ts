/** Bodies: all payload modes, all digests, and alterations on the way. */
import { describe, expect, test } from "vitest";
import { type Authentication, authenticate } from "../../../src/auth/authenticate.ts";
import { openObjectBody, readWholeBody } from "../../../src/auth/payload/request-body.ts";
import { S3Error } from "../../../src/errors.ts";
import type { ObjectBody } from "../../../src/model/object-body.ts";
import { toPieces } from "../../../src/model/pieces.ts";
import type { S3Request } from "../../../src/protocol/s3-request.ts";
import { concat, type EncodedChunk, frame, plainChunks, signChunks, signTrailers } from "./chunks.ts";
import { bytesOf, failureOf, hex, keyring, received, sha256Hex, signedRequest, streamOf } from "./support.ts";

const ANY = { regions: "any", service: "s3" } as const;
const DATA = bytesOf("The quick brown fox jumps over the lazy dog. ".repeat(600));
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
const SHA256 = sha256Hex(DATA);
const SHA256_BASE64 = base64(new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(DATA))));
const SHA1_BASE64 = base64(new Uint8Array(await crypto.subtle.digest("SHA-1", new Uint8Array(DATA))));
const SHA512_BASE64 = base64(new Uint8Array(await crypto.subtle.digest("SHA-512", new Uint8Array(DATA))));
/** Computed with Python's hashlib, zlib, xxhash and a bitwise CRC over the same bytes. */
const MD5_BASE64 = "x4dCZRvZj5aJzcyqwSnpog==";
const CRC32_BASE64 = "9C6Bmw==";
const CRC32C_BASE64 = "unUr3g==";
const CRC64NVME_BASE64 = "2WWuGHFN8xQ=";

const CHECKSUMS = [
  ["CRC32", CRC32_BASE64, "AAAAAA=="],
  ["CRC32C", CRC32C_BASE64, "AAAAAA=="],
  ["CRC64NVME", CRC64NVME_BASE64, "AAAAAAAAAAA="],
  ["SHA1", SHA1_BASE64, "AAAAAAAAAAAAAAAAAAAAAAAAAAA="],
  ["SHA256", SHA256_BASE64, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="],
  ["SHA512", SHA512_BASE64, `${"A".repeat(86)}==`],
  ["MD5", MD5_BASE64, "AAAAAAAAAAAAAAAAAAAAAA=="],
  ["XXHASH64", "jFsGfsweqpM=", "AAAAAAAAAAA="],
  ["XXHASH3", "FnVySXl3Cy0=", "AAAAAAAAAAA="],
  ["XXHASH128", "NDDmoFEHqgUWdXJJeXcLLQ==", "AAAAAAAAAAAAAAAAAAAAAA=="],
] as const;

interface Upload {
  /** The value of x-amz-content-sha256. */
  readonly promise?: string;
  readonly headers?: Record<string, string>;
  readonly wire?: Uint8Array;
  readonly pieceBytes?: number;
  /** Overrides the true length on the wire; null omits the header. */
  readonly contentLength?: string | null;
  readonly body?: ReadableStream<Uint8Array> | null;
}

async function upload({ promise = "UNSIGNED-PAYLOAD", headers = {}, wire = DATA, pieceBytes = 4096, ...rest }: Upload) {
  const contentLength = rest.contentLength === undefined ? String(wire.length) : rest.contentLength;
  const request = await signedRequest(
    {
      method: "PUT",
      headers: { ...(contentLength === null ? {} : { "content-length": contentLength }), ...headers },
      body: rest.body === undefined ? streamOf(wire, pieceBytes) : rest.body,
    },
    { payloadHash: promise },
  );
  return { request, authentication: await authenticate(request, keyring(), ANY) };
}

function open({ request, authentication }: { request: S3Request; authentication: Authentication }): ObjectBody {
  return openObjectBody(request, authentication);
}

/** Reads to the end, and keeps the bytes that came before a failure. */
async function drain(body: ObjectBody): Promise<{ data: Uint8Array; failed: boolean }> {
  const parts: Uint8Array[] = [];
  const pieces = toPieces(body.content);
  try {
    for (let piece = await pieces.next(); piece !== undefined; piece = await pieces.next()) parts.push(piece.slice());
  } catch {
    return { data: concat(parts), failed: true };
  }
  return { data: concat(parts), failed: false };
}

async function expectAccepted(body: ObjectBody, data: Uint8Array = DATA) {
  const result = await drain(body);
  expect(body.failure()).toBeUndefined();
  expect(result.failed).toBe(false);
  expect(hex(result.data)).toBe(hex(data));
  expect(body.sizeBytes).toBe(data.length);
}

/** Expects the stream to fail with this error and to hold back at least its last byte. */
async function expectFailure(body: ObjectBody, failure: object) {
  const { data, failed } = await drain(body);
  expect(failed).toBe(true);
  expect(body.failure()).toMatchObject(failure);
  expect(data.length === 0 || data.length < body.sizeBytes).toBe(true);
}

const seedOf = (request: S3Request) => /Signature=(\w+)/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";

interface SignedUpload {
  readonly data?: Uint8Array;
  readonly chunkBytes?: number;
  readonly pieceBytes?: number;
  readonly decodedLength?: string | null;
  /** Present for …-TRAILER: the trailer lines, LF-terminated. */
  readonly trailers?: string;
  readonly headers?: Record<string, string>;
  readonly change?: (chunks: EncodedChunk[]) => EncodedChunk[];
  readonly changeTrailers?: (signed: string) => string;
  readonly changeWire?: (wire: Uint8Array) => Uint8Array;
}

/** A body of signed chunks that is altered after signing. */
async function signedUpload(options: SignedUpload): Promise<ObjectBody> {
  const { data = DATA, chunkBytes = 8192, pieceBytes = 1000, trailers, change = (chunks) => chunks } = options;
  const promise = `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${trailers === undefined ? "" : "-TRAILER"}`;
  const decodedLength = options.decodedLength === undefined ? String(data.length) : options.decodedLength;
  const request = await signedRequest(
    {
      method: "PUT",
      headers: {
        ...(decodedLength === null ? {} : { "x-amz-decoded-content-length": decodedLength }),
        ...(trailers === undefined ? {} : { "x-amz-trailer": trailers.slice(0, trailers.indexOf(":")) }),
        ...options.headers,
      },
    },
    { payloadHash: promise },
  );
  const chunks = signChunks(data, chunkBytes, seedOf(request));
  let end = "\r\n";
  if (trailers !== undefined) {
    const signature = signTrailers(trailers, chunks.at(-1)?.signature ?? "");
    const sent = `${trailers.replaceAll("\n", "\r\n")}x-amz-trailer-signature:${signature}\r\n\r\n`;
    end = options.changeTrailers?.(sent) ?? sent;
  }
  const wire = frame(change(chunks), end);
  const body = streamOf(options.changeWire?.(wire) ?? wire, pieceBytes);
  const authentication = await authenticate(request, keyring(), ANY);
  return openObjectBody({ ...request, body }, authentication);
}

async function unsignedChunks(wire: Uint8Array, headers: Record<string, string> = {}, data = DATA) {
  return open(
    await upload({
      promise: "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      headers: {
        "x-amz-trailer": "x-amz-checksum-crc32",
        "x-amz-decoded-content-length": String(data.length),
        ...headers,
      },
      wire,
      contentLength: null,
    }),
  );
}

const badDigest = (algorithm: string) => ({
  code: "BadDigest",
  message: `The ${algorithm} you specified did not match the calculated checksum.`,
});

describe("the platform's own stream is passed on for", () => {
  test("nothing to verify", async () => {
    const uploaded = await upload({});
    const body = open(uploaded);
    expect(body.content).toBe(uploaded.request.body);
    expect(body.delegated).toBeUndefined();
    expect(body.checksum).toEqual({ when: "never" });
    await expectAccepted(body);
  });

  test("a literal hash", async () => {
    const uploaded = await upload({ promise: SHA256 });
    const body = open(uploaded);
    expect(body.content).toBe(uploaded.request.body);
    expect(body.delegated).toMatchObject({ algorithm: "sha256", hex: SHA256 });
    expect(body.delegated?.mismatch()).toMatchObject({
      code: "XAmzContentSHA256Mismatch",
      status: 400,
      details: { ClientComputedContentSHA256: SHA256 },
    });
  });

  test("Content-MD5", async () => {
    const body = open(await upload({ headers: { "content-md5": MD5_BASE64 } }));
    expect(body.delegated).toMatchObject({ algorithm: "md5" });
    expect(body.delegated?.mismatch()).toMatchObject({ code: "BadDigest", status: 400 });
  });

  test("x-amz-checksum-sha256, with and without the same literal hash", async () => {
    for (const promise of ["UNSIGNED-PAYLOAD", SHA256]) {
      const body = open(await upload({ promise, headers: { "x-amz-checksum-sha256": SHA256_BASE64 } }));
      expect(body.delegated).toMatchObject({ algorithm: "sha256", hex: SHA256 });
      expect(body.checksum).toEqual({
        when: "before",
        checksum: { algorithm: "SHA256", value: SHA256_BASE64, type: "FULL_OBJECT" },
      });
    }
  });

  test("neither two different digests, a CRC, chunks, nor an empty body", async () => {
    const two = { "content-md5": MD5_BASE64, "x-amz-checksum-crc32": CRC32_BASE64 };
    for (const body of [
      open(await upload({ promise: SHA256, headers: { "content-md5": MD5_BASE64 } })),
      open(await upload({ headers: two })),
      open(await upload({ headers: { "x-amz-checksum-crc32": CRC32_BASE64 } })),
      await signedUpload({}),
    ]) {
      expect(body.delegated).toBeUndefined();
      await expectAccepted(body);
    }
    const empty = await upload({ promise: sha256Hex(new Uint8Array()), wire: new Uint8Array() });
    expect(open(empty).delegated).toBeUndefined();
  });
});

describe("digests in headers", () => {
  test.each(CHECKSUMS)("%s", async (algorithm, value, wrong) => {
    const name = `x-amz-checksum-${algorithm.toLowerCase()}`;
    const headers = { "content-md5": MD5_BASE64, "x-amz-sdk-checksum-algorithm": algorithm };
    const body = open(await upload({ headers: { ...headers, [name]: value } }));
    expect(body.checksum).toEqual({ when: "before", checksum: { algorithm, value, type: "FULL_OBJECT" } });
    await expectAccepted(body);
    await expectFailure(open(await upload({ headers: { ...headers, [name]: wrong } })), badDigest(algorithm));
    expect(await failureOf(async () => open(await upload({ headers: { [name]: `${wrong}A` } })))).toMatchObject({
      code: "InvalidRequest",
      message: `Value for ${name} header is invalid.`,
    });
  });

  test("a literal hash together with another digest", async () => {
    const headers = { "x-amz-checksum-crc32": CRC32_BASE64 };
    await expectAccepted(open(await upload({ promise: SHA256.toUpperCase(), headers })));
    const promise = "0".repeat(64);
    await expectFailure(open(await upload({ promise, headers })), {
      code: "XAmzContentSHA256Mismatch",
      message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
      details: { ClientComputedContentSHA256: promise, S3ComputedContentSHA256: SHA256 },
    });
  });

  test("Content-MD5 together with another digest", async () => {
    const headers = { "x-amz-checksum-crc32": CRC32_BASE64, "content-md5": "rL0Y20xC+Fzt72VPzMSk2A==" };
    await expectFailure(open(await upload({ headers })), {
      code: "BadDigest",
      message: "The Content-MD5 you specified did not match what we received.",
      details: { ExpectedDigest: "acbd18db4c42f85cedef654fccc4a4d8", CalculatedDigest: MD5_BASE64 },
    });
  });

  test("Content-MD5 is the checksum if an SDK is configured for MD5", async () => {
    const headers = { "content-md5": MD5_BASE64, "x-amz-sdk-checksum-algorithm": "MD5" };
    const body = open(await upload({ headers }));
    const checksum = { algorithm: "MD5", value: MD5_BASE64, type: "FULL_OBJECT" };
    expect(body.checksum).toEqual({ when: "before", checksum });
    expect(body.delegated).toMatchObject({ algorithm: "md5" });
    const wrong = { ...headers, "content-md5": "rL0Y20xC+Fzt72VPzMSk2A==" };
    await expectFailure(open(await upload({ headers: wrong, promise: SHA256 })), { code: "BadDigest" });
    expect(open(await upload({ headers: { "content-md5": MD5_BASE64 } })).checksum).toEqual({ when: "never" });
  });

  test.each(["", "x", "YWJyYWNhZGFicmE=", "rL0Y20xC+Fzt72VPzMSk2A", "rL0Y20xC Fzt72VPzMSk2A=="])(
    "Content-MD5 '%s' is InvalidDigest",
    async (value) => {
      expect(await failureOf(async () => open(await upload({ headers: { "content-md5": value } })))).toEqual({
        code: "InvalidDigest",
        status: 400,
        message: "The Content-MD5 you specified was invalid.",
        details: { "Content-MD5": value },
      });
    },
  );

  test.each([
    [
      "two checksums",
      { "x-amz-checksum-crc32": CRC32_BASE64, "x-amz-checksum-sha1": SHA1_BASE64 },
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    ],
    [
      "one checksum twice",
      { "x-amz-checksum-crc32": `${CRC32_BASE64}, ${CRC32_BASE64}` },
      "Value for x-amz-checksum-crc32 header is invalid.",
    ],
    [
      "an unknown checksum",
      { "x-amz-checksum-adler32": "AAAAAA==" },
      "The algorithm type you specified in x-amz-checksum- header is invalid.",
    ],
    [
      "an unknown SDK algorithm",
      { "x-amz-sdk-checksum-algorithm": "MD4" },
      "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
    ],
    [
      "an SDK algorithm alone",
      { "x-amz-sdk-checksum-algorithm": "CRC32" },
      "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
    ],
    [
      "an SDK algorithm and a Content-MD5 that is no value of it",
      { "x-amz-sdk-checksum-algorithm": "CRC32", "content-md5": MD5_BASE64 },
      "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
    ],
    [
      "MD5 for an SDK algorithm, and nothing of it",
      { "x-amz-sdk-checksum-algorithm": "MD5" },
      "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
    ],
    [
      "an SDK algorithm and another's value",
      { "x-amz-sdk-checksum-algorithm": "CRC32", "x-amz-checksum-sha1": SHA1_BASE64 },
      "Value for x-amz-sdk-checksum-algorithm header is invalid.",
    ],
    [
      "a trailer that is no checksum",
      { "x-amz-trailer": "x-amz-meta-a" },
      "The value specified in the x-amz-trailer header is not supported",
    ],
    [
      "content-md5 and another trailer",
      { "x-amz-trailer": "content-md5,x-amz-checksum-sha1" },
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    ],
    [
      "two trailers",
      { "x-amz-trailer": "x-amz-checksum-crc32, x-amz-checksum-sha1" },
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    ],
  ])("%s: InvalidRequest", async (_name, headers, message) => {
    expect(await failureOf(async () => open(await upload({ headers })))).toMatchObject({
      code: "InvalidRequest",
      status: 400,
      message,
    });
  });

  test("x-amz-checksum-mode, -type and -algorithm are not checksums", async () => {
    const headers = {
      "x-amz-checksum-mode": "ENABLED",
      "x-amz-checksum-type": "FULL_OBJECT",
      "x-amz-checksum-algorithm": "CRC32",
    };
    expect(open(await upload({ headers })).checksum).toEqual({ when: "never" });
  });
});

describe("length", () => {
  test("a body of unknown length is NotImplemented", async () => {
    expect(await failureOf(async () => open(await upload({ contentLength: null })))).toMatchObject({
      code: "NotImplemented",
      status: 501,
      details: { Header: "Transfer-Encoding" },
    });
  });

  test.each(["", "-1", "1e3", "0x10", "1 0", "1.0", "9".repeat(16)])(
    "Content-Length '%s' is InvalidArgument",
    async (contentLength) => {
      expect(await failureOf(async () => open(await upload({ contentLength })))).toMatchObject({
        code: "InvalidArgument",
      });
    },
  );

  test("5 GiB is the maximum", async () => {
    const most = 5 * 1024 ** 3;
    expect(open(await upload({ contentLength: String(most) })).sizeBytes).toBe(most);
    expect(await failureOf(async () => open(await upload({ contentLength: String(most + 1) })))).toMatchObject({
      code: "EntityTooLarge",
      status: 400,
      details: { ProposedSize: "5368709121", MaxSizeAllowed: "5368709120" },
    });
    const decodedLength = String(most + 1);
    expect(await failureOf(() => signedUpload({ decodedLength }))).toMatchObject({ code: "EntityTooLarge" });
  });

  test.each([-1, 1, -100, 100])("%i bytes off is IncompleteBody", async (difference) => {
    const headers = { "x-amz-checksum-crc32": CRC32_BASE64 };
    const contentLength = String(DATA.length + difference);
    await expectFailure(open(await upload({ headers, contentLength })), {
      code: "IncompleteBody",
      message: "You did not provide the number of bytes specified by the Content-Length HTTP header",
    });
  });

  test("a broken connection is IncompleteBody, with its cause for the log", async () => {
    const broken = new Error("connection reset");
    const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(broken) });
    const opened = open(await upload({ headers: { "x-amz-checksum-crc32": CRC32_BASE64 }, body }));
    await expectFailure(opened, { code: "IncompleteBody", cause: broken });
  });

  test("an object without body and length is MissingContentLength, not empty", async () => {
    const unsaid = await upload({ wire: new Uint8Array(), contentLength: null, body: null });
    expect(() => open(unsaid)).toThrow(new S3Error("MissingContentLength"));
  });

  test("an empty body is verified like any other", async () => {
    const empty = new Uint8Array();
    const good = { promise: sha256Hex(empty), headers: { "x-amz-checksum-crc32": "AAAAAA==" } };
    const bad = { headers: { "x-amz-checksum-crc32": "AAAAAQ==" } };
    const said = { wire: empty, contentLength: "0", body: null };
    await expectAccepted(open(await upload({ ...good, ...said })), empty);
    await expectFailure(open(await upload({ ...bad, ...said })), badDigest("CRC32"));
    await expectAccepted(open(await upload({ ...good, wire: empty })), empty);
    await expectFailure(open(await upload({ ...bad, wire: empty })), badDigest("CRC32"));
    await expectFailure(open(await upload({ body: null, contentLength: "1" })), { code: "IncompleteBody" });
  });
});

describe("flow", () => {
  test("nothing is read ahead; cancelling reaches the source, and is not the body's failure", async () => {
    let pulled = 0;
    let cancelled: unknown;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled++;
          controller.enqueue(new Uint8Array(1000));
        },
        cancel(reason) {
          cancelled = reason;
        },
      },
      { highWaterMark: 0 },
    );
    const opened = open(
      await upload({ headers: { "x-amz-checksum-crc32": "AAAAAA==" }, body, contentLength: "1000000" }),
    );
    const pieces = toPieces(opened.content);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(pulled).toBe(0);
    await pieces.next();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(pulled).toBe(1);
    await pieces.cancel("enough");
    expect(cancelled).toBe("enough");
    await expect(pieces.next()).rejects.toThrow("cancelled");
    expect(opened.failure()).toBeUndefined();
  });

  test("a body that is cancelled while it waits for bytes has not failed", async () => {
    const body = new ReadableStream<Uint8Array>();
    const opened = open(await upload({ headers: { "x-amz-checksum-crc32": "AAAAAA==" }, body }));
    const pieces = toPieces(opened.content);
    const waiting = pieces.next();
    await pieces.cancel("refused");
    await expect(waiting).rejects.toThrow("cancelled");
    expect(opened.failure()).toBeUndefined();
  });

  test("a failure cancels the source", async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(10)),
      cancel() {
        cancelled = true;
      },
    });
    await drain(open(await upload({ headers: { "x-amz-checksum-crc32": "AAAAAA==" }, body, contentLength: "15" })));
    expect(cancelled).toBe(true);
  });
});

describe("signed chunks", () => {
  test.each([1, 2, 7, 64, 1000, 8192, 8300, 1_000_000])("in pieces of %i bytes", async (pieceBytes) => {
    await expectAccepted(await signedUpload({ pieceBytes }));
  });

  test("one chunk, the smallest chunks, a small last chunk, no chunk", async () => {
    await expectAccepted(await signedUpload({ chunkBytes: DATA.length }));
    await expectAccepted(
      await signedUpload({ data: DATA.subarray(0, 16384), chunkBytes: 8192 }),
      DATA.subarray(0, 16384),
    );
    await expectAccepted(await signedUpload({ data: DATA.subarray(0, 1) }), DATA.subarray(0, 1));
    await expectAccepted(await signedUpload({ data: new Uint8Array() }), new Uint8Array());
  });

  test.each([
    ["the empty line at the end", (wire: string) => wire.slice(0, -2)],
    ["a part of it", (wire: string) => wire.slice(0, -1)],
    ["the carriage return of the empty line", (wire: string) => `${wire.slice(0, -2)}\n`],
    ["all carriage returns", (wire: string) => wire.replaceAll("\r\n", "\n")],
    ["the carriage return of the first line", (wire: string) => wire.replace("\r\n", "\n")],
    ["the line feed of the first line", (wire: string) => wire.replace("\r\n", "\r")],
    ["the line end after data", (wire: string) => wire.replace("\r\n2000;", "2000;")],
    ["the carriage return after data", (wire: string) => wire.replace("\r\n2000;", "\n2000;")],
    ["the extension's name", (wire: string) => wire.replace("chunk-signature=", "")],
    ["the semicolon", (wire: string) => wire.replace(";", ":")],
    ["a digit of a signature", (wire: string) => wire.replace(/(=[0-9a-f]{63})[0-9a-f]/, "$1")],
  ])("without %s a body is IncompleteBody", async (_name, change) => {
    const latin1 = (bytes: Uint8Array) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
    await expectFailure(await signedUpload({ changeWire: (wire) => bytes(change(latin1(wire))) }), {
      code: "IncompleteBody",
      status: 400,
    });
  });

  test("digests in headers apply to the decoded data", async () => {
    await expectAccepted(
      await signedUpload({ headers: { "content-md5": MD5_BASE64, "x-amz-checksum-crc32": CRC32_BASE64 } }),
    );
    await expectFailure(await signedUpload({ headers: { "x-amz-checksum-crc32": "AAAAAA==" } }), badDigest("CRC32"));
  });

  const mismatch = {
    code: "SignatureDoesNotMatch",
    status: 403,
    message:
      "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
  };

  test.each<[string, (chunks: EncodedChunk[]) => EncodedChunk[], object]>([
    [
      "changed data",
      ([first, ...rest]) => (first ? [{ ...first, data: first.data.with(0, 0) }, ...rest] : rest),
      mismatch,
    ],
    [
      "changed data in the last chunk",
      (all) => all.map((one, i) => (i === all.length - 2 ? { ...one, data: one.data.with(0, 0) } : one)),
      mismatch,
    ],
    [
      "a changed signature",
      ([first, ...rest]) => (first ? [{ ...first, signature: "0".repeat(64) }, ...rest] : rest),
      mismatch,
    ],
    ["swapped chunks", ([a, b, ...rest]) => (a && b ? [b, a, ...rest] : rest), mismatch],
    ["a dropped first chunk", (all) => all.slice(1), mismatch],
    ["a dropped middle chunk", (all) => all.filter((_, i) => i !== 1), mismatch],
    ["a dropped last chunk with data", (all) => all.filter((_, i) => i !== all.length - 2), mismatch],
    ["a repeated chunk", ([first, ...rest]) => (first ? [first, first, ...rest] : rest), mismatch],
    ["an end right away", (all) => all.slice(-1), mismatch],
    ["a chunk after the last", (all) => [...all, ...all.slice(0, 1)], { code: "MalformedTrailerError" }],
    ["unsigned chunks", (all) => all.map(({ data }) => ({ data, signature: undefined })), { code: "IncompleteBody" }],
    ["a signature too short", (all) => all.map((one) => ({ ...one, signature: "0" })), { code: "IncompleteBody" }],
  ])("%s", async (_name, change, failure) => {
    await expectFailure(await signedUpload({ change }), failure);
  });

  test("the mismatch shows the chunk's string to sign", async () => {
    const body = await signedUpload({ change: (chunks) => chunks.slice(1) });
    await drain(body);
    expect(body.failure()?.details).toMatchObject({ AWSAccessKeyId: "AKIAIOSFODNN7EXAMPLE" });
    expect(body.failure()?.details.StringToSign).toMatch(/^AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n/);
  });

  test.each([1, 2, 3, 50, 90, 91, 92, 93, 200, 8192])(
    "cut off %i bytes before its end is never accepted",
    async (missing) => {
      const body = await signedUpload({ changeWire: (wire) => wire.subarray(0, wire.length - missing) });
      const { failed } = await drain(body);
      expect(failed).toBe(true);
      expect(["IncompleteBody", "MalformedTrailerError"]).toContain(body.failure()?.code);
    },
  );

  test.each(["x", "\r\n", "0\r\n\r\n", "x-amz-checksum-crc32:AAAAAA==\r\n\r\n", " ".repeat(10_000)])(
    "bytes after the end: %j",
    async (more) => {
      const body = await signedUpload({ changeWire: (wire) => concat([wire, bytesOf(more)]) });
      const code = more.endsWith("\r\n") || more.length > 4096 ? "MalformedTrailerError" : "IncompleteBody";
      await expectFailure(body, { code, status: 400 });
    },
  );

  test("a small chunk that is not the last is InvalidChunkSizeError", async () => {
    await expectFailure(await signedUpload({ chunkBytes: 8191 }), {
      code: "InvalidChunkSizeError",
      status: 403,
      message: "Only the last chunk is allowed to have a size less than 8192 bytes",
      details: { Chunk: "2", BadChunkSize: "8191" },
    });
  });

  test("x-amz-decoded-content-length is required and must be correct", async () => {
    for (const decodedLength of [null, "", "-1", "abc", "12x"]) {
      expect(await failureOf(() => signedUpload({ decodedLength })), String(decodedLength)).toMatchObject({
        code: "MissingContentLength",
        status: 411,
      });
    }
    for (const difference of [-1, 1]) {
      const decodedLength = String(DATA.length + difference);
      await expectFailure(await signedUpload({ decodedLength }), {
        code: "IncompleteBody",
        message: "You did not provide the number of bytes specified by the Content-Length HTTP header",
      });
    }
  });

  test.each([
    "",
    "\r\n",
    "zz;chunk-signature=0\r\n",
    "-1\r\n",
    `${"0".repeat(300)}\r\n`,
    "10000000000000\r\n",
    "2000 ;chunk-signature=00\r\n",
    `2000;x=y;chunk-signature=${"0".repeat(64)}\r\n`,
  ])("framing that begins with %j", async (start) => {
    const body = await signedUpload({ changeWire: () => bytesOf(start) });
    await expectFailure(body, { code: "IncompleteBody" });
  });

  test("data longer than its chunk declares", async () => {
    const change = ([first, ...rest]: EncodedChunk[]) => (first ? [first, ...rest] : rest);
    const changeWire = (wire: Uint8Array) =>
      concat([wire.subarray(0, 8192 + 86), bytesOf("x"), wire.subarray(8192 + 86)]);
    const { failed } = await drain(await signedUpload({ change, changeWire }));
    expect(failed).toBe(true);
  });
});

describe("signed chunks with a trailer", () => {
  test.each(CHECKSUMS)("%s", async (algorithm, value, wrong) => {
    const name = `x-amz-checksum-${algorithm.toLowerCase()}`;
    const body = await signedUpload({
      trailers: `${name}:${value}\n`,
      headers: { "x-amz-sdk-checksum-algorithm": algorithm },
    });
    if (body.checksum.when !== "after") throw new Error("the checksum stands in the trailer");
    const { checksum } = body;
    expect(() => checksum.value()).toThrow();
    await expectAccepted(body);
    expect(checksum.value()).toEqual({ algorithm, value, type: "FULL_OBJECT" });
    await expectFailure(await signedUpload({ trailers: `${name}:${wrong}\n` }), badDigest(algorithm));
    await expectFailure(await signedUpload({ trailers: `${name}:${wrong}A\n` }), {
      code: "InvalidRequest",
      message: `Value for ${name} trailing header is invalid.`,
    });
  });

  test("MD5 is in content-md5, as SDKs send it", async () => {
    const headers = { "x-amz-sdk-checksum-algorithm": "MD5" };
    const body = await signedUpload({ trailers: `content-md5:${MD5_BASE64}\n`, headers });
    await expectAccepted(body);
    if (body.checksum.when !== "after") throw new Error("the checksum stands in the trailer");
    expect(body.checksum.value()).toEqual({ algorithm: "MD5", value: MD5_BASE64, type: "FULL_OBJECT" });
    await expectFailure(await signedUpload({ trailers: "content-md5:rL0Y20xC+Fzt72VPzMSk2A==\n" }), {
      code: "BadDigest",
      message: "The Content-MD5 you specified did not match what we received.",
    });
    await expectFailure(await signedUpload({ trailers: "content-md5:x\n" }), { code: "InvalidDigest" });
  });

  const trailers = `x-amz-checksum-crc32:${CRC32_BASE64}\n`;
  const malformed = {
    code: "MalformedTrailerError",
    status: 400,
    message: "The request contained trailing data that was not well-formed or did not conform to our published schema.",
  };

  test.each<[string, (sent: string) => string, object]>([
    ["another value", (sent) => sent.replace(CRC32_BASE64, "AAAAAA=="), { code: "SignatureDoesNotMatch" }],
    [
      "another signature",
      (sent) => sent.replace(/signature:\w+/, `signature:${"0".repeat(64)}`),
      { code: "SignatureDoesNotMatch" },
    ],
    ["no signature", (sent) => sent.replace(/x-amz-trailer-signature:\w+\r\n/, ""), malformed],
    ["no trailer", (sent) => sent.slice(sent.indexOf("x-amz-trailer-signature")), { code: "SignatureDoesNotMatch" }],
    ["nothing at all", () => "", { code: "IncompleteBody" }],
    ["just the empty line", () => "\r\n", malformed],
    ["another trailer", (sent) => sent.replace("crc32", "sha1"), { code: "SignatureDoesNotMatch" }],
    ["a further trailer", (sent) => `x-amz-meta-a:b\r\n${sent}`, { code: "SignatureDoesNotMatch" }],
    ["the trailer twice", (sent) => `x-amz-checksum-crc32:AAAAAA==\r\n${sent}`, malformed],
    ["bytes after the end", (sent) => `${sent}more`, { code: "IncompleteBody" }],
    ["no empty line at the end", (sent) => sent.slice(0, -2), { code: "IncompleteBody" }],
    ["bare line feeds", (sent) => sent.replaceAll("\r\n", "\n"), { code: "IncompleteBody" }],
    ["a line without a colon", (sent) => `nonsense\r\n${sent}`, malformed],
    ["an unfinished line", (sent) => sent.slice(0, -4), { code: "IncompleteBody" }],
    ["too much", (sent) => `${"\r\n".repeat(3000)}${sent}`, malformed],
  ])("%s", async (_name, changeTrailers, failure) => {
    await expectFailure(await signedUpload({ trailers, changeTrailers }), failure);
  });

  test.each<[string, (sent: string) => string]>([
    ["minio-go's line ends", (sent) => sent.replace("\r\nx-amz-trailer", "\n\r\nx-amz-trailer")],
    ["spaces around the value", (sent) => sent.replace(CRC32_BASE64, ` ${CRC32_BASE64} `)],
    ["upper-case names", (sent) => sent.replace("x-amz-checksum", "X-Amz-Checksum")],
  ])("accepts %s", async (_name, changeTrailers) => {
    await expectAccepted(await signedUpload({ trailers, changeTrailers }));
  });

  test("x-amz-trailer and the payload mode must agree", async () => {
    const without = signedUpload({ headers: { "x-amz-trailer": "x-amz-checksum-crc32" } });
    expect(await failureOf(() => without)).toMatchObject(malformed);
    const promise = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
    const headers = { "x-amz-decoded-content-length": "1" };
    expect(await failureOf(async () => open(await upload({ promise, headers })))).toMatchObject(malformed);
  });

  test("a checksum in both header and trailer is refused", async () => {
    const headers = { "x-amz-checksum-sha1": SHA1_BASE64 };
    expect(await failureOf(() => signedUpload({ trailers, headers }))).toMatchObject({
      message: "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    });
  });
});

describe("unsigned chunks", () => {
  const end = `x-amz-checksum-crc32:${CRC32_BASE64}\r\n\r\n`;

  test.each([8192, 10_000, DATA.length])("of %i bytes", async (chunkBytes) => {
    await expectAccepted(await unsignedChunks(frame(plainChunks(DATA, chunkBytes), end)));
  });

  test("minio-go's line ends", async () => {
    await expectAccepted(
      await unsignedChunks(frame(plainChunks(DATA, 8192), `x-amz-checksum-crc32:${CRC32_BASE64}\n\r\n\r\n`)),
    );
  });

  test("an empty object", async () => {
    const wire = bytesOf("0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n");
    await expectAccepted(await unsignedChunks(wire, {}, new Uint8Array()), new Uint8Array());
  });

  test("from an anonymous client", async () => {
    const request = received({
      method: "PUT",
      headers: {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-trailer": "x-amz-checksum-crc32",
        "x-amz-decoded-content-length": String(DATA.length),
      },
      body: streamOf(frame(plainChunks(DATA, 8192), end)),
    });
    await expectAccepted(open({ request, authentication: await authenticate(request, keyring(), ANY) }));
  });

  test.each([
    ["a wrong checksum", frame(plainChunks(DATA, 8192), "x-amz-checksum-crc32:AAAAAA==\r\n\r\n"), badDigest("CRC32")],
    ["changed data", frame(plainChunks(DATA.with(5, 0), 8192), end), badDigest("CRC32")],
    ["no trailer", frame(plainChunks(DATA, 8192), "\r\n"), { code: "MalformedTrailerError" }],
    [
      "another trailer",
      frame(plainChunks(DATA, 8192), `x-amz-checksum-sha1:${SHA1_BASE64}\r\n\r\n`),
      { code: "MalformedTrailerError" },
    ],
    [
      "a trailer signature",
      frame(plainChunks(DATA, 8192), `${end.trimEnd()}\r\nx-amz-trailer-signature:00\r\n\r\n`),
      { code: "MalformedTrailerError" },
    ],
    ["no last chunk", frame(plainChunks(DATA, 8192).slice(0, -1), ""), { code: "IncompleteBody" }],
    ["no trailer and no empty line", frame(plainChunks(DATA, 8192), ""), { code: "IncompleteBody" }],
    ["no empty line", frame(plainChunks(DATA, 8192), end.slice(0, -2)), { code: "IncompleteBody" }],
    [
      "a trailer that ends in line feeds",
      frame(plainChunks(DATA, 8192), `${end.trimEnd()}\n\n`),
      { code: "IncompleteBody" },
    ],
    ["one line feed too few", frame(plainChunks(DATA, 8192), `${end.trimEnd()}\n\r\n`), { code: "IncompleteBody" }],
    [
      "a trailer without a name",
      frame(plainChunks(DATA, 8192), end.replace(/^[^:]*/, "")),
      { code: "MalformedTrailerError" },
    ],
    ["an extension", bytesOf("5;x=y\r\nhello\r\n0\r\n\r\n"), { code: "IncompleteBody" }],
    ["a chunk signature", bytesOf(`0;chunk-signature=${"0".repeat(64)}\r\n${end}`), { code: "IncompleteBody" }],
    ["a small chunk before the last", frame(plainChunks(DATA, 8191), end), { code: "InvalidChunkSizeError" }],
    // The length is checked first.
    [
      "too little data, and another trailer",
      frame(plainChunks(DATA.subarray(1), 8192), `x-amz-checksum-sha1:${SHA1_BASE64}\r\n\r\n`),
      { code: "IncompleteBody" },
    ],
    ["too little data", frame(plainChunks(DATA.subarray(1), 8192), end), { code: "IncompleteBody" }],
    ["too much data", frame(plainChunks(concat([DATA, DATA]), 8192), end), { code: "IncompleteBody" }],
    ["no framing", DATA, { code: "IncompleteBody" }],
  ])("%s", async (_name, wire, failure) => {
    await expectFailure(await unsignedChunks(wire), failure);
  });

  const promise = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
  const decoded = { "x-amz-decoded-content-length": "5" };
  const withoutTrailer = (wire: string, headers: Record<string, string> = {}) =>
    upload({ promise, headers: { ...decoded, ...headers }, wire: bytesOf(wire) }).then(open);

  test("need no trailer", async () => {
    await expectAccepted(await withoutTrailer("5\r\nhello\r\n0\r\n\r\n"), bytesOf("hello"));
    await expectAccepted(
      await withoutTrailer("5\r\nhello\r\n0\r\n\r\n", { "x-amz-checksum-crc32": "NhCmhg==" }),
      bytesOf("hello"),
    );
    const wrong = await withoutTrailer("5\r\nhello\r\n0\r\n\r\n", { "x-amz-checksum-crc32": "AAAAAA==" });
    await expectFailure(wrong, badDigest("CRC32"));
  });

  test.each([
    ["5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", "MalformedTrailerError"],
    ["5\r\nhello\r\n0\r\n\r\n\r\n", "MalformedTrailerError"],
    ["5\r\nhello\r\n0\r\n", "IncompleteBody"],
    ["5\r\nhello\r\n0\r\n\n", "IncompleteBody"],
    ["5\r\nhello\r\n0\r\n\r\nmore", "IncompleteBody"],
    ["5\nhello\r\n0\r\n\r\n", "IncompleteBody"],
    ["5\r\nhello0\r\n\r\n", "IncompleteBody"],
    ["5\r\nXYZ\r\nhello\r\n0\r\n\r\n", "IncompleteBody"],
    ["6\r\nhello\r\n0\r\n\r\n", "IncompleteBody"],
    ["5\r\nhello\r\nJ\r\n\r\n", "IncompleteBody"],
    ["0x5\r\nhello\r\n0\r\n\r\n", "IncompleteBody"],
    ["+5\r\nhello\r\n0\r\n\r\n", "IncompleteBody"],
    ["5\r\n", "IncompleteBody"],
    ["", "IncompleteBody"],
  ])("without an announcement: %j is %s", async (wire, code) => {
    await expectFailure(await withoutTrailer(wire), { code });
  });
});

describe("readWholeBody", () => {
  const options = { maxBytes: DATA.length, requireDigest: false };
  async function read(uploaded: Upload, overrides: Partial<typeof options> = {}) {
    const { request, authentication } = await upload(uploaded);
    return readWholeBody(request, authentication, { ...options, ...overrides });
  }

  test("returns the bytes in every payload mode", async () => {
    for (const uploaded of [{}, { promise: SHA256 }, { headers: { "content-md5": MD5_BASE64 } }]) {
      expect(hex(await read(uploaded))).toBe(hex(DATA));
    }
    const wire = frame(plainChunks(DATA, 8192), `x-amz-checksum-crc32:${CRC32_BASE64}\r\n\r\n`);
    const headers = { "x-amz-trailer": "x-amz-checksum-crc32", "x-amz-decoded-content-length": String(DATA.length) };
    const promise = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    expect(hex(await read({ promise, headers, wire }, { requireDigest: true }))).toBe(hex(DATA));
  });

  test("verifies digests that an object body delegates to the store", async () => {
    expect(await failureOf(() => read({ promise: "0".repeat(64) }))).toMatchObject({
      code: "XAmzContentSHA256Mismatch",
    });
    const headers = { "content-md5": "rL0Y20xC+Fzt72VPzMSk2A==" };
    expect(await failureOf(() => read({ headers }))).toMatchObject({ code: "BadDigest" });
  });

  test("a long body is MaxMessageLengthExceeded", async () => {
    expect(await failureOf(() => read({}, { maxBytes: DATA.length - 1 }))).toMatchObject({
      code: "MaxMessageLengthExceeded",
      status: 400,
      details: { MaxMessageLengthBytes: String(DATA.length - 1) },
    });
  });

  test("a required digest is Content-MD5 or a checksum; the payload hash does not count", async () => {
    const requireDigest = true;
    expect(await failureOf(() => read({ promise: SHA256 }, { requireDigest }))).toMatchObject({
      code: "InvalidRequest",
      message: "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    });
    for (const headers of [{ "content-md5": MD5_BASE64 }, { "x-amz-checksum-crc32": CRC32_BASE64 }]) {
      expect(hex(await read({ headers }, { requireDigest }))).toBe(hex(DATA));
    }
  });

  test("an absent body is empty", async () => {
    expect(await read({ body: null, contentLength: null })).toHaveLength(0);
  });
});
