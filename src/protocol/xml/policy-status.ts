/** Answer of GetBucketPolicyStatus (API_GetBucketPolicyStatus). */
import { formatXml, xmlText } from "./writer.ts";

export function formatPolicyStatus(isPublic: boolean): string {
  return formatXml("PolicyStatus", [xmlText("IsPublic", isPublic)]);
}
