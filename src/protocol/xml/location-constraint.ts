/** Answer of GetBucketLocation (API_GetBucketLocation): the root element is the value. */
import { formatDocument, S3_NAMESPACE } from "./writer.ts";

/** The default region of S3, us-east-1, is written as the empty constraint. */
export function formatLocationConstraint(region: string): string {
  return formatDocument({
    name: "LocationConstraint",
    attributes: { xmlns: S3_NAMESPACE },
    content: region === "us-east-1" ? "" : region,
  });
}
