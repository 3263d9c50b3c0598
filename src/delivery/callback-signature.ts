/**
 * What is signed of a callback. An interface of the reference system: method, MD5, type and date on a line each, then each
 * `x-jdcloud-*` header, then the path with its query.
 */

const OWN = "x-jdcloud-";

/** @param headers names in lower case */
export function callbackStringToSign(
  method: string,
  headers: Readonly<Record<string, string>>,
  pathAndQuery: string,
): string {
  const own = Object.entries(headers)
    .filter(([name]) => name.startsWith(OWN))
    .map(([name, value]) => `${name}:${value}`)
    .sort();
  return [
    method,
    headers["content-md5"] ?? "",
    (headers["content-type"] ?? "").toLowerCase(),
    headers.date ?? "",
    ...own,
    pathAndQuery,
  ].join("\n");
}
