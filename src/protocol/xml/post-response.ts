/** Answer of POST Object with `success_action_status` 201 (RESTObjectPOST). */
import { formatDocument, xmlElement, xmlText } from "./writer.ts";

export interface PostResponse {
  /** URL of the object. */
  readonly location: string;
  readonly bucket: string;
  readonly key: string;
  /** With quotes. */
  readonly etag: string;
}

/** Like errors, this document has no namespace. */
export function formatPostResponse({ location, bucket, key, etag }: PostResponse): string {
  return formatDocument(
    xmlElement("PostResponse", [
      xmlText("Location", location),
      xmlText("Bucket", bucket),
      xmlText("Key", key),
      xmlText("ETag", etag),
    ]),
  );
}
