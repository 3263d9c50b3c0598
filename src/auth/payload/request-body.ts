/**
 * Opens the body of a request, decoded and self-verifying: the bytes of the object that it uploads (see
 * `model/object-body.ts`), or the document that it contains.
 */
import { equalBytes, formatBase64, formatHex } from "../../checksum/digests.ts";
import { S3Error } from "../../errors.ts";
import type { DeclaredChecksum, DelegatedDigest, DigestText, ObjectBody } from "../../model/object-body.ts";
import { collect, type Pieces, StreamPieces } from "../../model/pieces.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import type { Authentication } from "../authenticate.ts";
import { AwsChunkedDecoder, ChunkSignatures } from "./aws-chunked.ts";
import type { PayloadPromise } from "./content-sha256.ts";
import {
  checksumOfTrailers,
  type DeclaredDigests,
  type ExpectedDigest,
  expectTrailing,
  readBodyLength,
  readDeclaredDigests,
  type TrailingChecksum,
} from "./declared-content.ts";
import { VerifiedPieces, type VerifiedPiecesOptions } from "./verified-pieces.ts";

/** What aws-chunked adds to a small body: the headers of two chunks and a trailer, signed. */
const MAX_USUAL_FRAMING_BYTES = 1024;

/** The facts about a body before its first byte. */
interface AnnouncedBody {
  readonly body: S3Request["body"];
  readonly promise: PayloadPromise;
  readonly declared: DeclaredDigests;
  readonly sizeBytes: number;
}

/**
 * @param request with the headers from `effectiveHeaders`
 * @throws S3Error for every error before the first byte: `MissingContentLength`, `NotImplemented`, `EntityTooLarge`,
 *   `InvalidArgument`, `InvalidDigest`, `InvalidRequest`, `MalformedTrailerError`. Errors in the bytes fail its pieces: `IncompleteBody`,
 *   `BadDigest`, `XAmzContentSHA256Mismatch`, `SignatureDoesNotMatch`, `InvalidChunkSizeError`,
 *   `MalformedTrailerError`, `InvalidRequest`.
 */
export function openObjectBody(
  request: S3Request,
  authentication: Authentication,
  md5ShownIn: DigestText = "hex",
): ObjectBody {
  // No body and no length: an object is replaced by an empty one only if the client says so explicitly.
  if (request.body === null && !request.headers.has("content-length")) throw new S3Error("MissingContentLength");
  const announced = readAnnouncement(request, authentication, md5ShownIn);
  return passThrough(announced) ?? verified(announced);
}

export interface WholeBodyOptions {
  readonly maxBytes: number;
  /** Whether S3 requires `Content-MD5` or a checksum (DeleteObjects and most configuration documents). */
  readonly requireDigest: boolean;
}

/**
 * Reads a whole document and verifies it like an upload. The body may be absent.
 * @param request with the headers from `effectiveHeaders`
 * @throws S3Error as `openObjectBody`, including errors in the bytes; `MaxMessageLengthExceeded` beyond `maxBytes`,
 *   `InvalidRequest` if a required digest is missing
 */
