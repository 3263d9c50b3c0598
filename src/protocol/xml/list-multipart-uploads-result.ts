/** Answer of ListMultipartUploads (API_ListMultipartUploads). */
import type { ChecksumAlgorithm, ChecksumType } from "../../model/checksum.ts";
import type { StorageClass } from "../../model/object.ts";
import { formatIso8601 } from "../dates.ts";
import { type EncodingType, encodeListed } from "../url-encoding.ts";
import { commonPrefixNodes } from "./listed-object.ts";
import { type Owner, ownerNode } from "./owner.ts";
import { formatXml, xmlElement, xmlOptional, xmlText } from "./writer.ts";

export interface ListMultipartUploadsResult {
  readonly bucket: string;
  readonly keyMarker: string;
  readonly uploadIdMarker: string;
  /** Empty after a common prefix. */
  readonly nextKeyMarker: string;
  readonly nextUploadIdMarker: string;
  /** Empty: not asked for, and then not told. */
  readonly prefix: string;
  /** As `prefix`. */
  readonly delimiter: string;
  readonly encodingType: EncodingType;
  readonly maxUploads: number;
  readonly isTruncated: boolean;
  readonly uploads: readonly ListedUpload[];
  readonly commonPrefixes: readonly string[];
}

export interface ListedUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly initiator: Owner;
  readonly owner: Owner;
  readonly storageClass: StorageClass;
  readonly initiated: Date;
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType };
}

export function formatListMultipartUploadsResult(result: ListMultipartUploadsResult): string {
  const encode = (text: string) => encodeListed(text, result.encodingType);
  return formatXml("ListMultipartUploadsResult", [
    xmlText("Bucket", result.bucket),
    xmlText("KeyMarker", encode(result.keyMarker)),
    xmlText("UploadIdMarker", result.uploadIdMarker),
    xmlText("NextKeyMarker", encode(result.nextKeyMarker)),
    xmlText("NextUploadIdMarker", result.nextUploadIdMarker),
    result.prefix === "" ? undefined : xmlText("Prefix", encode(result.prefix)),
    result.delimiter === "" ? undefined : xmlText("Delimiter", encode(result.delimiter)),
    xmlOptional("EncodingType", result.encodingType),
    xmlText("MaxUploads", result.maxUploads),
    xmlText("IsTruncated", result.isTruncated),
    ...result.uploads.map((upload) =>
      xmlElement("Upload", [
        xmlText("Key", encode(upload.key)),
        xmlText("UploadId", upload.uploadId),
        ownerNode("Initiator", upload.initiator),
        ownerNode("Owner", upload.owner),
        xmlText("StorageClass", upload.storageClass),
        xmlText("Initiated", formatIso8601(upload.initiated)),
        upload.checksum && xmlText("ChecksumAlgorithm", upload.checksum.algorithm),
        upload.checksum && xmlText("ChecksumType", upload.checksum.type),
      ]),
    ),
    ...commonPrefixNodes(result.commonPrefixes, result.encodingType),
  ]);
}
