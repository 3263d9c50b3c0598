/** Answer of UploadPartCopy (API_UploadPartCopy). */
import { formatIso8601 } from "../dates.ts";
import { formatETag } from "../etag.ts";
import { type ChecksumValue, checksumNode } from "./checksum.ts";
import { formatXml, xmlText } from "./writer.ts";

export interface CopyPartResult {
  readonly etag: string;
  readonly lastModified: Date;
  readonly checksum: ChecksumValue | undefined;
}

export function formatCopyPartResult(result: CopyPartResult): string {
  return formatXml("CopyPartResult", [
    xmlText("LastModified", formatIso8601(result.lastModified)),
    xmlText("ETag", formatETag(result.etag)),
    checksumNode(result.checksum),
  ]);
}