export async function readWholeBody(
  request: S3Request,
  authentication: Authentication,
  { maxBytes, requireDigest }: WholeBodyOptions,
): Promise<Uint8Array> {
  const announced = readAnnouncement(request, authentication, "hex");
  const { content, sizeBytes } = verified(announced);
  if (requireDigest && !announced.declared.protectsIntegrity) {
    throw new S3Error("InvalidRequest", {
      message: "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    });
  }
  if (sizeBytes > maxBytes) {
    throw new S3Error("MaxMessageLengthExceeded", {
      message: "Your request was too big.",
      details: { MaxMessageLengthBytes: String(maxBytes) },
    });
  }
  return collect(content, sizeBytes);
}

function readAnnouncement(
  { headers, body }: S3Request,
  { payload }: Authentication,
  md5ShownIn: DigestText,
): AnnouncedBody {
  const declared = readDeclaredDigests(headers, payload, md5ShownIn);
  requireStatedLength(headers, payload, body);
  return { body, promise: payload, declared, sizeBytes: readBodyLength(headers, payload, body) };
}

/**
 * A body whose length only its transfer coding shows. AWS takes that coding only for its own chunks, and names the header; a form
 * without a length is `MissingContentLength` (both seen on AWS).
 * @throws S3Error `NotImplemented`
 */
function requireStatedLength(headers: Headers, payload: PayloadPromise, body: S3Request["body"]): void {
  const isChunked = payload.kind === "signed-chunks" || payload.kind === "unsigned-chunks";
  if (isChunked || body === null || headers.has("content-length")) return;
  throw new S3Error("NotImplemented", { details: { Header: "Transfer-Encoding" } });
}

/**
 * The platform's own stream, if there is at most one digest to check and the store can check it. HTTP's framing
 * guarantees the length: an interrupted connection fails the stream.
 */
function passThrough({ body, promise, declared, sizeBytes }: AnnouncedBody): ObjectBody | undefined {
  if (body === null || sizeBytes === 0) return undefined;
  if (promise.kind === "signed-chunks" || promise.kind === "unsigned-chunks") return undefined;
  const [digest, ...more] = declared.expected.filter(
    (one, index, all) => all.findIndex((other) => sameDigest(one, other)) === index,
  );
  if (more.length > 0) return undefined;
  const delegated = digest && delegate(digest);
  if (digest !== undefined && delegated === undefined) return undefined;
  return { sizeBytes, content: body, delegated, checksum: declaredBefore(declared), failure: () => undefined };
}

function sameDigest(a: ExpectedDigest, b: ExpectedDigest): boolean {
  return a.algorithm === b.algorithm && equalBytes(a.bytes, b.bytes);
}

function delegate({ algorithm, bytes, mismatch }: ExpectedDigest): DelegatedDigest | undefined {
  if (algorithm === "MD5") return { algorithm: "md5", hex: formatHex(bytes), mismatch };
  if (algorithm === "SHA256") return { algorithm: "sha256", hex: formatHex(bytes), mismatch };
  return undefined;
}

/** The decoded body, which verifies itself. */
function verified(announced: AnnouncedBody): ObjectBody & { readonly content: Pieces } {
  const { body, promise, declared, sizeBytes } = announced;
  const { expected, trailing } = declared;
  const trailer = trailing && new TrailerDigest(trailing);
  const algorithms = expected.map(({ algorithm }) => algorithm);
  const content = new VerifiedPieces({
    sizeBytes,
    received: new StreamPieces(body ?? new Blob([]).stream(), sizeBytes + MAX_USUAL_FRAMING_BYTES),
    ...decoding(promise, sizeBytes, trailer),
    algorithms: trailing === undefined ? algorithms : [...algorithms, trailing.algorithm],
    expected: () => (trailer === undefined ? expected : [...expected, trailer.digest]),
  });
  const checksum = trailer === undefined ? declaredBefore(declared) : trailer.checksum();
  return { sizeBytes, content, delegated: undefined, checksum, failure: () => content.failure() };
}

function decoding(
  promise: PayloadPromise,
  sizeBytes: number,
  trailer: TrailerDigest | undefined,
): Pick<VerifiedPiecesOptions, "decode" | "end"> {
  if (promise.kind !== "signed-chunks" && promise.kind !== "unsigned-chunks") return {};
  const signatures = promise.kind === "signed-chunks" ? new ChunkSignatures(promise.seed) : undefined;
  const decoder = new AwsChunkedDecoder({ sizeBytes, signatures, trailer: trailer !== undefined });
  return {
    decode: (piece) => decoder.decode(piece),
    end: async () => {
      const trailers = await decoder.end();
      trailer?.read(trailers);
    },
  };
}

/** The checksum that follows the body; its value is known once the trailers have been read. */
class TrailerDigest {
  readonly #announced: TrailingChecksum;
  #digest: ExpectedDigest | undefined;

  constructor(announced: TrailingChecksum) {
    this.#announced = announced;
  }

  /** @throws S3Error `MalformedTrailerError`, `InvalidRequest`, `InvalidDigest` */
  read(trailers: ReadonlyMap<string, string>): void {
    this.#digest = expectTrailing(this.#announced, checksumOfTrailers(trailers, this.#announced));
  }

  get digest(): ExpectedDigest {
    if (this.#digest === undefined) throw new Error("the trailing checksum is known only after the stream has ended");
    return this.#digest;
  }

  checksum(): DeclaredChecksum {
    const { algorithm } = this.#announced;
    return {
      when: "after",
      algorithm,
      value: () => ({ algorithm, value: formatBase64(this.digest.bytes), type: "FULL_OBJECT" }),
    };
  }
}

function declaredBefore({ checksum }: DeclaredDigests): DeclaredChecksum {
  return checksum === undefined
    ? { when: "never" }
    : { when: "before", checksum: { ...checksum, type: "FULL_OBJECT" } };
}
