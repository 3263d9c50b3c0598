/** The listings of buckets, objects and object versions, and the elements that they share. */
import type { ListedObject, ListPage } from "../../model/object.ts";
import { formatIso8601 } from "../dates.ts";
import { formatETag } from "../header-values.ts";
import { type EncodingType, encodeListed } from "../percent-encoding.ts";
import { NULL_VERSION } from "../query-parameters.ts";
import { type Owner, ownerNode } from "./common-elements.ts";
import { formatXml, type XmlNode, xmlElement, xmlOptional, xmlText } from "./writer.ts";

interface ContentsOptions {
  readonly encodingType: EncodingType;
  readonly ownerOf: ((ownerId: string) => Owner) | undefined;
}

function contentsNodes(objects: readonly ListedObject[], options: ContentsOptions): XmlNode[] {
  return objects.map((object) =>
    xmlElement("Contents", [
      xmlText("Key", encodeListed(object.key, options.encodingType)),
      xmlText("LastModified", formatIso8601(object.lastModified)),
      xmlText("ETag", formatETag(object.etag)),
      object.checksum && xmlText("ChecksumAlgorithm", object.checksum.algorithm),
      object.checksum && xmlText("ChecksumType", object.checksum.type),
      xmlText("Size", object.sizeBytes),
      options.ownerOf && ownerNode("Owner", options.ownerOf(object.ownerId)),
      xmlText("StorageClass", object.storageClass),
    ]),
  );
}

export function commonPrefixNodes(prefixes: readonly string[], encodingType: EncodingType): XmlNode[] {
  return prefixes.map((prefix) =>
    xmlElement("CommonPrefixes", [xmlText("Prefix", encodeListed(prefix, encodingType))]),
  );
}

/** Answer of ListObjects, version 1 (API_ListObjects). */
export interface ListBucketResult {
  readonly bucket: string;
  readonly prefix: string;
  readonly marker: string;
  /** Empty if not asked for; the element is then left out. */
  readonly delimiter: string;
  readonly maxKeys: number;
  readonly encodingType: EncodingType;
  readonly page: ListPage;
  /** Only with a delimiter, as on AWS; without one, clients use the last key. */
  readonly nextMarker: string | undefined;
  /** The owner of a canonical id; undefined leaves owners out. */
  readonly ownerOf: ((ownerId: string) => Owner) | undefined;
}

export function formatListBucketResult(result: ListBucketResult): string {
  const encode = (text: string) => encodeListed(text, result.encodingType);
  return formatXml("ListBucketResult", [
    xmlText("Name", result.bucket),
    xmlText("Prefix", encode(result.prefix)),
    xmlText("Marker", encode(result.marker)),
    result.nextMarker === undefined ? undefined : xmlText("NextMarker", encode(result.nextMarker)),
    xmlText("MaxKeys", result.maxKeys),
    result.delimiter === "" ? undefined : xmlText("Delimiter", encode(result.delimiter)),
    xmlOptional("EncodingType", result.encodingType),
    xmlText("IsTruncated", result.page.isTruncated),
    ...contentsNodes(result.page.objects, result),
    ...commonPrefixNodes(result.page.commonPrefixes, result.encodingType),
  ]);
}

/** Answer of ListObjectsV2 (API_ListObjectsV2). Its root is also ListBucketResult. */
export interface ListBucketResultV2 {
  readonly bucket: string;
  readonly prefix: string;
  /** Empty if not asked for; the element is then left out. */
  readonly delimiter: string;
  readonly maxKeys: number;
  readonly encodingType: EncodingType;
  readonly page: ListPage;
  /** As sent. Opaque, so never url-encoded. */
  readonly continuationToken: string | undefined;
  readonly nextContinuationToken: string | undefined;
  /** As sent; undefined if absent. */
  readonly startAfter: string | undefined;
  /** The owner of a canonical id; undefined (no `fetch-owner`) leaves owners out. */
  readonly ownerOf: ((ownerId: string) => Owner) | undefined;
}

