/** Request and answer of S3 Control's operations on tags (API_control_TagResource, API_control_ListTagsForResource). */
import type { S3Error } from "../../errors.ts";
import type { Tag } from "../../model/object.ts";
import { validateTags } from "../tags.ts";
import type { ErrorContext } from "./error-response.ts";
import { parseXml, requireChild, requireOnly } from "./reader.ts";
import { parseTagElements, tagNode } from "./tagging.ts";
import { formatDocument, xmlElement, xmlText } from "./writer.ts";

export const MAX_TAG_RESOURCE_BYTES = 128 * 1024;
const NAMESPACE = "http://awss3control.amazonaws.com/doc/2018-08-20/";

/** @throws S3Error `MalformedXML`; `InvalidTag` and `BadRequest` as for PutBucketTagging */
export function parseTagResource(body: Uint8Array): readonly Tag[] {
  const root = parseXml(body, "TagResourceRequest", { maxBytes: MAX_TAG_RESOURCE_BYTES });
  requireOnly(root, ["Tags"]);
  return validateTags(parseTagElements(requireChild(root, "Tags")), "bucket");
}

export function formatTagsOfResource(tags: readonly Tag[]): string {
  const list = xmlElement("Tags", tags.map(tagNode));
  return formatDocument(xmlElement("ListTagsForResourceResult", [list], { xmlns: NAMESPACE }));
}

/** Errors of S3 Control are wrapped, unlike those of S3. */
export function formatControlError(error: S3Error, { requestId, hostId }: ErrorContext): string {
  return formatDocument(
    xmlElement("ErrorResponse", [
      xmlElement("Error", [
        xmlText("Code", error.code),
        xmlText("Message", error.message),
        ...Object.entries(error.details).map(([name, value]) => xmlText(name, value)),
      ]),
      xmlText("RequestId", requestId),
      xmlText("HostId", hostId),
    ]),
  );
}
