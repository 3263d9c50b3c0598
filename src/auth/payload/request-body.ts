/**
 * From a request to the bytes of the object it uploads (see `model/object-body.ts`) or of the document it carries: decoded and
 * self-verifying.
 */
import { equalBytes, formatBase64, formatHex } from "../../checksum/digests.ts";
import { S3Error } from "../../errors.ts";
import type { DeclaredChecksum, DelegatedDigest, DigestText, ObjectBody } from "../../model/object-body.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import type { Authentication } from "../authenticate.ts";
import { ChunkSignatures, decodeAwsChunked } from "./aws-chunked.ts";
import { ByteReader } from "./byte-reader.ts";
import type { PayloadPromise } from "./content-sha256.ts";
import {
  checksumOfTrailers,
  type DeclaredDigests,
  type ExpectedDigest,
  expectTrailing,
  readBodyLength,
  readDeclaredDigests,
} from "./declared-content.ts";
import { verifyingStream } from "./verifying-stream.ts";

/**
 * @param headers as `effectiveHeaders` gives them
 * @throws S3Error for everything that is wrong before the first byte: `MissingContentLength`, `EntityTooLarge`,
 * `InvalidArgument`, `InvalidDigest`, `InvalidRequest`, `MalformedTrailerError`. What is wrong with the bytes fails the
 * stream: `IncompleteBody`, `BadDigest`, `XAmzContentSHA256Mismatch`, `SignatureDoesNotMatch`, `InvalidChunkSizeError`,
 * `MalformedTrailerError`, `InvalidRequest`.
 */
export function openObjectBody(
  request: S3Request,
  headers: Headers,
  authentication: Authentication,
  md5ShownIn: DigestText = "hex",
): ObjectBody {
  // No body and no length: an object is not replaced by nothing unless the client has said that it means nothing.
  if (request.body === null && !headers.has("content-length")) throw new S3Error("MissingContentLength");
  const declared = readDeclaredDigests(headers, authentication.payload, md5ShownIn);
  const sizeBytes = readBodyLength(headers, authentication.payload, request.body);
  return (
    passThrough(request, authentication.payload, declared, sizeBytes) ??
    verified(request, authentication.payload, declared, sizeBytes)
  );
}

/** As `openObjectBody`, but never delegates: the stream itself verifies everything. A document may be absent. */
export function openVerifiedBody(
  request: S3Request,
  headers: Headers,
  authentication: Authentication,
): { readonly body: ObjectBody; readonly protectsIntegrity: boolean } {
  const declared = readDeclaredDigests(headers, authentication.payload);
  const sizeBytes = readBodyLength(headers, authentication.payload, request.body);
  const body = verified(request, authentication.payload, declared, sizeBytes);
  return { body, protectsIntegrity: declared.protectsIntegrity };
}

/**
 * The platform's own stream, if there is at most one digest to check and the store can check it. HTTP's own framing
 * vouches for the length: a connection that breaks off fails the stream.
 */
function passThrough(
  { body }: S3Request,
  promise: PayloadPromise,
  declared: DeclaredDigests,
  sizeBytes: number,
): ObjectBody | undefined {
  if (body === null || sizeBytes === 0) return undefined;
  if (promise.kind === "signed-chunks" || promise.kind === "unsigned-chunks") return undefined;
  const [digest, ...more] = declared.expected.filter(
    (one, index, all) => all.findIndex((other) => sameDigest(one, other)) === index,
  );
  if (more.length > 0) return undefined;
  const delegated = digest && delegate(digest);
  if (digest !== undefined && delegated === undefined) return undefined;
  return { sizeBytes, stream: body, delegated, checksum: declaredBefore(declared), failure: () => undefined };
}

function sameDigest(a: ExpectedDigest, b: ExpectedDigest): boolean {
  return a.algorithm === b.algorithm && equalBytes(a.bytes, b.bytes);
}

