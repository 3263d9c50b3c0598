/**
 * A form as it is received: its fields first, then its file as the object's bytes, self-verifying and of a size that is
 * known only roughly before its end.
 */
import { S3Error } from "../../errors.ts";
import type { UnmeasuredBody } from "../../model/object-body.ts";
import { StreamPieces } from "../../model/pieces.ts";
import type { ByteSource } from "../../protocol/post-form/multipart-reader.ts";
import { parseBoundary } from "../../protocol/post-form/part-headers.ts";
import { MAX_FIELD_BYTES, type PostForm, readPostForm } from "../../protocol/post-form/post-form.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import { MAX_BODY_BYTES, readBodyLength, readDeclaredDigests } from "../payload/declared-content.ts";
import { VerifiedPieces } from "../payload/verified-pieces.ts";
import type { FileSizeRange } from "./conditions.ts";

const UNSIGNED = { kind: "unsigned" } as const;
/** 100 MiB, about what Cloudflare lets through on most plans. */
const MAX_DISCARDED_BYTES = 100 * 1024 ** 2;

export interface FormUpload {
  /** Read up to its file; undefined if it cannot be read. */
  readonly form: PostForm | undefined;
  /** Why it cannot be read. */
  readonly failure?: unknown;
  /** Reads the rest of a form that is refused. */
  discard(): Promise<void>;
}

/**
 * Reads the fields of a form. Never throws: the answer to an unreadable form also needs the CORS headers of its bucket.
 */
export async function beginFormUpload({ headers, body }: Pick<S3Request, "headers" | "body">): Promise<FormUpload> {
  let source: ByteSource | undefined;
  const discard = () => discardRest(source, headers);
  try {
    const boundary = parseBoundary(headers.get("content-type") ?? "");
    source = byteSource(body ?? new Blob([]).stream());
    return { form: await readPostForm(source, boundary), discard };
  } catch (failure) {
    return { form: undefined, failure, discard };
  }
}

/** The reader of a form keeps what it has been given while it asks for more. */
function byteSource(body: ReadableStream<Uint8Array>): ByteSource {
  const pieces = new StreamPieces(body);
  return {
    async take() {
      const piece = await pieces.next();
      pieces.keep();
      return piece;
    },
  };
}

/**
 * Reads the rest of a refused form. A connection that is closed while its client still sends is reset, and a browser
 * then shows that instead of the refusal (seen with curl, undici and `wrangler dev`). Beyond the limit that is
 * accepted.
 */
async function discardRest(form: ByteSource | undefined, headers: Headers): Promise<void> {
  const isSmallEnough = Number(headers.get("content-length") ?? Number.NaN) <= MAX_DISCARDED_BYTES;
  if (form === undefined || !isSmallEnough) return;
  try {
    while ((await form.take()) !== undefined);
  } catch {
    // The client has gone away, so there is no one left to answer.
  }
}

/**
 * @param request with the headers from `toObjectHeaders`
 * @param range the sizes that the policy allows
 * @throws S3Error for errors before the first byte: `MissingContentLength`, `EntityTooLarge`, `InvalidDigest`,
 *   `InvalidRequest`. Errors in the bytes fail the content: `EntityTooLarge`, `EntityTooSmall`, `BadDigest`,
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
  const allowed = { ...range, maxBytes: Math.min(range.maxBytes, MAX_BODY_BYTES) };
  // Nearly all forms end in a line break, so this is the file's size unless fields follow the file.
  const likelyBytes = Math.max(minBytes, maxBytes - 2);
  if (minBytes > allowed.maxBytes) throw tooLarge(likelyBytes, allowed.maxBytes);

  const file = measured(form, { allowed, minBytes, likelyBytes });
  const content = new VerifiedPieces({
    sizeBytes: undefined,
    received: {
      next: async () => (await file.next()).value ?? undefined,
      keep() {},
      // The rest of the form is read all the same: see `discardRest`.
      async cancel() {},
    },
    algorithms: declared.expected.map(({ algorithm }) => algorithm),
    expected: () => declared.expected,
  });
  const { checksum } = declared;
  return {
    minBytes,
    maxBytes,
    content,
    checksum: checksum ? { when: "before", checksum: { ...checksum, type: "FULL_OBJECT" } } : { when: "never" },
    failure: () => content.failure(),
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
