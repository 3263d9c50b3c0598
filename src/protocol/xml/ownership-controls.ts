/** Request and answer of the ownership controls (API_PutBucketOwnershipControls). */
import { OBJECT_OWNERSHIPS, type ObjectOwnership } from "../../model/acl.ts";
import { malformedXml, parseXml, requireChild, requireChildText, requireOnly } from "./reader.ts";
import { formatXml, xmlElement, xmlText } from "./writer.ts";

export const MAX_OWNERSHIP_CONTROLS_BYTES = 16 * 1024;

/** @throws S3Error `MalformedXML`, also for several rules: a bucket has one */
export function parseOwnershipControls(body: Uint8Array): ObjectOwnership {
  const root = parseXml(body, "OwnershipControls", { maxBytes: MAX_OWNERSHIP_CONTROLS_BYTES });
  requireOnly(root, ["Rule"]);
  const rule = requireChild(root, "Rule");
  requireOnly(rule, ["ObjectOwnership"]);
  const text = requireChildText(rule, "ObjectOwnership");
  const ownership = OBJECT_OWNERSHIPS.find((known) => known === text);
  if (ownership === undefined) throw malformedXml(`unknown object ownership ${text}`);
  return ownership;
}

export function formatOwnershipControls(ownership: ObjectOwnership): string {
  return formatXml("OwnershipControls", [xmlElement("Rule", [xmlText("ObjectOwnership", ownership)])]);
}
