/** What tests use of Node beyond what src/checksum declares. */
declare module "node:crypto" {
  interface Hash {
    digest(encoding: "base64"): string;
  }
  export function createHmac(algorithm: "sha1" | "sha256", key: string | Uint8Array): Hash;
  type KeyObject = object;
  export function verify(algorithm: string, data: Uint8Array, key: KeyObject, signature: Uint8Array): boolean;
  export class X509Certificate {
    constructor(certificate: string | Uint8Array);
    readonly subject: string;
    readonly issuer: string;
    readonly serialNumber: string;
    readonly validFrom: string;
    readonly validTo: string;
    readonly fingerprint256: string;
    readonly ca: boolean;
    readonly raw: Uint8Array;
    readonly publicKey: KeyObject;
    verify(publicKey: KeyObject): boolean;
    checkIssued(issuer: X509Certificate): boolean;
    toString(): string;
  }
}

declare module "node:zlib" {
  export function gzipSync(data: string | Uint8Array): Uint8Array<ArrayBuffer>;
}
