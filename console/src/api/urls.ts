/** URLs of the S3 API: path style, since that needs no host for each bucket. */

/** As AWS encodes: everything except unreserved characters. */
export function encodePart(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

export function encodeKey(key: string): string {
  return key.split("/").map(encodePart).join("/");
}

/**
 * Browsers resolve `.` and `..` in URLs, also percent-encoded ones (URL Standard, "double-dot URL path segment"), so that
 * a request for `a/../b` would be one for `b`.
 */
export function isReachable(key: string): boolean {
  return !key.split("/").some((segment) => segment === "." || segment === "..");
}

/** @throws Error for a key that a browser cannot request */
export function objectPath(bucket: string, key: string): string {
  if (!isReachable(key)) {
    throw new Error("Browsers cannot request this key, because it has a part . or .. ; use another S3 client.");
  }
  if (key === "") throw new Error("A key has at least one character.");
  return `/${encodePart(bucket)}/${encodeKey(key)}`;
}

export function bucketPath(bucket: string): string {
  return `/${encodePart(bucket)}`;
}

export type Query = Readonly<Record<string, string | number | undefined>>;

/** `?a=b&c=`, without the undefined ones. */
export function formatQuery(query: Query): string {
  const pairs = Object.entries(query)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${encodePart(name)}=${encodePart(String(value))}`);
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}
