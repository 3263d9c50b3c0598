/** The same code on workerd's own streams, hashes and R2, which unit tests do not cover. */
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { authenticate } from "../../../src/auth/authenticate.ts";
import { openObjectBody } from "../../../src/auth/payload/request-body.ts";
import { formatBase64, formatHex } from "../../../src/checksum/digests.ts";
import { createHasher } from "../../../src/checksum/hasher.ts";
import type { ObjectBody } from "../../../src/model/object-body.ts";
import { streamBody } from "../../../src/storage/r2/write.ts";
import { frame, plainChunks, signChunks } from "../../unit/auth/chunks.ts";
import { keyring, sha256Hex, signedRequest } from "../../unit/auth/support.ts";

const ANY = { regions: "any", service: "s3" } as const;
const MIB = 1024 * 1024;

function noise(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let offset = 0; offset < length; offset += 65536) {
    crypto.getRandomValues(bytes.subarray(offset, Math.min(offset + 65536, length)));
  }
  return bytes;
}

async function digestStream(algorithm: string, bytes: Uint8Array): Promise<string> {
  const stream = new crypto.DigestStream(algorithm);
  const writer = stream.getWriter();
  await writer.write(bytes);
  await writer.close();
  return formatHex(new Uint8Array(await stream.digest));
}

/** An upload over the platform's own body stream. */
async function upload(
  wire: Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
  payloadHash = "UNSIGNED-PAYLOAD",
) {
  const signed = await signedRequest({ method: "PUT", headers }, { payloadHash });
  const { body } = new Request("https://example.com/", { method: "PUT", body: wire });
  const request = { ...signed, body };
  return openObjectBody(request, await authenticate(request, keyring(), ANY));
}

async function put(key: string, body: ObjectBody) {
  const [stored] = await Promise.allSettled([streamBody({ store: env.STORE, r2Key: key }, body, {})]);
  return { stored };
}

describe("hashes", () => {
  test.each([
    ["CRC32", "CRC32"],
    ["CRC32C", "CRC32C"],
    ["CRC64NVME", "CRC64NVME"],
    ["MD5", "MD5"],
    ["SHA1", "SHA-1"],
    ["SHA256", "SHA-256"],
  ] as const)("%s agrees with workerd's DigestStream", async (algorithm, native) => {
    const bytes = noise(100_003);
    const hasher = createHasher(algorithm);
    for (let offset = 0; offset < bytes.length; offset += 777) hasher.update(bytes.subarray(offset, offset + 777));
    expect(formatHex(hasher.digest())).toBe(await digestStream(native, bytes));
  });
});