function delegate({ algorithm, bytes, mismatch }: ExpectedDigest): DelegatedDigest | undefined {
  if (algorithm === "MD5") return { algorithm: "md5", hex: formatHex(bytes), mismatch };
  if (algorithm === "SHA256") return { algorithm: "sha256", hex: formatHex(bytes), mismatch };
  return undefined;
}

function verified(
  { body }: S3Request,
  promise: PayloadPromise,
  declared: DeclaredDigests,
  sizeBytes: number,
): ObjectBody {
  const reader = new ByteReader(body ?? new Blob([]).stream());
  const algorithms = declared.expected.map(({ algorithm }) => algorithm);
  let trailing: ExpectedDigest | undefined;
  if (declared.trailing !== undefined) algorithms.push(declared.trailing.algorithm);

  const { stream, failure } = verifyingStream({
    sizeBytes,
    pieces: decode(),
    algorithms,
    expected: () => (trailing === undefined ? declared.expected : [...declared.expected, trailing]),
    cancel: (reason) => reader.cancel(reason),
  });
  return { sizeBytes, stream, delegated: undefined, checksum: declaredChecksum(), failure };

  async function* decode(): AsyncGenerator<Uint8Array> {
    if (promise.kind !== "signed-chunks" && promise.kind !== "unsigned-chunks") {
      yield* plainPieces(reader);
      return;
    }
    const signatures = promise.kind === "signed-chunks" ? new ChunkSignatures(promise.seed) : undefined;
    const trailers = yield* decodeAwsChunked(reader, {
      sizeBytes,
      signatures,
      trailer: declared.trailing !== undefined,
    });
    if (declared.trailing !== undefined) {
      trailing = expectTrailing(declared.trailing, checksumOfTrailers(trailers, declared.trailing));
    }
  }

  function declaredChecksum(): DeclaredChecksum {
    const algorithm = declared.trailing?.algorithm;
    if (algorithm === undefined) return declaredBefore(declared);
    return {
      when: "after",
      algorithm,
      value: () => {
        if (trailing === undefined) throw new Error("the trailing checksum is known only after the stream has ended");
        return { algorithm, value: formatBase64(trailing.bytes), type: "FULL_OBJECT" };
      },
    };
  }
}

async function* plainPieces(reader: ByteReader): AsyncGenerator<Uint8Array> {
  for (let piece = await reader.take(); piece !== undefined; piece = await reader.take()) yield piece;
}

function declaredBefore({ checksum }: DeclaredDigests): DeclaredChecksum {
  return checksum === undefined
    ? { when: "never" }
    : { when: "before", checksum: { ...checksum, type: "FULL_OBJECT" } };
}

export interface WholeBodyOptions {
  readonly maxBytes: number;
  /** Whether S3 insists on `Content-MD5` or a checksum (DeleteObjects and most configuration documents). */
  readonly requireDigest: boolean;
}

/**
 * A body that is a document: small, read whole, verified like any upload.
 * @throws S3Error as `openObjectBody`, for the bytes as well; `MaxMessageLengthExceeded` beyond `maxBytes`,
 * `InvalidRequest` if a required digest is missing
 */
export async function readWholeBody(
  request: S3Request,
  headers: Headers,
  authentication: Authentication,
  { maxBytes, requireDigest }: WholeBodyOptions,
): Promise<Uint8Array> {
  const { body, protectsIntegrity } = openVerifiedBody(request, headers, authentication);
  if (requireDigest && !protectsIntegrity) {
    throw new S3Error("InvalidRequest", {
      message: "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    });
  }
  if (body.sizeBytes > maxBytes) {
    throw new S3Error("MaxMessageLengthExceeded", {
      message: "Your request was too big.",
      details: { MaxMessageLengthBytes: String(maxBytes) },
    });
  }
  const whole = new Uint8Array(body.sizeBytes);
  let filled = 0;
  const reader = body.stream.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    if (value === undefined) continue;
    whole.set(value, filled);
    filled += value.length;
  }
  return whole;
}
