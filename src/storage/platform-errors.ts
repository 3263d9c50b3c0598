/** Errors of the platform that reached the pipeline unmapped, as S3 errors. */
import { S3Error } from "../errors.ts";

const SCHEMA_REMEDY =
  "The database schema is missing or older than this Worker. Run `npm run deploy`, or `npx wrangler d1 migrations apply DB` with --local or --remote.";

/** @returns the error to answer; its cause is for the log. */
export function fromPlatformError(error: unknown): S3Error {
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
