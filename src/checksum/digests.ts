/**
 * Digests as text: base64 in `Content-MD5` and `x-amz-checksum-*`, lower-case hex in signatures and ETags. Also their
 * comparison.
 */

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Lower-case hex. */
export function formatHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** Bytes of a lower-case hex text of exactly `sizeBytes` bytes; undefined if it is anything else. */
export function parseHex(text: string, sizeBytes: number): Uint8Array<ArrayBuffer> | undefined {
  if (text.length !== 2 * sizeBytes) return undefined;
  const bytes = new Uint8Array(sizeBytes);
  for (let i = 0; i < sizeBytes; i++) {
    const [high, low] = [hexDigit(text.charCodeAt(2 * i)), hexDigit(text.charCodeAt(2 * i + 1))];
    if (high === -1 || low === -1) return undefined;
    bytes[i] = 16 * high + low;
  }
  return bytes;
}

/** The value of a lower-case hex digit; -1 for any other character. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x61 + 10 : -1;
}

/** Standard base64 with padding. Meant for digests: a few dozen bytes. */
export function formatBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/**
 * Bytes of a padded standard base64 text that decodes to exactly `sizeBytes` bytes; undefined if it is anything else.
 * As in S3, unused bits of the last character are ignored; `formatBase64` of the result is the normal form.
 */
export function parseBase64(text: string, sizeBytes: number): Uint8Array<ArrayBuffer> | undefined {
  if (text.length !== 4 * Math.ceil(sizeBytes / 3) || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return undefined;
  }
  return binary.length === sizeBytes ? Uint8Array.from(binary, (character) => character.charCodeAt(0)) : undefined;
}

/** Whether two public digests are equal. Not for secrets: the comparison stops at the first difference. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
