/**
 * The documents with a bucket's region: the request of CreateBucket (API_CreateBucket) and the answer of
 * GetBucketLocation (API_GetBucketLocation).
 */
import { S3Error } from "../../errors.ts";
import type { Tag } from "../../model/object.ts";
import { validateTags } from "../tags.ts";
import { childText, findChild, parseXml, requireOnly } from "./reader.ts";
import { parseTagElements } from "./tagging.ts";
import { formatDocument, S3_NAMESPACE, xmlText } from "./writer.ts";

export interface CreateBucketConfiguration {
  /** As sent; undefined if absent. */
  readonly locationConstraint: string | undefined;
  readonly tags: readonly Tag[];
}

const MAX_BYTES = 64 * 1024;

/**
 * An empty body asks for a bucket in the default region.
 *
 * @throws S3Error `MalformedXML`; `InvalidTag`; `NotImplemented` for directory buckets (`Location`, `Bucket`).
 */
export function parseCreateBucketConfiguration(body: Uint8Array): CreateBucketConfiguration {
  if (body.byteLength === 0) return { locationConstraint: undefined, tags: [] };
  const root = parseXml(body, "CreateBucketConfiguration", { maxBytes: MAX_BYTES });
  requireOnly(root, ["LocationConstraint", "Location", "Bucket", "Tags"]);
  if (findChild(root, "Location") !== undefined || findChild(root, "Bucket") !== undefined) {
    throw new S3Error("NotImplemented", { message: "Directory buckets are not implemented." });
  }
  const tags = findChild(root, "Tags");
  return {
    locationConstraint: childText(root, "LocationConstraint"),
    tags: tags === undefined ? [] : validateTags(parseTagElements(tags), "new bucket"),
  };
}

/** The root element is the value. The default region of S3, us-east-1, is written as the empty constraint. */
export function formatLocationConstraint(region: string): string {
  const constraint = region === "us-east-1" ? "" : region;
  return formatDocument(xmlText("LocationConstraint", constraint, { xmlns: S3_NAMESPACE }));
}
