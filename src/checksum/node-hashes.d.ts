/**
 * The functions of Node that workerd provides natively and this folder uses. They are declared here because the Worker
 * is compiled without Node's types, so that it uses nothing else of Node.
 */
declare module "node:crypto" {
  export interface Hash {
    update(data: Uint8Array | string): Hash;
    digest(): Uint8Array<ArrayBuffer>;
    digest(encoding: "hex" | "base64url"): string;
  }
  type NativeAlgorithm = "md5" | "sha1" | "sha256" | "sha384" | "sha512";
  export function hash(algorithm: NativeAlgorithm, data: Uint8Array | string, encoding: "hex"): string;
  export function createHash(algorithm: NativeAlgorithm): Hash;
}

declare module "node:zlib" {
  /** CRC-32 of `data`, continuing from `value`. */
  export function crc32(data: Uint8Array, value?: number): number;
}
