/** Request and answer of the tagging operations (API_PutObjectTagging, API_PutBucketTagging). */
import type { Tag } from "../../model/object.ts";
import { type TagScope, validateTags } from "../tags.ts";
import {
  childrenOf,
  childTexts,
  findChild,
  malformedXml,
  nameOf,
  parseAnyXml,
  parseXml,
  requireOnly,
  type XmlElement,
} from "./reader.ts";
import { formatXml, type XmlNode, xmlElement, xmlText } from "./writer.ts";

const ROOT = "Tagging";
const MAX_BYTES = 128 * 1024;

/**
 * A document without a TagSet has no tags (recorded on AWS).
 *
 * @throws S3Error `MalformedXML`; `InvalidTag` for a set that AWS does not accept.
 */
export function parseTagging(body: Uint8Array, scope: TagScope): readonly Tag[] {
  return readTagging(parseXml(body, ROOT, { maxBytes: MAX_BYTES }), scope);
}

/** The `tagging` field of a form. A document with another root has no tags (recorded on AWS). */
export function parseTaggingField(text: string): readonly Tag[] {
  const root = parseAnyXml(new TextEncoder().encode(text), { maxBytes: MAX_BYTES });
  return nameOf(root) === ROOT ? readTagging(root, "object") : [];
}

function readTagging(root: XmlElement, scope: TagScope): readonly Tag[] {
  requireOnly(root, ["TagSet"]);
  const set = findChild(root, "TagSet");
  return set === undefined ? [] : validateTags(parseTagElements(set), scope);
}

/** The `Tag` children of an element; the rules for tags are not checked. */
export function parseTagElements(parent: XmlElement): readonly Tag[] {
  requireOnly(parent, ["Tag"]);
  return childrenOf(parent).map(parseTagElement);
}

export function parseTagElement(tag: XmlElement): Tag {
  const { Key: key, Value: value } = childTexts(tag, ["Key", "Value"]);
  if (key === undefined || value === undefined) throw malformedXml("Key or Value missing");
  return { key, value };
}

export function formatTagging(tags: readonly Tag[]): string {
  return formatXml("Tagging", [xmlElement("TagSet", tags.map(tagNode))]);
}

export function tagNode({ key, value }: Tag): XmlNode {
  return xmlElement("Tag", [xmlText("Key", key), xmlText("Value", value)]);
}
