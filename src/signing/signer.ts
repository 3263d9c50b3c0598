/**
 * Signs the requests that the deployment sends to receivers of notifications. The key is created when it is first
 * needed. If two isolates create one at the same time, both use the one that was stored first.
 */
import { formatBase64, formatHex } from "../checksum/digests.ts";
import type { CertificateKey } from "../model/notification.ts";
import { formatPem, issueCertificate } from "./certificate.ts";

/** SHA-1 for `NS:` topics and for version 1 of SNS's signatures. */
export type SignatureHash = "SHA-1" | "SHA-256";

export interface Signer {
  /** RSASSA-PKCS1-v1_5 over the text in UTF-8, as Base64. */
  sign(hash: SignatureHash, text: string): Promise<string>;
  /** Path of the certificate in this deployment. */
  readonly certificatePath: string;
  /** The certificate, PEM. */
  pem(): string;
}

/** Storage of the key, implemented by `CertificateKeys`. */
export interface CertificateKeyStore {
  find(): Promise<CertificateKey | undefined>;
  keepFirst(key: CertificateKey, now: Date): Promise<CertificateKey>;
  findCertificate(fingerprint: string): Promise<string | undefined>;
}

const CERTIFICATES_PATH = "/-/certificates/";

const ALGORITHM = "RSASSA-PKCS1-v1_5";
const COMMON_NAME = "workers-s3 notifications";

export class Signers {
  readonly #store: CertificateKeyStore;
  // Not a promise: one request must not wait for I/O of another.
  #signer: Signer | undefined;

  constructor(store: CertificateKeyStore) {
    this.#store = store;
  }

  /** Reads the key once per isolate, and creates it if there is none. */
  async open(): Promise<Signer> {
    this.#signer ??= await openSigner(
      (await this.#store.find()) ?? (await this.#store.keepFirst(await makeKey(), new Date())),
    );
    return this.#signer;
  }

  /**
   * @param name the path after `/-/certificates/`
   * @returns the certificate of this key or an earlier one as PEM; undefined for any other name
   */
  async findPem(name: string): Promise<string | undefined> {
    const fingerprint = /^([0-9a-f]{64})\.pem$/.exec(name)?.[1];
    return fingerprint === undefined ? undefined : this.#store.findCertificate(fingerprint);
  }
}

async function makeKey(): Promise<CertificateKey> {
  const algorithm = { name: ALGORITHM, modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: "SHA-256" };
  const keys = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair;
  const serialNumber = crypto.getRandomValues(new Uint8Array(16));
  serialNumber[0] = 0x40 | ((serialNumber[0] ?? 0) & 0x3f);
  // A receiver's clock may be behind.
  const notBefore = new Date(Date.now() - 24 * 60 * 60 * 1000);
  const certificate = await issueCertificate({ commonName: COMMON_NAME, keys, serialNumber, notBefore });
  const privateKey = (await crypto.subtle.exportKey("pkcs8", keys.privateKey)) as ArrayBuffer;
  return {
    fingerprint: formatHex(new Uint8Array(await crypto.subtle.digest("SHA-256", certificate))),
    certificate: formatPem(certificate),
    privateKey: formatBase64(new Uint8Array(privateKey)),
  };
}

async function openSigner({ fingerprint, certificate, privateKey }: CertificateKey): Promise<Signer> {
  const pkcs8 = Uint8Array.from(atob(privateKey), (character) => character.charCodeAt(0));
  // A WebCrypto key belongs to one hash.
  const load = (hash: SignatureHash) =>
    crypto.subtle.importKey("pkcs8", pkcs8, { name: ALGORITHM, hash }, false, ["sign"]);
  const keys = { "SHA-1": await load("SHA-1"), "SHA-256": await load("SHA-256") };
  return {
    async sign(hash, text) {
      const signature = await crypto.subtle.sign(ALGORITHM, keys[hash], new TextEncoder().encode(text));
      return formatBase64(new Uint8Array(signature));
    },
    certificatePath: `${CERTIFICATES_PATH}${fingerprint}.pem`,
    pem: () => certificate,
  };
}
