/** The length and the digests that a request declares for its body, before the first byte is read. */
import { formatBase64, formatHex, parseBase64, parseHex } from "../../checksum/digests.ts";
import { invalidArgument, S3Error } from "../../errors.ts";
import { CHECKSUM_ALGORITHMS, CHECKSUM_BYTES, type ChecksumAlgorithm, checksumHeader } from "../../model/checksum.ts";
import type { DigestText } from "../../model/object-body.ts";
import { requireChecksumAlgorithm } from "../../protocol/checksum-algorithm.ts";
import type { PayloadPromise } from "./content-sha256.ts";

/** The name that SDKs use for an MD5, in a header or a trailer. */
const CONTENT_MD5 = "content-md5";

/** A checksum that follows the body. */
export interface TrailingChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Name of the trailer, in lower case. */
  readonly name: string;
}

export interface ExpectedDigest {
  readonly algorithm: ChecksumAlgorithm;
  readonly bytes: Uint8Array;
  /** @param calculated absent if the store compared the digests */
  readonly mismatch: (calculated?: Uint8Array) => S3Error;
}

/**
 * Payload hash, `Content-MD5` and one additional checksum, in a header or a trailer (S3 user guide, "Checking object
 * integrity").
 */
export interface DeclaredDigests {
  /** The digests that are known before the body. */
  readonly expected: readonly ExpectedDigest[];
  /** The one of them that S3 stores with the object. */
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined;
  /** The checksum that follows in the trailer. */
  readonly trailing: TrailingChecksum | undefined;
  /** Whether S3 counts the body as protected: `Content-MD5` or an additional checksum. */
  readonly protectsIntegrity: boolean;
}

/** `x-amz-checksum-*` headers that are not checksums. */
const NOT_CHECKSUMS = new Set(["x-amz-checksum-mode", "x-amz-checksum-type", "x-amz-checksum-algorithm"]);

/**
 * @throws S3Error `InvalidDigest`, `InvalidRequest` on malformed, repeated, unknown or contradictory declarations,
 *   `MalformedTrailerError` if a trailer is announced that the payload mode does not allow, or is missing where the
 *   mode requires one
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
  // SDKs that are configured for MD5 send it as Content-MD5, which is then the checksum to store.
  const checksum = named ?? (chosen === "MD5" && trailing === undefined ? md5 : undefined);
  checkSdkAlgorithm(chosen, checksum?.algorithm ?? trailing?.algorithm);

  return {
    expected,
    checksum: checksum && { algorithm: checksum.algorithm, value: formatBase64(checksum.bytes) },
    trailing,
    protectsIntegrity: md5 !== undefined || checksum !== undefined || trailing !== undefined,
  };
}

/** Unsigned chunks may have no trailer, despite the name of the mode (tried on AWS by versitygw's authors). */
function needsTrailer(promise: PayloadPromise): boolean {
  return promise.kind === "signed-chunks" && promise.trailer;
}

function mayHaveTrailer(promise: PayloadPromise): boolean {
  return promise.kind === "unsigned-chunks" || needsTrailer(promise);
}

/**
 * A checksum value from a header or a trailer.
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
 * The value of the announced trailer.
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

/** The algorithm that the SDK was configured for. */
function sdkAlgorithm(headers: Headers): ChecksumAlgorithm | undefined {
  const header = headers.get("x-amz-sdk-checksum-algorithm");
  return header === null ? undefined : requireChecksumAlgorithm(header);
}

/** The request must have a checksum of the algorithm that the SDK was configured for. */
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

/**
 * The one checksum that `x-amz-trailer` announces; undefined without the header.
 * @throws S3Error `InvalidRequest` if it announces anything else: S3 accepts only a checksum there
 */
function announcedChecksum(header: string | null): TrailingChecksum | undefined {
  if (header === null) return undefined;
  const names = header.split(",").map((name) => name.trim().toLowerCase());
  const [name = "", ...others] = names;
  const algorithm = algorithmOf(name);
  if (algorithm === undefined || others.some((other) => algorithmOf(other) === undefined)) {
    throw new S3Error("InvalidRequest", {
      message: "The value specified in the x-amz-trailer header is not supported",
    });
  }
  if (others.length > 0) {
    throw new S3Error("InvalidRequest", {
      message: "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    });
  }
  return { algorithm, name };
}

function algorithmOf(name: string): ChecksumAlgorithm | undefined {
  if (name === CONTENT_MD5) return "MD5";
  return CHECKSUM_ALGORITHMS.find((algorithm) => checksumHeader(algorithm) === name);
}

/**
 * The announced checksum, which must be the only trailer.
 * @throws S3Error `MalformedTrailerError`
 */
export function checksumOfTrailers(values: ReadonlyMap<string, string>, announced: TrailingChecksum): string {
  const value = values.get(announced.name);
  if (value === undefined || values.size > 1) throw new S3Error("MalformedTrailerError");
  return value;
}

/** 5 GiB: S3's limit for one PUT, one part and one form upload. */
export const MAX_BODY_BYTES = 5 * 1024 ** 3;

const DECODED_LENGTH = "x-amz-decoded-content-length";

/**
 * The number of bytes of object data in the request: `x-amz-decoded-content-length` for aws-chunked bodies,
 * `Content-Length` otherwise.
 * @throws S3Error `MissingContentLength` (411), `InvalidArgument` for an invalid number, `EntityTooLarge`
 */
export function readBodyLength(headers: Headers, promise: PayloadPromise, body: ReadableStream | null): number {
  const chunked = promise.kind === "signed-chunks" || promise.kind === "unsigned-chunks";
  const name = chunked ? DECODED_LENGTH : "content-length";
  const text = headers.get(name);
  // Without a length and a transfer coding there is no body (RFC 9112, 6.3), so its length is known.
  if (text === null && !chunked && body === null) return 0;
  if (text === null) throw new S3Error("MissingContentLength");
  const length = /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  // An invalid decoded length counts as missing.
  if (length === undefined && chunked) throw new S3Error("MissingContentLength");
  if (length === undefined)
    throw invalidArgument(`The value of the ${name} header is not a length in bytes.`, name, text);
  if (length > MAX_BODY_BYTES) {
    throw new S3Error("EntityTooLarge", {
      message: "Your proposed upload exceeds the maximum allowed size",
      details: { ProposedSize: String(length), MaxSizeAllowed: String(MAX_BODY_BYTES) },
    });
  }
  return length;
}
