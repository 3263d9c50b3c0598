/**
 * Percent-encoding: as SigV4 defines it (AWS "Create a signed request", UriEncode), where everything except
 * `A-Z a-z 0-9 - . _ ~` is `%XY` in upper case, over UTF-8; and as listings use it for `encoding-type=url`.
 */
import { S3Error } from "../errors.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text that UriEncode leaves as it is: most keys. */
const UNRESERVED = /^[\w.~-]*$/;
const UNRESERVED_PATH = /^[\w.~/-]*$/;

/** UriEncode; `/` is kept only if the caller asks for it (object keys in a path). */
export function uriEncode(text: string, keepSlash: "keep-slash" | "encode-slash" = "encode-slash"): string {
  if ((keepSlash === "keep-slash" ? UNRESERVED_PATH : UNRESERVED).test(text)) return text;
  const encoded = encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, (character) =>
    percentEncodeByte(character.charCodeAt(0)),
  );
  return keepSlash === "keep-slash" ? encoded.replaceAll("%2F", "/") : encoded;
}

/** `%XY`. */
export function percentEncodeByte(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/**
 * Decodes `%XY` escapes to text.
 * @throws S3Error `InvalidURI` for an incomplete escape and for bytes that are not UTF-8: keys are text.
 */
export function percentDecode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    // decodeURIComponent throws only for malformed escapes and malformed UTF-8.
    throw new S3Error("InvalidURI", { details: { URI: text }, cause });
  }
}

/**
 * Decodes a path. An unescaped `+` is a space, as it is in AWS S3: its console shows such addresses, and signers that know S3
 * (aws4, aws4fetch) sign `%20` for it. A plus sign is `%2B`.
 * @throws S3Error `InvalidURI` as `percentDecode`
 */
export function decodePath(path: string): string {
  return percentDecode(path.includes("+") ? path.replaceAll("+", " ") : path);
}

/** Length in bytes of the UTF-8 form. */
export function utf8Length(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

/** Decodes UTF-8 strictly; undefined if the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * `encoding-type=url` of the listings: form encoding as Java's URLEncoder does it, with `/` kept ("An object with the
 * name test_file(3).png will appear as test_file%283%29.png", API_ListObjectsV2). Not the encoding of signatures.
 */
export type EncodingType = "url" | undefined;

/** Text that is its own encoding, as most keys are. */
const URL_SAFE = /^[\w.*/-]*$/;

export function urlEncode(text: string): string {
  if (URL_SAFE.test(text)) return text;
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+")
    .replaceAll("%2F", "/");
}

/** Encodes the text if the client asked for `encoding-type=url`. */
export function encodeListed(text: string, encodingType: EncodingType): string {
  return encodingType === "url" ? urlEncode(text) : text;
}