export function formatListBucketResultV2(result: ListBucketResultV2): string {
  const encode = (text: string) => encodeListed(text, result.encodingType);
  const { objects, commonPrefixes, isTruncated } = result.page;
  return formatXml("ListBucketResult", [
    xmlText("Name", result.bucket),
    xmlText("Prefix", encode(result.prefix)),
    xmlOptional("ContinuationToken", result.continuationToken),
    xmlOptional("NextContinuationToken", result.nextContinuationToken),
    result.startAfter === undefined ? undefined : xmlText("StartAfter", encode(result.startAfter)),
    xmlText("KeyCount", objects.length + commonPrefixes.length),
    xmlText("MaxKeys", result.maxKeys),
    result.delimiter === "" ? undefined : xmlText("Delimiter", encode(result.delimiter)),
    xmlOptional("EncodingType", result.encodingType),
    xmlText("IsTruncated", isTruncated),
    ...contentsNodes(objects, result),
    ...commonPrefixNodes(commonPrefixes, result.encodingType),
  ]);
}

/** Answer of ListObjectVersions (API_ListObjectVersions). Without versioning each object is its own version `null`. */
export interface ListVersionsResult {
  readonly bucket: string;
  readonly prefix: string;
  readonly keyMarker: string;
  readonly versionIdMarker: string;
  readonly delimiter: string;
  readonly maxKeys: number;
  readonly encodingType: EncodingType;
  readonly page: ListPage;
  readonly ownerOf: (ownerId: string) => Owner;
}

export function formatListVersionsResult(result: ListVersionsResult): string {
  const { page, encodingType } = result;
  const encode = (text: string) => encodeListed(text, encodingType);
  return formatXml("ListVersionsResult", [
    xmlText("Name", result.bucket),
    xmlText("Prefix", encode(result.prefix)),
    xmlText("KeyMarker", encode(result.keyMarker)),
    xmlText("VersionIdMarker", result.versionIdMarker),
    page.isTruncated ? xmlText("NextKeyMarker", encode(page.last)) : undefined,
    // Absent after a common prefix (seen on AWS, LocalStack's recordings).
    page.isTruncated && page.objects.at(-1)?.key === page.last
      ? xmlText("NextVersionIdMarker", NULL_VERSION)
      : undefined,
    xmlText("MaxKeys", result.maxKeys),
    result.delimiter === "" ? undefined : xmlText("Delimiter", encode(result.delimiter)),
    xmlOptional("EncodingType", encodingType),
    xmlText("IsTruncated", page.isTruncated),
    ...page.objects.map((object) =>
      xmlElement("Version", [
        xmlText("Key", encode(object.key)),
        xmlText("VersionId", NULL_VERSION),
        xmlText("IsLatest", true),
        xmlText("LastModified", formatIso8601(object.lastModified)),
        xmlText("ETag", formatETag(object.etag)),
        xmlText("Size", object.sizeBytes),
        ownerNode("Owner", result.ownerOf(object.ownerId)),
        xmlText("StorageClass", object.storageClass),
      ]),
    ),
    ...commonPrefixNodes(page.commonPrefixes, encodingType),
  ]);
}

/** Answer of ListBuckets (API_ListBuckets). */
export interface ListAllMyBucketsResult {
  readonly owner: Owner;
  readonly buckets: readonly {
    readonly name: string;
    readonly createdAt: Date;
    readonly region: string;
    readonly arn: string;
  }[];
  /** Position of the next page; undefined on the last page. */
  readonly continuationToken: string | undefined;
  /** As sent; undefined if absent. */
  readonly prefix: string | undefined;
}

export function formatListAllMyBucketsResult(result: ListAllMyBucketsResult): string {
  return formatXml("ListAllMyBucketsResult", [
    ownerNode("Owner", result.owner),
    xmlElement(
      "Buckets",
      result.buckets.map((bucket) =>
        xmlElement("Bucket", [
          xmlText("Name", bucket.name),
          xmlText("CreationDate", formatIso8601(bucket.createdAt)),
          xmlText("BucketRegion", bucket.region),
          xmlText("BucketArn", bucket.arn),
        ]),
      ),
    ),
    xmlOptional("ContinuationToken", result.continuationToken),
    xmlOptional("Prefix", result.prefix),
  ]);
}
