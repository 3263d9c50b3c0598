import { invalidArgument } from "../errors.ts";

const HEADER = "x-amz-website-redirect-location";
const MAX_LENGTH = 2048;

/**
 * `x-amz-website-redirect-location`: a key of the bucket beginning with `/`, or an http(s) URL (API_PutObject).
 * @throws S3Error `InvalidArgument`
 */
export function parseWebsiteRedirectLocation(headers: Headers): string | undefined {
  const value = headers.get(HEADER);
  if (value === null) return undefined;
  if (value.length > MAX_LENGTH || !/^(\/|https?:\/\/)[^\p{Cc}]*$/iu.test(value)) {
    const message = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.";
    throw invalidArgument(message, HEADER, value);
  }
  return value;
}