describe("into R2", () => {
  const data = noise(3 * MIB + 17);
  const crc = (() => {
    const hasher = createHasher("CRC64NVME");
    hasher.update(data);
    return formatBase64(hasher.digest());
  })();
  const length = { "content-length": String(data.length) };
  const decoded = { "x-amz-decoded-content-length": String(data.length) };

  async function expectStored(key: string) {
    const object = await env.STORE.get(key);
    expect(sha256Hex(new Uint8Array((await object?.arrayBuffer()) ?? new ArrayBuffer()))).toBe(sha256Hex(data));
  }

  test("a verified body is stored, and a wrong one is refused with its error", async () => {
    const good = await upload(data, { ...length, "x-amz-checksum-crc64nvme": crc });
    expect((await put("good", good)).stored.status).toBe("fulfilled");
    await expectStored("good");

    const bad = await upload(data, { ...length, "x-amz-checksum-crc64nvme": "AAAAAAAAAAA=" });
    expect((await put("bad", bad)).stored.status).toBe("rejected");
    expect(bad.failure()).toMatchObject({ code: "BadDigest" });
    expect(await env.STORE.head("bad")).toBeNull();
  });

  test("signed chunks", async () => {
    const signed = await signedRequest(
      { method: "PUT", headers: decoded },
      { payloadHash: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" },
    );
    const seed = /Signature=(\w+)/.exec(signed.headers.get("authorization") ?? "")?.[1] ?? "";
    const chunks = signChunks(data, 65536, seed);
    for (const [key, change] of [
      ["chunked", false],
      ["tampered", true],
    ] as const) {
      const sent = chunks.map((chunk, i) => (change && i === 20 ? { ...chunk, data: chunk.data.with(9, 0) } : chunk));
      const { body } = new Request("https://example.com/", {
        method: "PUT",
        body: new Uint8Array(frame(sent, "\r\n")),
      });
      const opened = openObjectBody({ ...signed, body }, await authenticate(signed, keyring(), ANY));
      const { stored } = await put(key, opened);
      expect(stored.status).toBe(change ? "rejected" : "fulfilled");
      if (change) expect(opened.failure()).toMatchObject({ code: "SignatureDoesNotMatch" });
    }
    await expectStored("chunked");
    expect(await env.STORE.head("tampered")).toBeNull();
  });

  test("unsigned chunks with a trailer", async () => {
    const wire = new Uint8Array(frame(plainChunks(data, MIB), `x-amz-checksum-crc64nvme:${crc}\r\n\r\n`));
    const headers = { ...decoded, "x-amz-trailer": "x-amz-checksum-crc64nvme" };
    const body = await upload(wire, headers, "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    expect((await put("trailer", body)).stored.status).toBe("fulfilled");
    await expectStored("trailer");
  });

  test("bodies that arrive at the same time, in small steps, are stored without a byte of another", async () => {
    const uploads = await Promise.all(
      Array.from({ length: 8 }, async (_, number) => {
        const bytes = noise(300_000 + 70_000 * number);
        const hasher = createHasher("CRC32C");
        hasher.update(bytes);
        const value = formatBase64(hasher.digest());
        const isChunked = number % 2 === 0;
        const headers: Record<string, string> = isChunked
          ? { "x-amz-decoded-content-length": String(bytes.length), "x-amz-trailer": "x-amz-checksum-crc32c" }
          : { "content-length": String(bytes.length), "x-amz-checksum-crc32c": value };
        const trailer = `x-amz-checksum-crc32c:${value}\r\n\r\n`;
        const wire = isChunked ? frame(plainChunks(bytes, 8192 + number), trailer) : bytes;
        const payloadHash = isChunked ? "STREAMING-UNSIGNED-PAYLOAD-TRAILER" : "UNSIGNED-PAYLOAD";
        const signed = await signedRequest({ method: "PUT", headers }, { payloadHash });
        const pipe = new IdentityTransformStream();
        const request = { ...signed, body: pipe.readable };
        const body = openObjectBody(request, await authenticate(request, keyring(), ANY));
        return { key: `mixed-${number}`, bytes, wire, writer: pipe.writable.getWriter(), body };
      }),
    );
    const storing = Promise.all(uploads.map(({ key, body }) => put(key, body)));
    // Turn by turn, so that each body waits while the others are read.
    for (let at = 0; uploads.some(({ wire }) => at < wire.length); at += 50_000) {
      const step = uploads.filter(({ wire }) => at < wire.length);
      await Promise.all(step.map(({ wire, writer }) => writer.write(new Uint8Array(wire.subarray(at, at + 50_000)))));
    }
    await Promise.all(uploads.map(({ writer }) => writer.close()));
    expect((await storing).map(({ stored }) => stored.status)).toEqual(uploads.map(() => "fulfilled"));
    for (const { key, bytes } of uploads) {
      const stored = await env.STORE.get(key);
      expect([key, sha256Hex(new Uint8Array((await stored?.arrayBuffer()) ?? []))]).toEqual([key, sha256Hex(bytes)]);
    }
  });

  test("a delegated digest is refused by R2 itself", async () => {
    const good = await upload(data, length, sha256Hex(data));
    expect(good.delegated?.algorithm).toBe("sha256");
    expect((await put("delegated", good)).stored.status).toBe("fulfilled");
    await expectStored("delegated");

    const bad = await upload(data, length, "0".repeat(64));
    expect((await put("refused", bad)).stored).toMatchObject({ reason: { code: "XAmzContentSHA256Mismatch" } });
    expect(await env.STORE.head("refused")).toBeNull();
  });
});
