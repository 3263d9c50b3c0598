import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import { presign, type SendOptions, STYLES, send, urlOf } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { type ChunkedOptions, sha256, sign, signedChunks, unsignedChunks } from "../../support/signer.ts";
import { handDirectly } from "../../support/worker.ts";

const MIB = 1024 * 1024;
const TEXT = "123456789";
const BYTES = new TextEncoder().encode(TEXT);

/** Of 123456789: the CRC catalogue's check values (reveng.sourceforge.io), node:crypto's digests, libxxhash's values. */
const CHECKSUMS: readonly (readonly [algorithm: string, value: string])[] = [
  ["CRC32", "y/Q5Jg=="],
  ["CRC32C", "4waSgw=="],
  ["CRC64NVME", "rosUhgp5mIg="],
  ["SHA1", createHash("sha1").update(TEXT).digest("base64")],
  ["SHA256", createHash("sha256").update(TEXT).digest("base64")],
  ["SHA512", createHash("sha512").update(TEXT).digest("base64")],
  ["MD5", createHash("md5").update(TEXT).digest("base64")],
  ["XXHASH64", "jLhB20DmroM="],
  ["XXHASH3", "ctyxi2ehff8="],
  ["XXHASH128", "MxGUd+3l3NXpcWQnaB1YYA=="],
];

const headerOf = (algorithm: string) => `x-amz-checksum-${algorithm.toLowerCase()}`;

/** Another value of the same length. */
function wrong(value: string): string {
  return `${value.startsWith("A") ? "B" : "A"}${value.slice(1)}`;
}

function put(options: SendOptions): Promise<Response> {
  return send({ method: "PUT", key: "k", body: TEXT, ...options });
}

async function isAbsent(bucket: string): Promise<boolean> {
  return (await send({ method: "HEAD", bucket, key: "k" })).status === 404;
}

/** The stored checksum, as HEAD returns it. */
async function storedChecksum(bucket: string, algorithm: string, mode: string | null = "ENABLED") {
  const headers: Record<string, string> = mode === null ? {} : { "x-amz-checksum-mode": mode };
  const response = await send({ method: "HEAD", bucket, key: "k", headers });
  return [response.headers.get(headerOf(algorithm)), response.headers.get("x-amz-checksum-type")];
}

type Mode =
  | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
  | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
  | "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

interface ChunkedPut extends ChunkedOptions {
  readonly bucket: string;
  readonly style?: "path" | "virtual-host";
  readonly bytes: Uint8Array;
  readonly mode: Mode;
  readonly headers?: Record<string, string>;
  /** Changes the framed body before it is sent. */
  readonly damage?: (framed: Uint8Array) => Uint8Array;
}

async function putChunked({ bucket, style, bytes, mode, damage, ...options }: ChunkedPut): Promise<Response> {
  const url = urlOf({ bucket, key: "k", ...(style && { style }) });
  const headers = {
    "content-encoding": "aws-chunked",
    "x-amz-decoded-content-length": String(bytes.byteLength),
    ...(options.trailer && { "x-amz-trailer": options.trailer[0] }),
    ...options.headers,
  };
  const signed = sign({ method: "PUT", url, headers, payloadHash: mode });
  const framed =
    mode === "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
      ? unsignedChunks(bytes, options)
      : signedChunks(bytes, signed, options);
  const body = damage === undefined ? framed : damage(framed);
  return handDirectly(new Request(url, { method: "PUT", headers: signed.headers, body }));
}

function replaceText(from: string | RegExp, to: string): (framed: Uint8Array) => Uint8Array {
  return (framed) => new TextEncoder().encode(new TextDecoder().decode(framed).replace(from, to));
}

