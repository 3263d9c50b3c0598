/** Answers of CopyObject, GetObjectAttributes and POST Object. */
import type { Checksum } from "../../model/checksum.ts";
import type { StorageClass } from "../../model/object.ts";
import type { PartChecksum } from "../../model/upload.ts";
import { formatIso8601 } from "../dates.ts";
import { checksumNode, etagNode, typedChecksumNodes } from "./common-elements.ts";
import { formatDocument, formatXml, type XmlNode, xmlElement, xmlOptional, xmlText } from "./writer.ts";

/** Answer of CopyObject (API_CopyObject). */
export interface CopyObjectResult {
  readonly etag: string;
  readonly lastModified: Date;
  readonly checksum: Checksum | undefined;
}

export function formatCopyObjectResult(result: CopyObjectResult): string {
  return formatXml("CopyObjectResult", [
    xmlText("LastModified", formatIso8601(result.lastModified)),
    etagNode(result.etag),
    ...typedChecksumNodes(result.checksum),
  ]);
}

/** Answer of GetObjectAttributes (API_GetObjectAttributes): only the attributes that the request asks for. */
export interface GetObjectAttributesResponse {
  /** Written without quotes, unlike everywhere else in S3. */
  readonly etag?: string;
  readonly checksum?: Checksum;
  readonly objectParts?: ObjectParts;
  readonly storageClass?: StorageClass;
  readonly objectSizeBytes?: number;
}

export interface ObjectParts {
  readonly totalPartsCount: number;
  /** Undefined if the parts have no checksums: AWS then answers only with their number. */
  readonly page?: {
    readonly partNumberMarker: number;
    readonly nextPartNumberMarker: number;
    readonly maxParts: number;
    readonly isTruncated: boolean;
    readonly parts: readonly ObjectPart[];
  };
}

export interface ObjectPart {
  readonly partNumber: number;
  readonly sizeBytes: number;
  readonly checksum?: PartChecksum;
}

export function formatGetObjectAttributesResponse(response: GetObjectAttributesResponse): string {
  return formatXml("GetObjectAttributesResponse", [
    xmlOptional("ETag", response.etag),
    response.checksum && xmlElement("Checksum", typedChecksumNodes(response.checksum)),
    response.objectParts && objectPartsNode(response.objectParts),
    xmlOptional("StorageClass", response.storageClass),
    xmlOptional("ObjectSize", response.objectSizeBytes),
  ]);
}

function objectPartsNode({ totalPartsCount, page }: ObjectParts): XmlNode {
  // TotalPartsCount in the SDKs, PartsCount on the wire.
  const count = xmlText("PartsCount", totalPartsCount);
  if (page === undefined) return xmlElement("ObjectParts", [count]);
  return xmlElement("ObjectParts", [
    count,
    xmlText("PartNumberMarker", page.partNumberMarker),
    xmlText("NextPartNumberMarker", page.nextPartNumberMarker),
    xmlText("MaxParts", page.maxParts),
    xmlText("IsTruncated", page.isTruncated),
    ...page.parts.map((part) =>
      xmlElement("Part", [
        checksumNode(part.checksum),
        xmlText("PartNumber", part.partNumber),
        xmlText("Size", part.sizeBytes),
      ]),
    ),
  ]);
}

/** Answer of POST Object with `success_action_status` 201 (RESTObjectPOST). */
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
