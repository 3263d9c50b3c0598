/** The end of waiting for something that may never come. */
import { S3Error } from "../errors.ts";

export interface Deadline<Value> {
  readonly ms: number;
  /** What is waited for, for the log: `R2 get`. */
  readonly what: string;
  /** Frees what comes after the deadline. */
  readonly free?: (late: Value) => unknown;
}

/**
 * The outcome of the call, or after `ms` an S3Error `ServiceUnavailable`. The call itself goes on: whether a write takes effect is
 * then unknown.
 */
export function inTime<Value>(call: Promise<Value>, { ms, what, free }: Deadline<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      reject(noAnswer(what, ms));
    }, ms);
    call.then(
      (value) => {
        clearTimeout(timer);
        if (isOver) free?.(value);
        else resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

export function noAnswer(what: string, ms: number): S3Error {
  return new S3Error("ServiceUnavailable", { cause: new Error(`${what}: no answer within ${ms / 1000} s`) });
}
