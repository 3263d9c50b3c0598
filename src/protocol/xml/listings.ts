/** The listings of buckets, objects and object versions, and the elements that they share. */
import type { VersionItem, VersionPage } from "../../model/listed-version.ts";
import type { ListedObject, ListPage } from "../../model/object.ts";
import { formatIso8601 } from "../dates.ts";
import { type EncodingType, encodeListed } from "../percent-encoding.ts";
import { etagNode, type Owner, ownerNode, ownerWriter } from "./common-elements.ts";
import { escapeXml, formatXml, type XmlNode, xmlElement, xmlOptional, xmlText, xmlWritten } from "./writer.ts";

interface RowOptions {
  readonly encodingType: EncodingType;
  readonly ownerOf: ((ownerId: string) => Owner) | undefined;
}

/**
 * The rows of a page. It may have a thousand, and they are most of what it costs: each is one template instead of eight
 * elements, and the Owner that they share is written once.
 */
function rowWriter({ encodingType, ownerOf }: RowOptions) {
  const writeOwner = ownerWriter("Owner");
  const owner = ({ ownerId }: ListedObject) => (ownerOf === undefined ? "" : writeOwner(ownerOf(ownerId)));
  const begin = (object: ListedObject, version: string) =>
    `<Key>${escapeXml(encodeListed(object.key, encodingType))}</Key>${version}` +
    `<LastModified>${formatIso8601(object.lastModified)}</LastModified>`;
  const content = (object: ListedObject) =>
    `${etagNode(object.etag)}${checksumElements(object)}<Size>${object.sizeBytes}</Size>${owner(object)}` +
    `<StorageClass>${escapeXml(object.storageClass)}</StorageClass>`;
  return {
    object: (object: ListedObject) => xmlWritten(`<Contents>${begin(object, "")}${content(object)}</Contents>`),
    version: (item: VersionItem) => {
      const version = xmlText("VersionId", item.versionId) + xmlText("IsLatest", item.isLatest);
      return xmlWritten(
        item.isDeleteMarker
          ? `<DeleteMarker>${begin(item, version)}${owner(item)}</DeleteMarker>`
          : `<Version>${begin(item, version)}${content(item)}</Version>`,
      );
    },
  };
}

function objectNodes(objects: readonly ListedObject[], options: RowOptions): XmlNode[] {
  return objects.map(rowWriter(options).object);
}

function checksumElements({ checksum }: ListedObject): string {
  if (checksum === undefined) return "";
  return xmlText("ChecksumAlgorithm", checksum.algorithm) + xmlText("ChecksumType", checksum.type);
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
    ...objectNodes(result.page.objects, result),
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
    ...objectNodes(objects, result),
    ...commonPrefixNodes(commonPrefixes, result.encodingType),
  ]);
}

/** Answer of ListObjectVersions (API_ListObjectVersions). */
export interface ListVersionsResult {
  readonly bucket: string;
  readonly prefix: string;
  readonly keyMarker: string;
  readonly versionIdMarker: string;
  readonly delimiter: string;
  readonly maxKeys: number;
  readonly encodingType: EncodingType;
  readonly page: VersionPage<VersionItem>;
  readonly ownerOf: (ownerId: string) => Owner;
}

export function formatListVersionsResult(result: ListVersionsResult): string {
  const { page, encodingType } = result;
  const { next } = page;
  const encode = (text: string) => encodeListed(text, encodingType);
  return formatXml("ListVersionsResult", [
    xmlText("Name", result.bucket),
    xmlText("Prefix", encode(result.prefix)),
    xmlText("KeyMarker", encode(result.keyMarker)),
    xmlText("VersionIdMarker", result.versionIdMarker),
    next === undefined ? undefined : xmlText("NextKeyMarker", encode(next.key)),
    // Absent after a common prefix (seen on AWS, LocalStack's recordings).
    xmlOptional("NextVersionIdMarker", next?.token),
    xmlText("MaxKeys", result.maxKeys),
    result.delimiter === "" ? undefined : xmlText("Delimiter", encode(result.delimiter)),
    xmlOptional("EncodingType", encodingType),
    xmlText("IsTruncated", next !== undefined),
    ...page.versions.map(rowWriter(result).version),
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
