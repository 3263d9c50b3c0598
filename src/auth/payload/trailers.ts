/** Trailing headers of an aws-chunked body, and the header that announces them (S3 API, "sigv4-streaming-trailers"). */
import { S3Error } from "../../errors.ts";
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm, checksumHeader } from "../../model/checksum.ts";

export interface Trailers {
  readonly values: ReadonlyMap<string, string>;
  readonly signature: string | undefined;
}

/** A checksum that follows the body. */
export interface TrailingChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Of its trailer, in lower case. */
  readonly name: string;
}

const SIGNATURE = "x-amz-trailer-signature";
/** Where SDKs put an MD5, in a trailer as in a header. */
export const CONTENT_MD5 = "content-md5";

/**
 * The one checksum that `x-amz-trailer` announces; undefined without the header.
 * @throws S3Error `InvalidRequest` if it announces anything else: S3 takes nothing but a checksum there
 */
export function announcedChecksum(header: string | null): TrailingChecksum | undefined {
  if (header === null) return undefined;
  const names = header.split(",").map((name) => name.trim().toLowerCase());
  const [name = "", ...others] = names;
  const algorithm = algorithmOf(name);
  if (algorithm === undefined || others.some((other) => algorithmOf(other) === undefined)) {
    throw new S3Error("InvalidRequest", {
      message: "The value specified in the x-amz-trailer header is not supported",
    });
  }
  if (others.length > 0) {
    throw new S3Error("InvalidRequest", {
      message: "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    });
  }
  return { algorithm, name };
}

function algorithmOf(name: string): ChecksumAlgorithm | undefined {
  if (name === CONTENT_MD5) return "MD5";
  return CHECKSUM_ALGORITHMS.find((algorithm) => checksumHeader(algorithm) === name);
}

/**
 * The lines that follow the last chunk's; undefined if they do not end in an empty one. Each ends in CRLF. minio-go puts
 * another LF before it, as AWS's examples do ("sigv4-streaming-trailers").
 */
export function trailerLines(text: string): readonly string[] | undefined {
  if (text === "\r\n") return [];
  if (!text.endsWith("\r\n\r\n")) return undefined;
  return text
    .slice(0, -4)
    .split("\r\n")
    .map((line) => (line.endsWith("\n") ? line.slice(0, -1) : line));
}

/** @throws S3Error `MalformedTrailerError` on anything that is no header line, and on a repeated name */
export function parseTrailers(lines: readonly string[]): Trailers {
  const values = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] =
      /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)[ \t]*$/.exec(line) ?? [];
    const key = name?.toLowerCase();
    if (key === undefined || value === undefined || values.has(key)) throw new S3Error("MalformedTrailerError");
    values.set(key, value);
  }
  const signature = values.get(SIGNATURE);
  values.delete(SIGNATURE);
  return { values, signature };
}

/** What the trailer signature covers: `name:value\n` each, sorted by name. */
export function canonicalTrailers(values: ReadonlyMap<string, string>): string {
  return [...values]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value}\n`)
    .join("");
}

/**
 * The announced checksum, which must be the only trailer there is.
 * @throws S3Error `MalformedTrailerError`
 */
export function checksumOfTrailers(values: ReadonlyMap<string, string>, announced: TrailingChecksum): string {
  const value = values.get(announced.name);
  if (value === undefined || values.size > 1) throw new S3Error("MalformedTrailerError");
  return value;
}
