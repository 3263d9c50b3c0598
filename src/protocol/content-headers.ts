/** The system metadata a client controls ("System-defined object metadata", UsingMetadata). */
import type { ContentHeaders } from "../model/object.ts";
import { requireHeaderValue } from "./header-value.ts";

const DEFAULT_CONTENT_TYPE = "binary/octet-stream";

/**
 * Takes the content headers out of a request, verbatim but for `aws-chunked`, which is about the transfer.
 *
 * @throws S3Error `InvalidArgument` for control characters.
 */
export function parseContentHeaders(headers: Headers): ContentHeaders {
  const read = (name: string) => {
    const value = headers.get(name);
    return value === null || value === "" ? undefined : requireHeaderValue(name, value);
  };
  const cacheControl = read("Cache-Control");
  const contentDisposition = read("Content-Disposition");
  const contentEncoding = withoutAwsChunked(read("Content-Encoding"));
  const contentLanguage = read("Content-Language");
  const expires = read("Expires");
  return {
    contentType: read("Content-Type") ?? DEFAULT_CONTENT_TYPE,
    ...(cacheControl === undefined ? {} : { cacheControl }),
    ...(contentDisposition === undefined ? {} : { contentDisposition }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    ...(contentLanguage === undefined ? {} : { contentLanguage }),
    ...(expires === undefined ? {} : { expires }),
  };
}

/** "Amazon S3 stores the resulting object without the aws-chunked encoding" (sigv4-streaming). */
function withoutAwsChunked(value: string | undefined): string | undefined {
  if (value === undefined || !/aws-chunked/i.test(value)) return value;
  const codings = value
    .split(",")
    .map((coding) => coding.trim())
    .filter((coding) => coding !== "" && coding.toLowerCase() !== "aws-chunked");
  return codings.length === 0 ? undefined : codings.join(",");
}
