/** Answer of CompleteMultipartUpload (API_CompleteMultipartUpload). */
import type { Checksum } from "../../model/checksum.ts";
import { formatETag } from "../etag.ts";
import { typedChecksumNodes } from "./checksum.ts";
import { formatXml, xmlText } from "./writer.ts";

export interface CompleteMultipartUploadResult {
  /** URL of the object. */
  readonly location: string;
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly checksum: Checksum | undefined;
}

export function formatCompleteMultipartUploadResult(result: CompleteMultipartUploadResult): string {
  return formatXml("CompleteMultipartUploadResult", [
    xmlText("Location", result.location),
    xmlText("Bucket", result.bucket),
    xmlText("Key", result.key),
    xmlText("ETag", formatETag(result.etag)),
    ...typedChecksumNodes(result.checksum),
  ]);
}
