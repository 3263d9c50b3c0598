/** What answers announce about lifecycle rules. */
import type { Bucket } from "../../model/bucket.ts";
import { expirationOf, type LifecycleRule, uploadAbortion } from "../../model/lifecycle.ts";
import type { Tag } from "../../model/object.ts";
import { formatHttpDate } from "../../protocol/dates.ts";
import { uriEncode } from "../../protocol/percent-encoding.ts";

interface CurrentObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly tags: readonly Tag[];
  readonly lastModified: Date;
}

/** "x-amz-expiration: … The value of the rule-id is URL-encoded" (API_PutObject). For the current version only. */
export function expirationHeader({ documents }: Bucket, object: CurrentObject): Record<string, string> {
  const expiration = documents.lifecycle && expirationOf(documents.lifecycle, object);
  if (expiration === undefined) return {};
  const { at, ruleId } = expiration;
  return { "x-amz-expiration": `expiry-date="${formatHttpDate(at)}", rule-id="${uriEncode(ruleId)}"` };
}

/** Whether the announcement depends on the tags of the object. */
export function announcesByTags({ documents }: Bucket): boolean {
  const isByTags = ({ isEnabled, expiration, filter }: LifecycleRule) =>
    isEnabled && expiration !== undefined && filter.tags.length > 0;
  return documents.lifecycle?.rules.some(isByTags) ?? false;
}

/** `x-amz-abort-date` and `x-amz-abort-rule-id` (API_CreateMultipartUpload). */
export function abortionHeaders(
  { documents }: Bucket,
  upload: { readonly key: string; readonly initiatedAt: Date },
): Record<string, string> {
  const abortion = documents.lifecycle && uploadAbortion(documents.lifecycle, upload);
  if (abortion === undefined) return {};
  return { "x-amz-abort-date": formatHttpDate(abortion.at), "x-amz-abort-rule-id": uriEncode(abortion.ruleId) };
}
