import { S3Error } from "../../../src/errors.ts";

/** The S3 error that a call throws; the test fails for any other result. */
export function failure(run: () => unknown): S3Error {
  try {
    run();
  } catch (error) {
    if (error instanceof S3Error) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
