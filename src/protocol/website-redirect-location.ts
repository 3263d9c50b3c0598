import { S3Error } from "../errors.ts";

const HEADER = "x-amz-website-redirect-location";
const MAX_LENGTH = 2048;

/**
 * `x-amz-website-redirect-location`: a key of the bucket beginning with `/`, or an http(s) URL (API_PutObject).
 * @throws S3Error `InvalidRedirectLocation` (code and text as tried on AWS by versitygw's authors)
 */
export function parseWebsiteRedirectLocation(headers: Headers): string | undefined {
  const value = headers.get(HEADER);
  if (value === null) return undefined;
  if (value.length > MAX_LENGTH || !/^(\/|https?:\/\/)[^\p{Cc}]*$/iu.test(value)) {
    throw new S3Error("InvalidRedirectLocation");
  }
  return value;
}
