/** The part of DER (ITU-T X.690) that a certificate needs, for writing only. Pure. */

export type Der = Uint8Array<ArrayBuffer>;

const CONSTRUCTED = 0x20;
const CONTEXT = 0x80;

/** Tag, length in the shortest form, contents. */
function element(tag: number, contents: readonly Uint8Array[]): Der {
  const length = contents.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const lengthBytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) lengthBytes.unshift(rest % 256);
  const header = length < 0x80 ? [tag, length] : [tag, 0x80 | lengthBytes.length, ...lengthBytes];
  const bytes = new Uint8Array(header.length + length);
  bytes.set(header);
  let offset = header.length;
  for (const content of contents) {
    bytes.set(content, offset);
    offset += content.byteLength;
  }
  return bytes;
}

export const sequence = (...items: readonly Der[]) => element(0x10 | CONSTRUCTED, items);

/** Of one element, whose order is no question. */
export const setOf = (item: Der) => element(0x11 | CONSTRUCTED, [item]);

/** `[number] EXPLICIT` */
export const explicit = (number: number, item: Der) => element(CONTEXT | CONSTRUCTED | number, [item]);

export const TRUE: Der = element(0x01, [Uint8Array.of(0xff)]);

export const NULL: Der = element(0x05, []);

export const octetString = (bytes: Uint8Array) => element(0x04, [bytes]);

/** Of whole bytes. */
export const bitString = (bytes: Uint8Array) => element(0x03, [Uint8Array.of(0), bytes]);

export const utf8String = (text: string) => element(0x0c, [new TextEncoder().encode(text)]);

/** @param magnitude an unsigned number, most significant byte first. */
export function integer(magnitude: Uint8Array): Der {
  const first = magnitude.findIndex((byte) => byte !== 0);
  const shortest = first === -1 ? Uint8Array.of(0) : magnitude.subarray(first);
  const isNegative = (shortest[0] ?? 0) >= 0x80;
  return element(0x02, isNegative ? [Uint8Array.of(0), shortest] : [shortest]);
}

/** @param text dotted decimal, e.g. `2.5.4.3`. */
export function objectIdentifier(text: string): Der {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80);
    return groups;
  });
  return element(0x06, [Uint8Array.from(bytes)]);
}

/** RFC 5280, section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050; to the second. */
export function time(date: Date): Der {
  const text = `${date.toISOString().slice(0, 19).replaceAll(/[-T:]/g, "")}Z`;
  const isShort = date.getUTCFullYear() < 2050;
  return element(isShort ? 0x17 : 0x18, [new TextEncoder().encode(isShort ? text.slice(2) : text)]);
}
