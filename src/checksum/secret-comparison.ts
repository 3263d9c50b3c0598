/** Comparison of MACs that were cut short, which `crypto.subtle.verify` cannot check by themselves. */

/**
 * Whether what was claimed is what was expected. The platform compares MACs of both, so that the time it takes tells
 * nothing of either.
 */
export async function isSameMac(key: CryptoKey, expected: Uint8Array, claimed: Uint8Array): Promise<boolean> {
  return crypto.subtle.verify(
    "HMAC",
    key,
    await crypto.subtle.sign("HMAC", key, toBuffer(expected)),
    toBuffer(claimed),
  );
}

/** Bytes of memory that nobody shares, as WebCrypto asks for. */
function toBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
