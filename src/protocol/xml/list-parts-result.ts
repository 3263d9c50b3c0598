/** Answer of ListParts (API_ListParts). */
import type { ChecksumAlgorithm, ChecksumType } from "../../model/checksum.ts";
import type { StorageClass } from "../../model/object.ts";
import { formatIso8601 } from "../dates.ts";
import { formatETag } from "../etag.ts";
import { type EncodingType, encodeListed } from "../url-encoding.ts";
import { type ChecksumValue, checksumNode } from "./checksum.ts";
import { type Owner, ownerNode } from "./owner.ts";
import { formatXml, xmlElement, xmlOptional, xmlText } from "./writer.ts";

export interface ListPartsResult {
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
  readonly initiator: Owner;
  readonly owner: Owner;
  readonly storageClass: StorageClass;
  readonly partNumberMarker: number;
  /** Number of the last part of the page; 0 if it is empty. */
  readonly nextPartNumberMarker: number;
  readonly maxParts: number;
  readonly isTruncated: boolean;
  /** Not S3's, which has it in every other listing; the key may need it here as much. */
  readonly encodingType?: EncodingType;
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType } | undefined;
  readonly parts: readonly ListedPart[];
}

export interface ListedPart {
  readonly partNumber: number;
  readonly lastModified: Date;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly checksum?: ChecksumValue;
}

export function formatListPartsResult(result: ListPartsResult): string {
  return formatXml("ListPartsResult", [
    xmlText("Bucket", result.bucket),
    xmlText("Key", encodeListed(result.key, result.encodingType)),
    xmlText("UploadId", result.uploadId),
    ownerNode("Initiator", result.initiator),
    ownerNode("Owner", result.owner),
    xmlText("StorageClass", result.storageClass),
    xmlText("PartNumberMarker", result.partNumberMarker),
    xmlText("NextPartNumberMarker", result.nextPartNumberMarker),
    xmlText("MaxParts", result.maxParts),
    xmlText("IsTruncated", result.isTruncated),
    xmlOptional("EncodingType", result.encodingType),
    result.checksum && xmlText("ChecksumAlgorithm", result.checksum.algorithm),
    result.checksum && xmlText("ChecksumType", result.checksum.type),
    ...result.parts.map((part) =>
      xmlElement("Part", [
        xmlText("PartNumber", part.partNumber),
        xmlText("LastModified", formatIso8601(part.lastModified)),
        xmlText("ETag", formatETag(part.etag)),
        xmlText("Size", part.sizeBytes),
        checksumNode(part.checksum),
      ]),
    ),
  ]);
}
