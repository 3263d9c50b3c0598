/** Answer of ListObjectVersions (API_ListObjectVersions). Without versioning each object is its own version `null`. */
import type { ListPage } from "../../model/object.ts";
import { formatIso8601 } from "../dates.ts";
import { formatETag } from "../etag.ts";
import { type EncodingType, encodeListed } from "../url-encoding.ts";
import { NULL_VERSION } from "../version-id.ts";
import { commonPrefixNodes } from "./listed-object.ts";
import { type Owner, ownerNode } from "./owner.ts";
import { formatXml, xmlElement, xmlOptional, xmlText } from "./writer.ts";

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
    // None after a common prefix (seen on AWS, LocalStack's recordings).
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
