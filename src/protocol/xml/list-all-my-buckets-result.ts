/** Answer of ListBuckets (API_ListBuckets). */
import { formatIso8601 } from "../dates.ts";
import { type Owner, ownerNode } from "./owner.ts";
import { formatXml, xmlElement, xmlOptional, xmlText } from "./writer.ts";

export interface ListAllMyBucketsResult {
  readonly owner: Owner;
  readonly buckets: readonly {
    readonly name: string;
    readonly createdAt: Date;
    readonly region: string;
    readonly arn: string;
  }[];
  /** Where the next page begins; undefined on the last. */
  readonly continuationToken: string | undefined;
  /** As asked for; undefined if not asked for. */
  readonly prefix: string | undefined;
}

export function formatListAllMyBucketsResult(result: ListAllMyBucketsResult): string {
  return formatXml("ListAllMyBucketsResult", [
    ownerNode("Owner", result.owner),
    xmlElement(
      "Buckets",
      result.buckets.map((bucket) =>
        xmlElement("Bucket", [
          xmlText("Name", bucket.name),
          xmlText("CreationDate", formatIso8601(bucket.createdAt)),
          xmlText("BucketRegion", bucket.region),
          xmlText("BucketArn", bucket.arn),
        ]),
      ),
    ),
    xmlOptional("ContinuationToken", result.continuationToken),
    xmlOptional("Prefix", result.prefix),
  ]);
}
