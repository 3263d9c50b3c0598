/** Answer of ListObjects, version 1 (API_ListObjects). */
import type { ListPage } from "../../model/object.ts";
import { type EncodingType, encodeListed } from "../url-encoding.ts";
import { commonPrefixNodes, contentsNodes } from "./listed-object.ts";
import type { Owner } from "./owner.ts";
import { formatXml, xmlOptional, xmlText } from "./writer.ts";

export interface ListBucketResult {
  readonly bucket: string;
  readonly prefix: string;
  readonly marker: string;
  /** Empty: not asked for, and then not told. */
  readonly delimiter: string;
  readonly maxKeys: number;
  readonly encodingType: EncodingType;
  readonly page: ListPage;
  /** Only with a delimiter, as AWS; without one clients take the last key. */
  readonly nextMarker: string | undefined;
  /** Names the owner of a canonical id; undefined leaves owners out. */
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
