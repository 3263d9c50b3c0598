/**
 * `x-amz-checksum-algorithm` and `x-amz-checksum-type`: the checksum to compute where the request states no value
 * (API_CreateMultipartUpload, API_CopyObject; "Checking object integrity").
 */
import { S3Error } from "../errors.ts";
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm, type ChecksumType } from "../model/checksum.ts";
import type { UploadChecksum } from "../model/upload.ts";

export const CHECKSUM_ALGORITHM_HEADER = "x-amz-checksum-algorithm";
export const CHECKSUM_TYPE_HEADER = "x-amz-checksum-type";

/** "Full object and composite checksum types": the default comes first. Only CRCs of parts can be combined. */
const TYPES: Readonly<Record<ChecksumAlgorithm, readonly [ChecksumType, ...ChecksumType[]]>> = {
  CRC32: ["COMPOSITE", "FULL_OBJECT"],
  CRC32C: ["COMPOSITE", "FULL_OBJECT"],
  CRC64NVME: ["FULL_OBJECT"],
  MD5: ["COMPOSITE"],
  SHA1: ["COMPOSITE"],
  SHA256: ["COMPOSITE"],
  SHA512: ["COMPOSITE"],
  XXHASH128: ["COMPOSITE"],
  XXHASH3: ["COMPOSITE"],
  XXHASH64: ["COMPOSITE"],
};

/** @throws S3Error `InvalidRequest` for an unknown algorithm */
export function parseChecksumAlgorithm(headers: Headers): ChecksumAlgorithm | undefined {
  const header = headers.get(CHECKSUM_ALGORITHM_HEADER);
  if (header === null || header === "") return undefined;
  return requireChecksumAlgorithm(header);
}

/** The five that AWS names in this message, in its order (recorded in February 2026). It accepts others as well. */
const NAMED_IN_ERRORS = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"];

/**
 * An algorithm by its name, in any case.
 * @throws S3Error `InvalidRequest`
 */
export function requireChecksumAlgorithm(text: string): ChecksumAlgorithm {
  const algorithm = CHECKSUM_ALGORITHMS.find((name) => name === text.toUpperCase());
  if (algorithm !== undefined) return algorithm;
  throw new S3Error("InvalidRequest", {
    message: `Checksum algorithm provided is unsupported. Please try again with any of the valid types: [${NAMED_IN_ERRORS.join(", ")}]`,
  });
}

/** @throws S3Error `InvalidRequest` for an unknown type */
export function parseChecksumType(headers: Headers): ChecksumType | undefined {
  const header = headers.get(CHECKSUM_TYPE_HEADER);
  if (header === null || header === "") return undefined;
  const type = header.toUpperCase();
  if (type === "COMPOSITE" || type === "FULL_OBJECT") return type;
  throw new S3Error("InvalidRequest", { message: `Value for ${CHECKSUM_TYPE_HEADER} header is invalid.` });
}

/**
 * The checksum that an upload is created with.
 * @throws S3Error `InvalidRequest`, also for a type without an algorithm and for a type that the algorithm lacks
 */
export function parseUploadChecksum(headers: Headers): UploadChecksum | undefined {
  const algorithm = parseChecksumAlgorithm(headers);
  const type = parseChecksumType(headers);
  if (algorithm === undefined) {
    if (type === undefined) return undefined;
    throw new S3Error("InvalidRequest", {
      message: `The ${CHECKSUM_TYPE_HEADER} header can only be used with the ${CHECKSUM_ALGORITHM_HEADER} header.`,
    });
  }
  const [fallback, ...others] = TYPES[algorithm];
  if (type === undefined || type === fallback) return { algorithm, type: fallback };
  if (others.includes(type)) return { algorithm, type };
  throw new S3Error("InvalidRequest", {
    message: `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
  });
}
