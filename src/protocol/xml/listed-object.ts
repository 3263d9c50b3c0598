/** `Contents` and `CommonPrefixes`, which both versions of the listing share. */
import type { ListedObject } from "../../model/object.ts";
import { formatIso8601 } from "../dates.ts";
import { formatETag } from "../etag.ts";
import { type EncodingType, encodeListed } from "../url-encoding.ts";
import { type Owner, ownerNode } from "./owner.ts";
import { type XmlNode, xmlElement, xmlText } from "./writer.ts";

export interface ContentsOptions {
  readonly encodingType: EncodingType;
  readonly ownerOf: ((ownerId: string) => Owner) | undefined;
}

export function contentsNodes(objects: readonly ListedObject[], options: ContentsOptions): XmlNode[] {
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