describe("PutObject with a checksum in the header", () => {
  it.each(CHECKSUMS)("PutObject stores %s, answers with it and returns it on request", async (algorithm, value) => {
    const bucket = await createBucket();
    const response = await put({ bucket, headers: { [headerOf(algorithm)]: value } });
    expect(response.status, await response.text()).toBe(200);
    expect(response.headers.get(headerOf(algorithm))).toBe(value);
    expect(response.headers.get("x-amz-checksum-type")).toBe("FULL_OBJECT");
    expect(await storedChecksum(bucket, algorithm)).toEqual([value, "FULL_OBJECT"]);
    expect(await storedChecksum(bucket, algorithm, "enabled")).toEqual([value, "FULL_OBJECT"]);
    expect(await storedChecksum(bucket, algorithm, null)).toEqual([null, null]);
  });

  it.each(CHECKSUMS)("PutObject refuses a body that does not match %s with BadDigest", async (algorithm, value) => {
    const bucket = await createBucket();
    await expectError(await put({ bucket, headers: { [headerOf(algorithm)]: wrong(value) } }), 400, "BadDigest", {
      message: `The ${algorithm} you specified did not match the calculated checksum.`,
    });
    expect(await isAbsent(bucket)).toBe(true);
  });

  it.each(CHECKSUMS)("PutObject refuses a large body that does not match %s", async (algorithm, value) => {
    const bucket = await createBucket();
    const body = new Uint8Array(MIB + 1).fill(1);
    const response = await put({ bucket, body, headers: { [headerOf(algorithm)]: value } });
    await expectError(response, 400, "BadDigest", {
      message: `The ${algorithm} you specified did not match the calculated checksum.`,
    });
    expect(await isAbsent(bucket)).toBe(true);
  });

  it.each(CHECKSUMS)(
    "PutObject refuses a %s of the wrong length or alphabet with InvalidRequest",
    async (algorithm) => {
      const bucket = await createBucket();
      for (const value of ["", "AAAA", "not base64!"]) {
        const response = await put({ bucket, headers: { [headerOf(algorithm)]: value } });
        await expectError(response, 400, "InvalidRequest", {
          message: `Value for ${headerOf(algorithm)} header is invalid.`,
        });
      }
      expect(await isAbsent(bucket)).toBe(true);
    },
  );

  it.each([
    [
      "two checksums",
      { "x-amz-checksum-crc32": "y/Q5Jg==", "x-amz-checksum-crc32c": "4waSgw==" },
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    ],
    [
      "an unknown algorithm",
      { "x-amz-checksum-md4": "AAAA" },
      "The algorithm type you specified in x-amz-checksum- header is invalid.",
    ],
    [
      "an SDK's algorithm without a value",
      { "x-amz-sdk-checksum-algorithm": "CRC32" },
      "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
    ],
    [
      "an SDK's algorithm with the value of another",
      { "x-amz-sdk-checksum-algorithm": "SHA1", "x-amz-checksum-crc32": "y/Q5Jg==" },
      "Value for x-amz-sdk-checksum-algorithm header is invalid.",
    ],
    [
      "an unknown SDK algorithm",
      { "x-amz-sdk-checksum-algorithm": "MD4", "x-amz-checksum-crc32": "y/Q5Jg==" },
      "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
    ],
    [
      "a trailer that is not a checksum",
      { "x-amz-trailer": "x-amz-meta-a" },
      "The value specified in the x-amz-trailer header is not supported",
    ],
  ])("PutObject refuses %s with InvalidRequest", async (_name, headers, message) => {
    const bucket = await createBucket();
    const response = await put({ bucket, headers: headers as unknown as Record<string, string> });
    await expectError(response, 400, "InvalidRequest", { message });
    expect(await isAbsent(bucket)).toBe(true);
  });

  it("PutObject replaces an old checksum by the default one", async () => {
    const bucket = await createBucket();
    await put({ bucket, headers: { "x-amz-checksum-crc32": "y/Q5Jg==" } });
    await put({ bucket });
    expect(await storedChecksum(bucket, "CRC32")).toEqual([null, "FULL_OBJECT"]);
    expect(await storedChecksum(bucket, "CRC64NVME")).toEqual(["rosUhgp5mIg=", "FULL_OBJECT"]);
  });

  it.each([
    ["nothing", {}],
    ["a Content-MD5", { "content-md5": createHash("md5").update(TEXT).digest("base64") }],
    ["a payload hash", { "x-amz-content-sha256": sha256(TEXT) }],
    ["a storage class that listings read from metadata", { "x-amz-storage-class": "STANDARD_IA" }],
  ])("PutObject adds CRC64NVME to an object that comes with %s", async (_name, headers) => {
    const bucket = await createBucket();
    const response = await put({ bucket, headers: { ...headers } as Record<string, string> });
    expect(response.headers.get("x-amz-checksum-crc64nvme")).toBe("rosUhgp5mIg=");
    expect(response.headers.get("x-amz-checksum-type")).toBe("FULL_OBJECT");
    expect(await storedChecksum(bucket, "CRC64NVME")).toEqual(["rosUhgp5mIg=", "FULL_OBJECT"]);
  });

  it("PutObject adds CRC64NVME to chunks without a trailer, to an empty object, and up to 1 MiB", async () => {
    const bucket = await createBucket();
    expect((await putChunked({ bucket, bytes: BYTES, mode: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" })).status).toBe(200);
    expect(await storedChecksum(bucket, "CRC64NVME")).toEqual(["rosUhgp5mIg=", "FULL_OBJECT"]);
    await put({ bucket, body: "" });
    expect(await storedChecksum(bucket, "CRC64NVME")).toEqual(["AAAAAAAAAAA=", "FULL_OBJECT"]);
    for (const [bytes, expected] of [
      [MIB, "FULL_OBJECT"],
      [MIB + 1, null],
    ] as const) {
      await put({ bucket, body: new Uint8Array(bytes) });
      expect((await storedChecksum(bucket, "CRC64NVME"))[1]).toBe(expected);
    }
  });

  it("PutObject adds no checksum to a replica", async () => {
    const bucket = await createBucket();
    await put({ bucket, headers: { "x-amz-workers-s3-replica": "1700000000000.1700000000000.x" } });
    expect(await storedChecksum(bucket, "CRC64NVME")).toEqual([null, null]);
  });

  it("PutObject accepts MD5 as SDKs send it: in Content-MD5, with x-amz-sdk-checksum-algorithm", async () => {
    const bucket = await createBucket();
    const md5 = createHash("md5").update(TEXT).digest("base64");
    const headers = { "x-amz-sdk-checksum-algorithm": "MD5", "content-md5": md5 };
    expect((await put({ bucket, headers })).headers.get("x-amz-checksum-md5")).toBe(md5);
    expect(await storedChecksum(bucket, "MD5")).toEqual([md5, "FULL_OBJECT"]);
    const refused = await put({ bucket, body: "other", headers });
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("<Code>BadDigest</Code>")]);
  });

  it("PutObject verifies a checksum in a presigned URL with BadDigest", async () => {
    const bucket = await createBucket();
    const good = await presign({ method: "PUT", bucket, key: "k", query: "x-amz-checksum-crc32=y%2FQ5Jg%3D%3D" });
    const refused = await handDirectly(new Request(good, { method: "PUT", body: "something else" }));
    await expectError(refused, 400, "BadDigest", {
      message: "The CRC32 you specified did not match the calculated checksum.",
    });
    expect((await handDirectly(new Request(good, { method: "PUT", body: TEXT }))).status).toBe(200);
    expect(await storedChecksum(bucket, "CRC32")).toEqual(["y/Q5Jg==", "FULL_OBJECT"]);
  });
});

describe("PutObject with Content-MD5 and a payload hash", () => {
  it.each([TEXT.length, MIB + 1])("PutObject accepts the right Content-MD5 of %i bytes", async (sizeBytes) => {
    const bucket = await createBucket();
    const body = new Uint8Array(sizeBytes).fill(3);
    const md5 = createHash("md5").update(body).digest("base64");
    expect((await put({ bucket, body, headers: { "content-md5": md5 } })).status).toBe(200);
  });

  it.each([TEXT.length, MIB + 1])("PutObject refuses a wrong Content-MD5 of %i bytes with BadDigest", async (size) => {
    const bucket = await createBucket();
    const headers = { "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==" };
    const body = new Uint8Array(size).fill(3);
    const response = await put({ bucket, body, headers });
    await expectError(response, 400, "BadDigest", {
      message: "The Content-MD5 you specified did not match what we received.",
      details: {
        ExpectedDigest: "0".repeat(32),
        CalculatedDigest: createHash("md5").update(body).digest("base64"),
      },
    });
    expect(await isAbsent(bucket)).toBe(true);
  });

  it.each(["", "not base64", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAA"])(
    "PutObject refuses the Content-MD5 %j with InvalidDigest",
    async (md5) => {
      const bucket = await createBucket();
      await expectError(await put({ bucket, headers: { "content-md5": md5 } }), 400, "InvalidDigest", {
        message: "The Content-MD5 you specified was invalid.",
        details: { "Content-MD5": md5 },
      });
    },
  );

  it.each(STYLES)("PutObject accepts a literal SHA-256 of the payload, %s style", async (style) => {
    const bucket = await createBucket();
    expect((await put({ bucket, style, headers: { "x-amz-content-sha256": sha256(TEXT) } })).status).toBe(200);
  });

  it.each([TEXT.length, MIB + 1])(
    "PutObject refuses %i bytes that do not match their payload hash with XAmzContentSHA256Mismatch",
    async (sizeBytes) => {
      const bucket = await createBucket();
      const body = new Uint8Array(sizeBytes).fill(5);
      const claimed = sha256("something else");
      const response = await put({ bucket, body, headers: { "x-amz-content-sha256": claimed } });
      await expectError(response, 400, "XAmzContentSHA256Mismatch", {
        message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
        details: { ClientComputedContentSHA256: claimed, S3ComputedContentSHA256: sha256(body) },
      });
      expect(await isAbsent(bucket)).toBe(true);
    },
  );

  it("PutObject refuses an invalid payload hash with InvalidArgument", async () => {
    const bucket = await createBucket();
    const response = await put({ bucket, headers: { "x-amz-content-sha256": "abc" } });
    await expectError(response, 400, "InvalidArgument", {
      message: /^x-amz-content-sha256 must be UNSIGNED-PAYLOAD, .* or a valid sha256 value\.$/,
      details: { ArgumentName: "x-amz-content-sha256", ArgumentValue: "abc" },
    });
  });

  it("PutObject verifies payload hash, Content-MD5 and checksum together", async () => {
    const bucket = await createBucket();
    const good = {
      "x-amz-content-sha256": sha256(TEXT),
      "content-md5": createHash("md5").update(TEXT).digest("base64"),
      "x-amz-checksum-crc32": "y/Q5Jg==",
    };
    expect((await put({ bucket, headers: good })).status).toBe(200);
    for (const bad of [
      { "x-amz-content-sha256": sha256("x") },
      { "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==" },
      { "x-amz-checksum-crc32": "AAAAAA==" },
    ]) {
      const response = await put({ bucket, headers: { ...good, ...bad } as unknown as Record<string, string> });
      expect([response.status, await response.text()]).toEqual([400, expect.stringMatching(/BadDigest|Mismatch/)]);
    }
  });
});

describe("PutObject with an aws-chunked body", () => {
  const sizes = [0, 1, 8191, 8192, 8193, 3 * 65536, MIB + 77];

  it.each(sizes)("PutObject decodes %i bytes of signed chunks", async (sizeBytes) => {
    const bucket = await createBucket();
    const bytes = Uint8Array.from({ length: sizeBytes }, (_, index) => index % 253);
    const response = await putChunked({ bucket, bytes, mode: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", chunkBytes: 8192 });
    expect(response.status, await response.text()).toBe(200);
    const read = await send({ bucket, key: "k" });
    expect(read.headers.get("content-encoding")).toBeNull();
    expect(sha256(new Uint8Array(await read.arrayBuffer()))).toBe(sha256(bytes));
  });

  for (const mode of ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"] as const) {
    describe(mode, () => {
      it.each(CHECKSUMS)("PutObject stores a trailing %s and answers with it", async (algorithm, value) => {
        const bucket = await createBucket();
        const trailer = [headerOf(algorithm), value] as const;
        const response = await putChunked({ bucket, style: "virtual-host", bytes: BYTES, mode, trailer });
        expect(response.status, await response.text()).toBe(200);
        expect(response.headers.get(headerOf(algorithm))).toBe(value);
        expect(await storedChecksum(bucket, algorithm)).toEqual([value, "FULL_OBJECT"]);
        expect(await (await send({ bucket, key: "k" })).text()).toBe(TEXT);
      });

      it.each(CHECKSUMS)("PutObject refuses a wrong trailing %s with BadDigest", async (algorithm, value) => {
        const bucket = await createBucket();
        const trailer = [headerOf(algorithm), wrong(value)] as const;
        await expectError(await putChunked({ bucket, bytes: BYTES, mode, trailer }), 400, "BadDigest", {
          message: `The ${algorithm} you specified did not match the calculated checksum.`,
        });
        expect(await isAbsent(bucket)).toBe(true);
      });

      it("PutObject stores a large body whose checksum comes last", async () => {
        const bucket = await createBucket();
        const bytes = new Uint8Array(2 * MIB + 5).fill(9);
        const value = createHash("sha256").update(bytes).digest("base64");
        const trailer = ["x-amz-checksum-sha256", value] as const;
        const response = await putChunked({ bucket, bytes, mode, trailer });
        expect(response.status, await response.text()).toBe(200);
        expect(response.headers.get("etag")).toBe(`"${createHash("md5").update(bytes).digest("hex")}"`);
        expect(await storedChecksum(bucket, "SHA256")).toEqual([value, "FULL_OBJECT"]);
        expect(sha256(new Uint8Array(await (await send({ bucket, key: "k" })).arrayBuffer()))).toBe(sha256(bytes));
      });

      it("PutObject refuses a large body with a wrong trailing checksum and keeps the old object", async () => {
        const bucket = await createBucket();
        await put({ bucket, body: "old" });
        const trailer = ["x-amz-checksum-crc32", "AAAAAA=="] as const;
        const response = await putChunked({ bucket, bytes: new Uint8Array(2 * MIB).fill(9), mode, trailer });
        await expectError(response, 400, "BadDigest", {
          message: "The CRC32 you specified did not match the calculated checksum.",
        });
        expect(await (await send({ bucket, key: "k" })).text()).toBe("old");
      });

      it("PutObject refuses a body without the announced trailer with MalformedTrailerError", async () => {
        const bucket = await createBucket();
        const response = await putChunked({
          bucket,
          bytes: BYTES,
          mode,
          headers: { "x-amz-trailer": headerOf("CRC32") },
        });
        await expectError(response, 400, "MalformedTrailerError", {
          message:
            "The request contained trailing data that was not well-formed or did not conform to our published schema.",
        });
        expect(await isAbsent(bucket)).toBe(true);
      });
    });
  }

  it("PutObject refuses a changed byte in a signed chunk with SignatureDoesNotMatch", async () => {
    const bucket = await createBucket();
    const mode = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    const response = await putChunked({ bucket, bytes: BYTES, mode, damage: replaceText("12345", "12346") });
    expect(response.status).toBe(403);
    expect(await response.text()).toMatch(
      /<Code>SignatureDoesNotMatch<\/Code>.*<StringToSign>AWS4-HMAC-SHA256-PAYLOAD/,
    );
    expect(await isAbsent(bucket)).toBe(true);
  });

  it("PutObject refuses a changed signed trailer with SignatureDoesNotMatch", async () => {
    const bucket = await createBucket();
    const response = await putChunked({
      bucket,
      bytes: BYTES,
      mode: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
      trailer: ["x-amz-checksum-crc32", "AAAAAA=="],
      damage: replaceText("AAAAAA==", "y/Q5Jg=="),
    });
    expect(response.status).toBe(403);
    expect(await response.text()).toMatch(
      /<Code>SignatureDoesNotMatch<\/Code>.*<StringToSign>AWS4-HMAC-SHA256-TRAILER/,
    );
    expect(await isAbsent(bucket)).toBe(true);
  });

  it.each([
    ["without its last chunk", replaceText(/0;chunk-signature=.*$/s, "")],
    ["with a chunk that is cut off", replaceText(/456789\r\n[\s\S]*$/, "")],
    ["that is not framed", () => BYTES],
    ["without chunk signatures", () => unsignedChunks(BYTES, {})],
    ["with data after the last chunk", (framed: Uint8Array) => new Uint8Array([...framed, 1, 2, 3])],
  ])("PutObject refuses a body %s", async (_name, damage) => {
    const bucket = await createBucket();
    const response = await putChunked({ bucket, bytes: BYTES, mode: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", damage });
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/<Code>(IncompleteBody|MalformedTrailerError)<\/Code>/);
    expect(await isAbsent(bucket)).toBe(true);
  });

  it.each([-1, 1])(
    "PutObject refuses %i bytes more or less than x-amz-decoded-content-length with IncompleteBody",
    async (off) => {
      const bucket = await createBucket();
      const headers = { "x-amz-decoded-content-length": String(BYTES.byteLength + off) };
      const mode = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
      await expectError(await putChunked({ bucket, bytes: BYTES, mode, headers }), 400, "IncompleteBody", {
        message: /^(The aws-chunked body is longer than x-amz-decoded|You did not provide the number of bytes)/,
      });
      expect(await isAbsent(bucket)).toBe(true);
    },
  );

  it("PutObject refuses chunks of less than 8 KiB before the last with InvalidChunkSizeError", async () => {
    const bucket = await createBucket();
    const bytes = new Uint8Array(20_000);
    const mode = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    const response = await putChunked({ bucket, bytes, mode, chunkBytes: 8191 });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain("<Code>InvalidChunkSizeError</Code>");
    expect(await isAbsent(bucket)).toBe(true);
  });

  it("PutObject refuses chunks without x-amz-decoded-content-length with MissingContentLength", async () => {
    const bucket = await createBucket();
    const url = urlOf({ bucket, key: "k" });
    const signed = sign({ method: "PUT", url, payloadHash: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" });
    const body = signedChunks(BYTES, signed);
    const response = await handDirectly(new Request(url, { method: "PUT", headers: signed.headers, body }));
    await expectError(response, 411, "MissingContentLength", {
      message: "You must provide the Content-Length HTTP header.",
    });
  });

  it("PutObject refuses signed chunks from an anonymous caller with AccessDenied", async () => {
    const bucket = await createBucket();
    const url = urlOf({ bucket, key: "k" });
    const headers = {
      "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "x-amz-trailer": headerOf("CRC32"),
    };
    const body = unsignedChunks(BYTES, { trailer: [headerOf("CRC32"), "y/Q5Jg=="] });
    const response = await handDirectly(new Request(url, { method: "PUT", headers, body }));
    await expectError(response, 403, "AccessDenied");
    expect(await isAbsent(bucket)).toBe(true);
  });
});
