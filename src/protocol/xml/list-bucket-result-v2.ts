/** Answer of ListObjectsV2 (API_ListObjectsV2). Its root is ListBucketResult as well. */
import type { ListPage } from "../../model/object.ts";
import { type EncodingType, encodeListed } from "../url-encoding.ts";
import { commonPrefixNodes, contentsNodes } from "./listed-object.ts";
import type { Owner } from "./owner.ts";
import { formatXml, xmlOptional, xmlText } from "./writer.ts";

export interface ListBucketResultV2 {
  readonly bucket: string;
  readonly prefix: string;
  /** Empty: not asked for, and then not told. */
  readonly delimiter: string;
  readonly maxKeys: number;
  readonly encodingType: EncodingType;
  readonly page: ListPage;
  /** As asked for. Opaque, so never url-encoded. */
  readonly continuationToken: string | undefined;
  readonly nextContinuationToken: string | undefined;
  /** As asked for; undefined if not asked for. */
  readonly startAfter: string | undefined;
  /** Names the owner of a canonical id; undefined (no `fetch-owner`) leaves owners out. */
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
