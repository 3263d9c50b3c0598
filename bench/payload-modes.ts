/** Large bodies of one repeated block in every payload mode of S3, so that the client that measures holds only the block. */
import { createHash, createHmac } from "node:crypto";
import { crc32 } from "node:zlib";
import { Crc64Nvme } from "../src/checksum/crc.ts";
import type { Credentials, PreparedRequest, Sign } from "./http-client.ts";

export interface RepeatedBlock {
  readonly block: Buffer;
  readonly count: number;
}

export type TrailingAlgorithm = "CRC32" | "CRC64NVME" | "SHA256";

export interface Upload {
  readonly path: string;
  readonly body: RepeatedBlock;
}

const sha256Hex = (data: Buffer | string) => createHash("sha256").update(data).digest("hex");
const hmac = (key: Buffer | string, text: string) => createHmac("sha256", key).update(text).digest();

export function unsigned({ path, body }: Upload, sign: Sign): Promise<PreparedRequest> {
  return sign({ method: "PUT", path, body: repeat(body) });
}

export function signedPayload({ path, body }: Upload, sign: Sign): Promise<PreparedRequest> {
  const sha256 = Buffer.from(digestOf(body, "SHA256"), "base64").toString("hex");
  return sign({ method: "PUT", path, headers: { "x-amz-content-sha256": sha256 }, body: repeat(body) });
}

/** Unsigned chunks with a checksum behind them. */
export function withTrailer({ path, body }: Upload, sign: Sign, algorithm: TrailingAlgorithm) {
  const name = `x-amz-checksum-${algorithm.toLowerCase()}`;
  const header = Buffer.from(`${body.block.length.toString(16)}\r\n`);
  const pieces = repeat(body).flatMap((block) => [header, block, Buffer.from("\r\n")]);
  pieces.push(Buffer.from(`0\r\n${name}:${digestOf(body, algorithm)}\r\n\r\n`));
  const headers = { ...chunkHeaders(body, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), "x-amz-trailer": name };
  return sign({ method: "PUT", path, headers, body: pieces });
}

/** Each chunk has a signature that covers the one before; so has the trailer, if there is one. */
export async function signedChunks(
  { path, body }: Upload,
  { sign, credentials }: { readonly sign: Sign; readonly credentials: Credentials },
  trailer?: TrailingAlgorithm,
): Promise<PreparedRequest> {
  const mode = `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${trailer === undefined ? "" : "-TRAILER"}`;
  const name = `x-amz-checksum-${trailer?.toLowerCase()}`;
  const headers = { ...chunkHeaders(body, mode), ...(trailer !== undefined && { "x-amz-trailer": name }) };
  const signed = await sign({ method: "PUT", path, headers });
  const chain = new SignatureChain(signed, credentials);
  const blockHash = sha256Hex(body.block);
  const pieces = repeat(body).flatMap((block) => [
    Buffer.from(`${block.length.toString(16)};chunk-signature=${chain.ofChunk(blockHash)}\r\n`),
    block,
    Buffer.from("\r\n"),
  ]);
  pieces.push(Buffer.from(`0;chunk-signature=${chain.ofChunk(sha256Hex(""))}\r\n`));
  if (trailer !== undefined) {
    const line = `${name}:${digestOf(body, trailer)}`;
    pieces.push(Buffer.from(`${line}\r\nx-amz-trailer-signature:${chain.ofTrailer(`${line}\n`)}\r\n`));
  }
  pieces.push(Buffer.from("\r\n"));
  return { ...signed, body: pieces };
}

class SignatureChain {
  readonly #key: Buffer;
  readonly #date: string;
  readonly #scope: string;
  #previous: string;

  constructor({ headers = {} }: PreparedRequest, { secretAccessKey }: Credentials) {
    const { authorization = "" } = headers;
    this.#date = headers["x-amz-date"] ?? "";
    this.#scope = /Credential=[^/]+\/([^,]+)/.exec(authorization)?.[1] ?? "";
    this.#previous = /Signature=(\w+)/.exec(authorization)?.[1] ?? "";
    let key: Buffer | string = `AWS4${secretAccessKey}`;
    for (const step of this.#scope.split("/")) key = hmac(key, step);
    this.#key = Buffer.from(key);
  }

  ofChunk(sha256: string): string {
    return this.#next("PAYLOAD", `${sha256Hex("")}\n${sha256}`);
  }

  ofTrailer(canonical: string): string {
    return this.#next("TRAILER", sha256Hex(canonical));
  }

  #next(kind: string, hashes: string): string {
    const text = `AWS4-HMAC-SHA256-${kind}\n${this.#date}\n${this.#scope}\n${this.#previous}\n${hashes}`;
    this.#previous = hmac(this.#key, text).toString("hex");
    return this.#previous;
  }
}

function chunkHeaders({ block, count }: RepeatedBlock, mode: string): Record<string, string> {
  return {
    "content-encoding": "aws-chunked",
    "x-amz-content-sha256": mode,
    "x-amz-decoded-content-length": String(block.length * count),
  };
}

function repeat({ block, count }: RepeatedBlock): Buffer[] {
  return Array.from({ length: count }, () => block);
}

/** In base64. */
function digestOf({ block, count }: RepeatedBlock, algorithm: TrailingAlgorithm): string {
  const blocks = Array.from({ length: count }, () => block);
  switch (algorithm) {
    case "CRC32": {
      const digest = Buffer.alloc(4);
      digest.writeUInt32BE(blocks.reduce((crc, each) => crc32(each, crc), 0));
      return digest.toString("base64");
    }
    case "CRC64NVME": {
      const crc = new Crc64Nvme();
      for (const each of blocks) crc.update(each);
      return Buffer.from(crc.digest()).toString("base64");
    }
    case "SHA256": {
      const hash = createHash("sha256");
      for (const each of blocks) hash.update(each);
      return hash.digest("base64");
    }
  }
}
