import { S3Error } from "../../../src/errors.ts";

/** The S3 error a call ends in; anything else fails the test. */
export function failure(run: () => unknown): S3Error {
  try {
    run();
  } catch (error) {
    if (error instanceof S3Error) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
