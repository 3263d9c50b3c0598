/** Answer of CopyObject (API_CopyObject). */
import type { Checksum } from "../../model/checksum.ts";
import { formatIso8601 } from "../dates.ts";
import { formatETag } from "../etag.ts";
import { typedChecksumNodes } from "./checksum.ts";
import { formatXml, xmlText } from "./writer.ts";

export interface CopyObjectResult {
  readonly etag: string;
  readonly lastModified: Date;
  readonly checksum: Checksum | undefined;
}

export function formatCopyObjectResult(result: CopyObjectResult): string {
  return formatXml("CopyObjectResult", [
    xmlText("LastModified", formatIso8601(result.lastModified)),
    xmlText("ETag", formatETag(result.etag)),
    ...typedChecksumNodes(result.checksum),
  ]);
}
