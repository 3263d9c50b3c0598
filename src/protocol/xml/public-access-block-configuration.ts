/** Request and answer of the public access block (API_PutPublicAccessBlock). */
import { S3Error } from "../../errors.ts";
import type { PublicAccessBlock } from "../../model/acl.ts";
import { childText, malformedXml, parseXml, requireOnly, type XmlElement } from "./reader.ts";
import { formatXml, xmlText } from "./writer.ts";

export const MAX_PUBLIC_ACCESS_BLOCK_BYTES = 16 * 1024;

/**
 * What is not mentioned is off.
 * @throws S3Error `MalformedXML`; `InvalidRequest` if nothing is mentioned
 */
export function parsePublicAccessBlock(body: Uint8Array): PublicAccessBlock {
  const root = parseXml(body, "PublicAccessBlockConfiguration", { maxBytes: MAX_PUBLIC_ACCESS_BLOCK_BYTES });
  requireOnly(root, ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]);
  if (root.children.length === 0) {
    throw new S3Error("InvalidRequest", { message: "Must specify at least one configuration." });
  }
  return {
    blockPublicAcls: parseFlag(root, "BlockPublicAcls"),
    ignorePublicAcls: parseFlag(root, "IgnorePublicAcls"),
    blockPublicPolicy: parseFlag(root, "BlockPublicPolicy"),
    restrictPublicBuckets: parseFlag(root, "RestrictPublicBuckets"),
  };
}

function parseFlag(root: XmlElement, name: string): boolean {
  const text = childText(root, name)?.toLowerCase() ?? "false";
  if (text !== "true" && text !== "false") throw malformedXml(`${name} is neither true nor false`);
  return text === "true";
}

export function formatPublicAccessBlock(settings: PublicAccessBlock): string {
  return formatXml("PublicAccessBlockConfiguration", [
    xmlText("BlockPublicAcls", settings.blockPublicAcls),
    xmlText("IgnorePublicAcls", settings.ignorePublicAcls),
    xmlText("BlockPublicPolicy", settings.blockPublicPolicy),
    xmlText("RestrictPublicBuckets", settings.restrictPublicBuckets),
  ]);
}
