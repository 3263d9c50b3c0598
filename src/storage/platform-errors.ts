/** Errors of the platform (R2, D1, Durable Objects) as S3 errors. */
import { parseHex } from "../checksum/digests.ts";
import { S3Error, type S3ErrorCode } from "../errors.ts";

const SCHEMA_REMEDY =
  "The database schema is missing or older than this Worker. Run `npm run deploy`, or `npx wrangler d1 migrations apply DB` with --local or --remote.";

/**
 * What D1, Durable Objects and queues say when they have too much to do (Cloudflare documentation: "Debug D1", "Troubleshooting" of
 * Durable Objects, "Limits" of Queues).
 */
const OVERLOAD =
  /overloaded|too many requests|queued for too long|too much load|too many concurrent storage|storage limit exceeded/i;

/** What they say when they were restarted, or the way to them was interrupted; and what a Durable Object says whose code is older than this Worker, for some minutes after a deployment. */
const INTERRUPTION =
  /network connection lost|object to be reset|reset because|was reset\b|transient issue|timed? ?out|no longer active|code has been updated|internal error in Durable Object|client disconnected|does not implement the method/i;

/** The platform marks errors of Durable Objects ("Error handling"). */
function isMarked(error: unknown, mark: "overloaded" | "retryable"): boolean {
  return error instanceof Error && Reflect.get(error, mark) === true;
}

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
  if (OVERLOAD.test(message) || isMarked(error, "overloaded")) return new S3Error("SlowDown", { cause: error });
  if (INTERRUPTION.test(message) || isMarked(error, "retryable")) {
    return new S3Error("ServiceUnavailable", { cause: error });
  }
  return new S3Error("InternalError", { cause: error });
}

/** R2 refused the bytes because the digest handed to it does not match. */
export const R2_BAD_DIGEST = 10037;

/** R2 refused a write because it came too early after another one to the same key. */
export const R2_TOO_MANY_WRITES = 10058;

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
  [R2_TOO_MANY_WRITES]: "SlowDown",
  100100: "EntityTooLarge",
};

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
  if (code === undefined) return toS3Error(error);
  return new S3Error(R2_CODES[code] ?? "InternalError", { cause: error });
}

/** Awaits an R2 call. @throws S3Error */
export async function callR2<Result>(promise: Promise<Result>): Promise<Result> {
  try {
    return await promise;
  } catch (error) {
    throw fromR2Error(error);
  }
}
