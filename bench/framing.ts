/** Bodies as clients send them. */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { Crc64Nvme } from "../src/checksum/crc.ts";

const CHUNK_BYTES = 64 * 1024;

export interface FramedBody {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The signature covers the SHA-256 of the body. */
export function hashed(body: Buffer): FramedBody {
  return { headers: { "x-amz-content-sha256": createHash("sha256").update(body).digest("hex") }, body };
}

/** As the AWS SDKs frame a stream over TLS: unsigned chunks of 64 KiB, and a checksum behind them. */
export function chunked(body: Buffer, algorithm: "crc32" | "crc64nvme"): FramedBody {
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < body.length; offset += CHUNK_BYTES) {
    const chunk = body.subarray(offset, offset + CHUNK_BYTES);
    pieces.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n"));
  }
  const name = `x-amz-checksum-${algorithm}`;
  const checksum = algorithm === "crc32" ? crc32Of(body) : crc64NvmeOf(body);
  pieces.push(Buffer.from(`0\r\n${name}:${checksum.toString("base64")}\r\n\r\n`));
  return {
    headers: {
      "content-encoding": "aws-chunked",
      "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "x-amz-decoded-content-length": String(body.length),
      "x-amz-trailer": name,
    },
    body: Buffer.concat(pieces),
  };
}

function crc32Of(body: Buffer): Buffer {
  const digest = Buffer.alloc(4);
  digest.writeUInt32BE(crc32(body));
  return digest;
}

function crc64NvmeOf(body: Buffer): Buffer {
  const crc = new Crc64Nvme();
  crc.update(body);
  return Buffer.from(crc.digest());
}
