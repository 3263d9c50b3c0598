/** `x-amz-copy-source` of CopyObject and UploadPartCopy (API_CopyObject). */
import { invalidArgument } from "../errors.ts";
import { requireKeyLength } from "./addressing.ts";
import { percentDecode } from "./percent-encoding.ts";

export interface CopySource {
  readonly bucket: string;
  readonly key: string;
  readonly versionId?: string;
}

export const COPY_SOURCE_HEADER = "x-amz-copy-source";

/**
 * Parses `[/]bucket/key[?versionId=id]`, encoded as in forms: `+` is a space, a plus sign is `%2B`. The query is cut
 * off before decoding, so an encoded `?` belongs to the key. Slashes may be encoded, as `encodeURIComponent` does. The
 * host of a whole URL is ignored: its path begins with the bucket (LocalStack's recordings of AWS, 2026-02).
 *
 * @throws S3Error `InvalidArgument` if the header names no bucket and key or is badly encoded; `KeyTooLongError`.
 */
export function parseCopySource(header: string): CopySource {
  // Signers sign a tab as a space, so a raw tab would let someone change a signed name into another one.
  if (header.includes("\t")) throw invalidArgument("Invalid copy source encoding", COPY_SOURCE_HEADER, header);
  const source = header.replace(/^https?:\/\/[^/?]*/i, "");
  const question = source.indexOf("?");
  const path = decode(question === -1 ? source : source.slice(0, question), header);
  const trimmed = path.startsWith("/") ? path.slice(1) : path;
  // The header without a value names no bucket (versity/versitygw 1388).
  if (header === "") throw invalidArgument("Invalid copy source bucket name", COPY_SOURCE_HEADER, COPY_SOURCE_HEADER);
  const slash = trimmed.indexOf("/");
  const bucket = trimmed.slice(0, Math.max(slash, 0));
  const key = trimmed.slice(slash + 1);
  // AWS sends the argument's name as its value here.
  if (slash === -1 || key === "")
    throw invalidArgument("Invalid copy source object key", COPY_SOURCE_HEADER, COPY_SOURCE_HEADER);
  if (bucket === "") throw invalidArgument("Invalid copy source bucket name", COPY_SOURCE_HEADER, header);
  requireKeyLength(key);
  if (question === -1) return { bucket, key };
  const versionId = /^versionId=([^&]*)$/.exec(source.slice(question + 1))?.[1];
  if (versionId === undefined) throw invalidArgument("Invalid version id specified", COPY_SOURCE_HEADER, header);
  if (versionId === "") throw invalidArgument("Version id cannot be the empty string", COPY_SOURCE_HEADER, "");
  return { bucket, key, versionId: decode(versionId, header) };
}

/** A function that parses the header at its first call and returns the same value afterwards. */
export function lazyCopySource(headers: Headers): () => CopySource | undefined {
  let parsed: CopySource | undefined;
  return () => {
    const header = headers.get(COPY_SOURCE_HEADER);
    if (header !== null) parsed ??= parseCopySource(header);
    return parsed;
  };
}

function decode(text: string, header: string): string {
  try {
    return percentDecode(text.replaceAll("+", " "));
  } catch {
    throw invalidArgument("Invalid copy source encoding", COPY_SOURCE_HEADER, header);
  }
}
