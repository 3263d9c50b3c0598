/**
 * `encoding-type=url` of the listings: form encoding as Java's URLEncoder does it, with `/` kept ("An object with the
 * name test_file(3).png will appear as test_file%283%29.png", API_ListObjectsV2). Not the encoding of signatures.
 */

export type EncodingType = "url" | undefined;

export function urlEncode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+")
    .replaceAll("%2F", "/");
}

/** Encodes if the client asked for it. */
export function encodeListed(text: string, encodingType: EncodingType): string {
  return encodingType === "url" ? urlEncode(text) : text;
}
