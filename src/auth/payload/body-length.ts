/** How many bytes of object data a request carries, known before the first of them. */
import { invalidArgument, S3Error } from "../../errors.ts";
import type { PayloadPromise } from "./content-sha256.ts";

/** 5 GiB: S3's limit for one PUT, one part and one form upload. */
export const MAX_UPLOAD_BYTES = 5 * 1024 ** 3;

const DECODED_LENGTH = "x-amz-decoded-content-length";

/**
 * `x-amz-decoded-content-length` for aws-chunked bodies, `Content-Length` otherwise.
 * @throws S3Error `MissingContentLength` (411), `InvalidArgument` if it is no number, `EntityTooLarge`
 */
export function readBodyLength(headers: Headers, promise: PayloadPromise, body: ReadableStream | null): number {
  const chunked = promise.kind === "signed-chunks" || promise.kind === "unsigned-chunks";
  const name = chunked ? DECODED_LENGTH : "content-length";
  const text = headers.get(name);
  // Without a length and without a transfer coding there is no body (RFC 9112, 6.3), so its length is known after all.
  if (text === null && !chunked && body === null) return 0;
  if (text === null) throw new S3Error("MissingContentLength");
  const length = /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  // A length that is none counts as missing there.
  if (length === undefined && chunked) throw new S3Error("MissingContentLength");
  if (length === undefined)
    throw invalidArgument(`The value of the ${name} header is not a length in bytes.`, name, text);
  if (length > MAX_UPLOAD_BYTES) {
    throw new S3Error("EntityTooLarge", {
      message: "Your proposed upload exceeds the maximum allowed size",
      details: { ProposedSize: String(length), MaxSizeAllowed: String(MAX_UPLOAD_BYTES) },
    });
  }
  return length;
}
