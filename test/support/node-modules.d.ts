/** What tests use of Node beyond what src/checksum declares. */
declare module "node:crypto" {
  interface Hash {
    digest(encoding: "base64"): string;
  }
  export function createHmac(algorithm: "sha256", key: string | Uint8Array): Hash;
}

declare module "node:zlib" {
  export function gzipSync(data: string | Uint8Array): Uint8Array<ArrayBuffer>;
}
