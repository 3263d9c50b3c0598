/** A caller who may write a public object and would sign notifications with it. */
import { createHash, createSign, webcrypto } from "node:crypto";
import { formatPem, issueCertificate } from "../../../src/signing/certificate.ts";

export interface Forger {
  /** The certificate to store where everyone can read it. */
  readonly certificate: string;
  /** The signature in Base64. */
  sign(algorithm: "RSA-SHA1" | "RSA-SHA256", text: string): string;
}

export async function createForger(): Promise<Forger> {
  const keys = (await webcrypto.subtle.generateKey(
    { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) },
    true,
    ["sign", "verify"],
  )) as CryptoKeyPair;
  const serialNumber = Uint8Array.of(1);
  const certificate = formatPem(
    await issueCertificate({ commonName: "forger", keys, serialNumber, notBefore: new Date() }),
  );
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  const key = { key: pkcs8, format: "der", type: "pkcs8" } as const;
  return { certificate, sign: (algorithm, text) => createSign(algorithm).update(text).sign(key, "base64") };
}

/**
 * URLs on the deployment's host that lead to the object, or look like the deployment's own.
 * @param object its path, `/bucket/key.pem`
 */
export function forgedUrls(endpoint: string, object: string): readonly string[] {
  const certificates = `${endpoint}/-/certificates/`;
  const fingerprint = createHash("sha256").update(object).digest("hex");
  return [
    `${certificates}../..${object}`,
    `${certificates}%2e%2e/%2e%2e${object}`,
    `${certificates}${fingerprint}.pem/../../..${object}`,
    `${certificates}..\\..${object.replaceAll("/", "\\")}`,
    `${endpoint}${object}`,
    `${endpoint}${object}?/-/certificates/${fingerprint}.pem`,
    `${endpoint}${object}#${certificates}${fingerprint}.pem`,
  ];
}

/** A sample of the documentation, with this deployment's address in its pattern. */
export function inSample(sample: string, endpoint: string): string {
  const pattern = (url: string) => url.replaceAll(/[/.]/g, "\\$&");
  return sample.replace(pattern("https://s3.example.com"), pattern(endpoint));
}
