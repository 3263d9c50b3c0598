/** Errors of the platform (R2, D1, Durable Objects) as S3 errors. */
import { parseHex } from "../checksum/digests.ts";
import { S3Error, type S3ErrorCode } from "../errors.ts";

const SCHEMA_REMEDY =
  "The database schema is missing or older than this Worker. Run `npm run deploy`, or `npx wrangler d1 migrations apply DB` with --local or --remote.";

/**
 * Any error as an S3 error: itself if it is one, else what the platform's message says.
 * @returns the error to answer; its cause is for the log.
 */
export function toS3Error(error: unknown): S3Error {
  if (error instanceof S3Error) return error;
  const message = error instanceof Error ? error.message : "";
  if (/no such (table|column)/.test(message)) {
    return new S3Error("ServiceUnavailable", { message: SCHEMA_REMEDY, cause: error });
  }
  // D1 and Durable Objects say so when their single thread has too much to do.
  if (/overloaded|too many requests|queued for too long/i.test(message))
    return new S3Error("SlowDown", { cause: error });
  if (/network connection lost|storage caused object to be reset|timed? ?out/i.test(message)) {
    return new S3Error("ServiceUnavailable", { cause: error });
  }
  // A Durable Object whose code is older than this Worker, for some minutes after a deployment.
  if (/does not implement the method/.test(message)) return new S3Error("ServiceUnavailable", { cause: error });
  return new S3Error("InternalError", { cause: error });
}

/**
 * By R2's code. The binding throws plain errors whose message ends in it, "put: … (10058)" (Cloudflare R2 documentation,
 * "Error codes").
 */
const R2_CODES: Readonly<Record<number, S3ErrorCode>> = {
  10012: "MetadataTooLarge",
  10013: "IncompleteBody",
  10020: "KeyTooLongError",
  10043: "ServiceUnavailable",
  10054: "RequestTimeout",
  10058: "SlowDown",
  100100: "EntityTooLarge",
};

/** R2 refused the bytes because the digest handed to it does not match. */
export const R2_BAD_DIGEST = 10037;

export function r2ErrorCode(error: unknown): number | undefined {
  const match = error instanceof Error ? /\((\d+)\)\s*$/.exec(error.message) : null;
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

/** The digest R2 calculated instead of the one it refused. */
export function r2CalculatedDigest(error: unknown): Uint8Array | undefined {
  const found = error instanceof Error ? /Actual \S+ was: ((?:[0-9a-f]{2})+)\b/.exec(error.message) : null;
  return found?.[1] === undefined ? undefined : parseHex(found[1], found[1].length / 2);
}

/** The S3 error to answer for whatever an R2 call threw; the cause is kept for the log. */
export function fromR2Error(error: unknown): S3Error {
  if (error instanceof S3Error) return error;
  const code = r2ErrorCode(error);
  return new S3Error((code === undefined ? undefined : R2_CODES[code]) ?? "InternalError", { cause: error });
}

/** Awaits an R2 call. @throws S3Error */
export async function callR2<Result>(promise: Promise<Result>): Promise<Result> {
  try {
    return await promise;
  } catch (error) {
    throw fromR2Error(error);
  }
}
