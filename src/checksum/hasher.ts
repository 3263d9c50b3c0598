/// <reference path="./node-hashes.d.ts" />
/**
 * Running digests of a body, for every algorithm that S3 accepts. MD5, SHA and CRC-32 come from the platform; CRC-32C
 * and CRC-64/NVME are computed with tables, because the platform's `DigestStream` is asynchronous and exists only in
 * workerd. The xxHash family is implemented here: libraries for it either compile WebAssembly at run time, which
 * workerd forbids, or take more than 5 ms per MiB.
 */
import { createHash, hash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { ChecksumAlgorithm } from "../model/checksum.ts";
import { Crc64Nvme, crc32c } from "./crc.ts";
import { Xxh3 } from "./xxh3.ts";
import { Xxh64 } from "./xxh64.ts";

export interface Hasher {
  update(bytes: Uint8Array): void;
  /** Big-endian digest. To be called once. */
  digest(): Uint8Array<ArrayBuffer>;
}

export function createHasher(algorithm: ChecksumAlgorithm): Hasher {
  switch (algorithm) {
    case "CRC32":
      return crc32Hasher(crc32);
    case "CRC32C":
      return crc32Hasher(crc32c);
    case "CRC64NVME":
      return new Crc64Nvme();
    case "MD5":
      return nativeHasher("md5");
    case "SHA1":
      return nativeHasher("sha1");
    case "SHA256":
      return nativeHasher("sha256");
    case "SHA512":
      return nativeHasher("sha512");
    case "XXHASH64":
      return new Xxh64();
    case "XXHASH3":
      return new Xxh3(64);
    case "XXHASH128":
      return new Xxh3(128);
    default:
      return algorithm satisfies never;
  }
}

/** Lower-case hex SHA-256 of a whole text (as UTF-8) or of bytes. */
export function sha256Hex(data: string | Uint8Array): string {
  return digestHex("sha256", data);
}

/** Lower-case hex digest of a whole text (as UTF-8) or of bytes. */
export function digestHex(algorithm: NativeAlgorithm, data: string | Uint8Array): string {
  // A Hash object is a Node stream, which costs more than the digest of a short text.
  return hash(algorithm, data, "hex");
}

type NativeAlgorithm = "md5" | "sha1" | "sha256" | "sha384" | "sha512";

function nativeHasher(algorithm: NativeAlgorithm): Hasher {
  const hash = createHash(algorithm);
  return {
    update: (bytes) => {
      hash.update(bytes);
    },
    digest: () => new Uint8Array(hash.digest()),
  };
}

function crc32Hasher(next: (bytes: Uint8Array, previous: number) => number): Hasher {
  let crc = 0;
  return {
    update: (bytes) => {
      // Node 22's crc32() of no bytes is 0, also with a previous value.
      if (bytes.length > 0) crc = next(bytes, crc);
    },
    digest: () => {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, crc);
      return bytes;
    },
  };
}
