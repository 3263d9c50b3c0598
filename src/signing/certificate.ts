/**
 * A self-signed X.509 v3 certificate (RFC 5280) for an RSA key, and the part of DER (ITU-T X.690) that it needs.
 * Receivers only read the public key from it, so it contains no host name.
 */
import { formatBase64 } from "../checksum/digests.ts";

export type Der = Uint8Array<ArrayBuffer>;

const CONSTRUCTED = 0x20;
const CONTEXT = 0x80;

/** Tag, length in the shortest form, content. */
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

/** Of one element: DER sorts the elements of a SET. */
export const setOf = (item: Der) => element(0x11 | CONSTRUCTED, [item]);

/** `[number] EXPLICIT` */
export const explicit = (number: number, item: Der) => element(CONTEXT | CONSTRUCTED | number, [item]);

export const TRUE: Der = element(0x01, [Uint8Array.of(0xff)]);

export const NULL: Der = element(0x05, []);

export const octetString = (bytes: Uint8Array) => element(0x04, [bytes]);

/** A bit string of whole bytes. */
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

const COMMON_NAME = objectIdentifier("2.5.4.3");
const BASIC_CONSTRAINTS = objectIdentifier("2.5.29.19");
const SHA256_WITH_RSA = sequence(objectIdentifier("1.2.840.113549.1.1.11"), NULL);

const VERSION_3 = explicit(0, integer(Uint8Array.of(2)));

/** RFC 5280, section 4.1.2.5: no well-defined expiration date. The key is used until SEAL_KEY changes. */
const NEVER = new Date("9999-12-31T23:59:59Z");

export interface CertificateOptions {
  readonly commonName: string;
  /** Extractable public key; the private one signs with SHA-256. */
  readonly keys: CryptoKeyPair;
  /** Up to 20 bytes, the first of them 1 to 127. */
  readonly serialNumber: Uint8Array;
  readonly notBefore: Date;
}

/** @returns DER */
export async function issueCertificate(options: CertificateOptions): Promise<Der> {
  const { keys } = options;
  const name = sequence(setOf(sequence(COMMON_NAME, utf8String(options.commonName))));
  const publicKey = new Uint8Array((await crypto.subtle.exportKey("spki", keys.publicKey)) as ArrayBuffer);
  // Critical, and not an authority: `cA` is FALSE by default, and DER does not encode defaults. There is no key usage,
  // because without keyCertSign in it OpenSSL would not accept the certificate as self-signed.
  const extensions = sequence(sequence(BASIC_CONSTRAINTS, TRUE, octetString(sequence())));
  const toBeSigned = sequence(
    VERSION_3,
    integer(options.serialNumber),
    SHA256_WITH_RSA,
    name,
    sequence(time(options.notBefore), time(NEVER)),
    name,
    publicKey,
    explicit(3, extensions),
  );
  const signature = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", keys.privateKey, toBeSigned);
  return sequence(toBeSigned, SHA256_WITH_RSA, bitString(new Uint8Array(signature)));
}

/** RFC 7468 */
export function formatPem(certificate: Uint8Array): string {
  const lines = formatBase64(certificate).match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
