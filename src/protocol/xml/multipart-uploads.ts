/**
 * The documents of multipart uploads: InitiateMultipartUploadResult, CompleteMultipartUpload and its result,
 * CopyPartResult, ListPartsResult and ListMultipartUploadsResult.
 */
import { invalidArgument, S3Error } from "../../errors.ts";
import type { Checksum, ChecksumAlgorithm, ChecksumType } from "../../model/checksum.ts";
import type { StorageClass } from "../../model/object.ts";
import type { CompletedPart, PartChecksum } from "../../model/upload.ts";
import { formatIso8601 } from "../dates.ts";
import { parseETag } from "../header-values.ts";
import { type EncodingType, encodeListed } from "../percent-encoding.ts";
import { MAX_PARTS } from "../query-parameters.ts";
import {
  CHECKSUM_ELEMENTS,
  checksumNode,
  etagNode,
  type Owner,
  ownerNode,
  ownerWriter,
  parseChecksums,
  typedChecksumNodes,
} from "./common-elements.ts";
import { commonPrefixNodes } from "./listings.ts";
import { childrenOf, childTexts, malformedXml, parseXml, requireOnly, type XmlElement } from "./reader.ts";
import { formatXml, xmlElement, xmlOptional, xmlText } from "./writer.ts";

/** 10,000 parts with an ETag and a SHA-256, indented. */
export const MAX_COMPLETE_MULTIPART_UPLOAD_BYTES = 4 * 1024 * 1024;

/** The root, and each part with its number, its ETag and two checksums; two are already refused later. */
const MAX_ELEMENTS = 1 + MAX_PARTS * 5;

const PART_ELEMENTS = ["PartNumber", "ETag", ...CHECKSUM_ELEMENTS] as const;

/**
 * Parses the request of CompleteMultipartUpload (API_CompleteMultipartUpload).
 *
 * Parts are in the order of the document. The upload checks that they ascend (`InvalidPartOrder`).
 *
 * @throws S3Error `InvalidRequest` for no part or no document; `MalformedXML`; `InvalidArgument` for a part number
 *   outside 1..10,000.
 */
export function parseCompleteMultipartUpload(body: Uint8Array): readonly CompletedPart[] {
  if (body.byteLength === 0) throw noPart();
  const root = parseXml(body, "CompleteMultipartUpload", {
    maxBytes: MAX_COMPLETE_MULTIPART_UPLOAD_BYTES,
    maxElements: MAX_ELEMENTS,
  });
  requireOnly(root, ["Part"]);
  const parts = childrenOf(root);
  if (parts.length === 0) throw noPart();
  if (parts.length > MAX_PARTS) throw malformedXml("number of parts");
  return parts.map(parsePart);
}

function noPart(): S3Error {
  return new S3Error("InvalidRequest", { message: "You must specify at least one part" });
}

function parsePart(part: XmlElement): CompletedPart {
  const texts = childTexts(part, PART_ELEMENTS);
  if (texts.PartNumber === undefined) throw malformedXml("PartNumber missing in Part");
  const partNumber = readPartNumber(texts.PartNumber.trim());
  if (texts.ETag === undefined) throw malformedXml("ETag missing in Part");
  return { partNumber, etag: parseETag(texts.ETag), checksums: parseChecksums(texts) };
}

function readPartNumber(text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw malformedXml("PartNumber is not an integer");
  const partNumber = Number(text);
  // A number above the highest is that of a part that was not uploaded: `InvalidPart` (both as versity/versitygw 1072 saw AWS).
  if (partNumber < 1) throw invalidArgument("PartNumber must be >= 1", "PartNumber", text);
  return partNumber;
}

/** Answer of CompleteMultipartUpload (API_CompleteMultipartUpload). */
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
    etagNode(result.etag),
    ...typedChecksumNodes(result.checksum),
  ]);
}

/** Answer of CreateMultipartUpload (API_CreateMultipartUpload). */
export interface InitiateMultipartUploadResult {
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
}

export function formatInitiateMultipartUploadResult(result: InitiateMultipartUploadResult): string {
  return formatXml("InitiateMultipartUploadResult", [
    xmlText("Bucket", result.bucket),
    xmlText("Key", result.key),
    xmlText("UploadId", result.uploadId),
  ]);
}

/** Answer of UploadPartCopy (API_UploadPartCopy). */
export interface CopyPartResult {
  readonly etag: string;
  readonly lastModified: Date;
  readonly checksum: PartChecksum | undefined;
}

export function formatCopyPartResult(result: CopyPartResult): string {
  return formatXml("CopyPartResult", [
    xmlText("LastModified", formatIso8601(result.lastModified)),
    etagNode(result.etag),
    checksumNode(result.checksum),
  ]);
}

/** Answer of ListParts (API_ListParts). */
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
  /** AWS has it in every other listing but this one; a key may need it here too. */
  readonly encodingType?: EncodingType;
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType } | undefined;
  readonly parts: readonly ListedPart[];
}

export interface ListedPart {
  readonly partNumber: number;
  readonly lastModified: Date;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly checksum?: PartChecksum;
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
        etagNode(part.etag),
        xmlText("Size", part.sizeBytes),
        checksumNode(part.checksum),
      ]),
    ),
  ]);
}

/** Answer of ListMultipartUploads (API_ListMultipartUploads). */
export interface ListMultipartUploadsResult {
  readonly bucket: string;
  readonly keyMarker: string;
  readonly uploadIdMarker: string;
  /** Empty after a common prefix. */
  readonly nextKeyMarker: string;
  readonly nextUploadIdMarker: string;
  /** Empty if not asked for; the element is then left out. */
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
  const [writeInitiator, writeOwner] = [ownerWriter("Initiator"), ownerWriter("Owner")];
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
        writeInitiator(upload.initiator),
        writeOwner(upload.owner),
        xmlText("StorageClass", upload.storageClass),
        xmlText("Initiated", formatIso8601(upload.initiated)),
        upload.checksum && xmlText("ChecksumAlgorithm", upload.checksum.algorithm),
        upload.checksum && xmlText("ChecksumType", upload.checksum.type),
      ]),
    ),
    ...commonPrefixNodes(result.commonPrefixes, result.encodingType),
  ]);
}
