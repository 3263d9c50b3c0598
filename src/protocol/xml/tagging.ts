/** Request and answer of the tagging operations (API_PutObjectTagging, API_PutBucketTagging). */
import type { Tag } from "../../model/object.ts";
import { type TagScope, validateTags } from "../tags.ts";
import { malformedXml, parseXml, requireChild, requireChildText, requireOnly, type XmlElement } from "./reader.ts";
import { formatXml, xmlElement, xmlText } from "./writer.ts";

const MAX_BYTES = 128 * 1024;

/** @throws S3Error `MalformedXML`; `InvalidTag` for a set AWS does not accept. */
export function parseTagging(body: Uint8Array, scope: TagScope): readonly Tag[] {
  const root = parseXml(body, "Tagging", { maxBytes: MAX_BYTES });
  requireOnly(root, ["TagSet"]);
  return validateTags(parseTagElements(requireChild(root, "TagSet")), scope);
}

/** The `Tag` children of an element, limits unchecked. */
export function parseTagElements(parent: XmlElement): readonly Tag[] {
  requireOnly(parent, ["Tag"]);
  return parent.children.map((tag) => {
    requireOnly(tag, ["Key", "Value"]);
    const key = requireChildText(tag, "Key");
    if (key === "") throw malformedXml("empty tag key");
    return { key, value: requireChildText(tag, "Value") };
  });
}

export function formatTagging(tags: readonly Tag[]): string {
  return formatXml("Tagging", [
    xmlElement(
      "TagSet",
      tags.map((tag) => xmlElement("Tag", [xmlText("Key", tag.key), xmlText("Value", tag.value)])),
    ),
  ]);
}
