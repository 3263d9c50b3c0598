/** The headers of RenameObject (API_RenameObject). */
import { invalidArgument } from "../errors.ts";
import type { WriteCondition } from "../model/object.ts";
import { requireKeyLength } from "./addressing.ts";
import { parseWriteCondition, refuseConditions } from "./conditions.ts";
import { parseHttpDate } from "./dates.ts";
import { percentDecode } from "./percent-encoding.ts";

const SOURCE_HEADER = "x-amz-rename-source";
export const SOURCE_PREFIX = "x-amz-rename-source-";
const TOKEN_HEADER = "x-amz-client-token";

/** "A unique string with a max of 64 ASCII characters in the ASCII range of 33 - 126." */
const TOKEN = /^[\x21-\x7e]{1,64}$/;

/**
 * The key of the source, in the request's bucket. "The value must be URL encoded": escapes are decoded, and a plus sign and a
 * leading slash belong to the key.
 * @throws S3Error `InvalidArgument` without a key or with an incomplete escape; `KeyTooLongError`
 */
export function parseRenameSource(headers: Headers): string {
  const header = headers.get(SOURCE_HEADER) ?? "";
  // Signers sign a tab as a space, so a raw tab would let someone change a signed name into another one.
  if (header === "" || header.includes("\t")) throw invalidSource(header);
  const key = decode(header);
  requireKeyLength(key);
  return key;
}

function decode(header: string): string {
  try {
    return percentDecode(header);
  } catch {
    throw invalidSource(header);
  }
}

function invalidSource(header: string) {
  return invalidArgument("The rename source must be the URL-encoded key of an object", SOURCE_HEADER, header);
}

/** @throws S3Error `InvalidArgument` */
export function parseClientToken(headers: Headers): string | undefined {
  const token = headers.get(TOKEN_HEADER);
  if (token === null || TOKEN.test(token)) return token ?? undefined;
  throw invalidArgument("The client token must be 1 to 64 characters of ASCII 33 to 126", TOKEN_HEADER, token);
}

/**
 * The condition on the destination. As in RFC 9110 a header that is no date is ignored. ETag and date conditions together are
 * refused.
 * @throws S3Error `NotImplemented` for values that are not supported, as `parseWriteCondition`
 */
export function parseDestinationCondition(headers: Headers): WriteCondition | undefined {
  if (headers.has("if-match") || headers.has("if-none-match")) {
    refuseConditions(headers, ["If-Modified-Since", "If-Unmodified-Since"]);
    return parseWriteCondition(headers);
  }
  const after = dateIn(headers, "if-modified-since");
  const notAfter = dateIn(headers, "if-unmodified-since");
  if (after === undefined && notAfter === undefined) return undefined;
  return { kind: "if-dated", ...(after && { after }), ...(notAfter && { notAfter }) };
}

function dateIn(headers: Headers, name: string): Date | undefined {
  const header = headers.get(name);
  return header === null ? undefined : parseHttpDate(header);
}

/** All that a rename depends on besides its two keys. */
export function renameConditions(headers: Headers): readonly (string | null)[] {
  const names = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];
  return names.flatMap((name) => [headers.get(name), headers.get(`${SOURCE_PREFIX}${name}`)]);
}
