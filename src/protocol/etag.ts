/** Entity tags on the wire: quoted in headers and most documents (RFC 9110, 8.8.3), bare everywhere else in our code. */

export function formatETag(etag: string): string {
  return `"${etag}"`;
}

/** Removes the quotes. S3 clients send ETags with and without them. */
export function parseETag(text: string): string {
  const trimmed = text.trim();
  return trimmed.length >= 2 && trimmed.startsWith('"') && trimmed.endsWith('"') ? trimmed.slice(1, -1) : trimmed;
}
