/**
 * The digests a request declares of its body: payload hash, `Content-MD5` and one additional checksum, in a header or a
 * trailer (S3 user guide, "Checking object integrity").
 */

import { formatBase64, formatHex, parseBase64, parseHex } from "../../checksum/digest-text.ts";
import { S3Error } from "../../errors.ts";
import { CHECKSUM_ALGORITHMS, CHECKSUM_BYTES, type ChecksumAlgorithm, checksumHeader } from "../../model/checksum.ts";
import type { DigestText } from "../../model/object-body.ts";
import { requireChecksumAlgorithm } from "../../protocol/checksum-algorithm.ts";
import type { PayloadPromise } from "./content-sha256.ts";
import { announcedChecksum, CONTENT_MD5, type TrailingChecksum } from "./trailers.ts";

export interface ExpectedDigest {
  readonly algorithm: ChecksumAlgorithm;
  readonly bytes: Uint8Array;
  /** @param calculated absent where somebody else compared */
  readonly mismatch: (calculated?: Uint8Array) => S3Error;
}

export interface DeclaredDigests {
  /** Known before the body. */
  readonly expected: readonly ExpectedDigest[];
  /** The one of them that S3 keeps with the object. */
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined;
  /** The checksum that stands in the trailer. */
  readonly trailing: TrailingChecksum | undefined;
  /** Whether S3 counts the body as protected: `Content-MD5` or an additional checksum. */
  readonly protectsIntegrity: boolean;
}

/** `x-amz-checksum-*` headers that are no checksums. */
const NOT_CHECKSUMS = new Set(["x-amz-checksum-mode", "x-amz-checksum-type", "x-amz-checksum-algorithm"]);

/**
 * @throws S3Error `InvalidDigest`, `InvalidRequest` on malformed, repeated, unknown or contradicting declarations,
 * `MalformedTrailerError` if a trailer is announced that the payload mode has no place for, or none where it must have one
 */
export function readDeclaredDigests(
  headers: Headers,
  promise: PayloadPromise,
  md5ShownIn: DigestText = "hex",
): DeclaredDigests {
  const expected: ExpectedDigest[] = [];
  if (promise.kind === "literal") expected.push(payloadHash(promise.sha256));
  const header = headers.get(CONTENT_MD5);
  const md5 = header === null ? undefined : contentMd5(header, md5ShownIn);
  if (md5 !== undefined) expected.push(md5);
  const named = readChecksumHeader(headers);
  if (named !== undefined) expected.push(named);

  const trailing = announcedChecksum(headers.get("x-amz-trailer"));
  if (trailing === undefined ? needsTrailer(promise) : !mayHaveTrailer(promise)) {
    throw new S3Error("MalformedTrailerError");
  }
  if (named !== undefined && trailing !== undefined) throw multipleChecksums();
  const chosen = sdkAlgorithm(headers);
  // SDKs that are set to MD5 send it as Content-MD5, which is then the checksum to keep.
  const checksum = named ?? (chosen === "MD5" && trailing === undefined ? md5 : undefined);
  checkSdkAlgorithm(chosen, checksum?.algorithm ?? trailing?.algorithm);

  return {
    expected,
    checksum: checksum && { algorithm: checksum.algorithm, value: formatBase64(checksum.bytes) },
    trailing,
    protectsIntegrity: md5 !== undefined || checksum !== undefined || trailing !== undefined,
  };
}

/** Unsigned chunks may come without any, whatever the mode's name says (tried on AWS by versitygw's authors). */
function needsTrailer(promise: PayloadPromise): boolean {
  return promise.kind === "signed-chunks" && promise.trailer;
}

function mayHaveTrailer(promise: PayloadPromise): boolean {
  return promise.kind === "unsigned-chunks" || needsTrailer(promise);
}

/**
 * A checksum value out of a header or a trailer.
 * @throws S3Error `InvalidRequest` if it is not base64 of the algorithm's length
 */
function expectChecksum(
  algorithm: ChecksumAlgorithm,
  value: string,
  where: "header" | "trailing header",
): ExpectedDigest {
  const bytes = parseBase64(value, CHECKSUM_BYTES[algorithm]);
  if (bytes === undefined) {
    throw new S3Error("InvalidRequest", { message: `Value for ${checksumHeader(algorithm)} ${where} is invalid.` });
  }
  const message = `The ${algorithm} you specified did not match the calculated checksum.`;
  return { algorithm, bytes, mismatch: () => new S3Error("BadDigest", { message }) };
}

/**
 * The value of a trailer that was announced.
 * @throws S3Error `InvalidRequest`, `InvalidDigest`
 */
export function expectTrailing({ algorithm, name }: TrailingChecksum, value: string): ExpectedDigest {
  return name === CONTENT_MD5 ? contentMd5(value, "hex") : expectChecksum(algorithm, value, "trailing header");
}

function payloadHash(sha256: string): ExpectedDigest {
  return {
    algorithm: "SHA256",
    bytes: parseHex(sha256, 32) ?? new Uint8Array(),
    mismatch: (calculated) =>
      new S3Error("XAmzContentSHA256Mismatch", {
        details: {
          ClientComputedContentSHA256: sha256,
          ...(calculated && { S3ComputedContentSHA256: formatHex(calculated) }),
        },
      }),
  };
}

function contentMd5(value: string, shownIn: DigestText): ExpectedDigest {
  const bytes = parseBase64(value, 16);
  if (bytes === undefined) {
    throw new S3Error("InvalidDigest", {
      message: "The Content-MD5 you specified was invalid.",
      details: { "Content-MD5": value },
    });
  }
  return {
    algorithm: "MD5",
    bytes,
    mismatch: (calculated) =>
      new S3Error("BadDigest", {
        message: "The Content-MD5 you specified did not match what we received.",
        details: {
          ExpectedDigest: shownIn === "hex" ? formatHex(bytes) : formatBase64(bytes),
          ...(calculated && { CalculatedDigest: formatBase64(calculated) }),
        },
      }),
  };
}

function readChecksumHeader(headers: Headers) {
  const names = [...headers.keys()].filter((name) => name.startsWith("x-amz-checksum-") && !NOT_CHECKSUMS.has(name));
  const [name, ...more] = names;
  if (name === undefined) return undefined;
  if (more.length > 0) throw multipleChecksums();
  const algorithm = CHECKSUM_ALGORITHMS.find((candidate) => checksumHeader(candidate) === name);
  if (algorithm === undefined) {
    throw new S3Error("InvalidRequest", {
      message: "The algorithm type you specified in x-amz-checksum- header is invalid.",
    });
  }
  return expectChecksum(algorithm, headers.get(name) ?? "", "header");
}

/** SDKs say which algorithm they were configured for. */
function sdkAlgorithm(headers: Headers): ChecksumAlgorithm | undefined {
  const header = headers.get("x-amz-sdk-checksum-algorithm");
  return header === null ? undefined : requireChecksumAlgorithm(header);
}

/** A value of the algorithm an SDK was configured for must really be there. */
function checkSdkAlgorithm(algorithm: ChecksumAlgorithm | undefined, declared: ChecksumAlgorithm | undefined): void {
  if (algorithm === undefined) return;
  if (declared === undefined) {
    throw new S3Error("InvalidRequest", {
      message:
        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
    });
  }
  if (declared !== algorithm) {
    throw new S3Error("InvalidRequest", { message: "Value for x-amz-sdk-checksum-algorithm header is invalid." });
  }
}

function multipleChecksums(): S3Error {
  return new S3Error("InvalidRequest", {
    message: "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
  });
}
