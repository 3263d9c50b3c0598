/** The file of a form as the object's bytes: self-verifying, of a size that is known only roughly before its end. */
import { S3Error } from "../../errors.ts";
import type { UnmeasuredBody } from "../../model/object-body.ts";
import { MAX_FIELD_BYTES, type PostForm } from "../../protocol/post-form/post-form.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import { MAX_UPLOAD_BYTES, readBodyLength, readDeclaredDigests } from "../payload/declared-content.ts";
import { verifyingStream } from "../payload/verifying-stream.ts";
import type { FileSizeRange } from "./conditions.ts";

const UNSIGNED = { kind: "unsigned" } as const;

/**
 * @param request with the headers that `toObjectHeaders` gives
 * @param range what the policy allows
 * @throws S3Error for what is wrong before the first byte: `MissingContentLength`, `EntityTooLarge`, `InvalidDigest`,
 *   `InvalidRequest`. What is wrong with the bytes fails the stream: `EntityTooLarge`, `EntityTooSmall`, `BadDigest`,
 *   `MalformedPOSTRequest`, `MaxPostPreDataLengthExceededError`.
 */
export function openFormFile(
  { form, headers, body }: S3Request & { readonly form: PostForm },
  range: FileSizeRange,
): UnmeasuredBody {
  const declared = readDeclaredDigests(headers, UNSIGNED);
  const afterHead = readBodyLength(headers, UNSIGNED, body) - form.headBytes;
  const maxBytes = Math.max(0, afterHead - form.closingBytes);
  const minBytes = Math.max(0, afterHead - MAX_FIELD_BYTES);
  const allowed = { ...range, maxBytes: Math.min(range.maxBytes, MAX_UPLOAD_BYTES) };
  // Forms end in a line break nearly always, so this is the file's size wherever nothing follows the file.
  const likelyBytes = Math.max(minBytes, maxBytes - 2);
  if (minBytes > allowed.maxBytes) throw tooLarge(likelyBytes, allowed.maxBytes);

  const { stream, failure } = verifyingStream({
    sizeBytes: undefined,
    pieces: measured(form, { allowed, minBytes, likelyBytes }),
    algorithms: declared.expected.map(({ algorithm }) => algorithm),
    expected: () => declared.expected,
    // What is left of the form is read all the same, by the pipeline: see `discard` there.
    cancel: async () => {},
  });
  const { checksum } = declared;
  return {
    minBytes,
    maxBytes,
    stream,
    checksum: checksum ? { when: "before", checksum: { ...checksum, type: "FULL_OBJECT" } } : { when: "never" },
    failure,
  };
}

async function* measured(
  form: PostForm,
  { allowed, minBytes, likelyBytes }: { allowed: FileSizeRange; minBytes: number; likelyBytes: number },
): AsyncGenerator<Uint8Array, void> {
  let sizeBytes = 0;
  for await (const piece of form.file()) {
    sizeBytes += piece.length;
    if (sizeBytes > allowed.maxBytes) throw tooLarge(Math.max(sizeBytes, likelyBytes), allowed.maxBytes);
    yield piece;
  }
  if (sizeBytes < allowed.minBytes) throw tooSmall(sizeBytes, allowed.minBytes);
  if (sizeBytes < minBytes) {
    throw new S3Error("MaxPostPreDataLengthExceededError", {
      message: "Your POST request fields following the upload file were too large.",
      details: { MaxPostPreDataLengthBytes: String(MAX_FIELD_BYTES) },
    });
  }
}

function tooLarge(sizeBytes: number, maxBytes: number): S3Error {
  return new S3Error("EntityTooLarge", {
    message: "Your proposed upload exceeds the maximum allowed size",
    details: { ProposedSize: String(sizeBytes), MaxSizeAllowed: String(maxBytes) },
  });
}

function tooSmall(sizeBytes: number, minBytes: number): S3Error {
  return new S3Error("EntityTooSmall", {
    message: "Your proposed upload is smaller than the minimum allowed size",
    details: { ProposedSize: String(sizeBytes), MinSizeAllowed: String(minBytes) },
  });
}
