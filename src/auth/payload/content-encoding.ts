/** `aws-chunked` says how the request was framed and is no property of the object (S3 API, PutObject `Content-Encoding`). */

/** The Content-Encoding to store; undefined if nothing is left. */
export function withoutAwsChunked(contentEncoding: string | null): string | undefined {
  if (contentEncoding === null) return undefined;
  // A value without the token is kept to the letter.
  if (!/aws-chunked/i.test(contentEncoding)) return contentEncoding === "" ? undefined : contentEncoding;
  const codings = contentEncoding
    .split(",")
    .map((coding) => coding.trim())
    .filter((coding) => coding !== "" && coding.toLowerCase() !== "aws-chunked");
  return codings.length === 0 ? undefined : codings.join(",");
}
