/**
 * A self-signed X.509 v3 certificate (RFC 5280) for an RSA key. Receivers take the public key from it; nobody asks it for
 * a host's name, so it names none.
 */
import { formatBase64 } from "../checksum/digest-text.ts";
import {
  bitString,
  type Der,
  explicit,
  integer,
  NULL,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  TRUE,
  time,
  utf8String,
} from "./der.ts";

const COMMON_NAME = objectIdentifier("2.5.4.3");
const BASIC_CONSTRAINTS = objectIdentifier("2.5.29.19");
const SHA256_WITH_RSA = sequence(objectIdentifier("1.2.840.113549.1.1.11"), NULL);

const VERSION_3 = explicit(0, integer(Uint8Array.of(2)));

/** RFC 5280, section 4.1.2.5: no well-defined expiration date. The key lasts as long as the deployment's SEAL_KEY. */
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
  // Critical, and no authority: `cA` is FALSE by default, and a default is not written. No key usage: one without
  // keyCertSign would make OpenSSL doubt that the certificate signed itself.
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
