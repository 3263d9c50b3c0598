/** ListBuckets (API_ListBuckets): the caller's buckets, by name. */
import { invalidArgument, S3Error } from "../../errors.ts";
import { type Bucket, bucketArn, locationOf } from "../../model/bucket.ts";
import type { Account } from "../../model/caller.ts";
import { formatContinuationToken, parseContinuationToken } from "../../protocol/continuation-token.ts";
import { isAwsRegion } from "../../protocol/regions.ts";
import { formatListAllMyBucketsResult } from "../../protocol/xml/listings.ts";
import { noBody, operation } from "../operation.ts";

const MAX_PAGE = 10_000;
const TOKEN_SCOPE = "buckets";

export const ListBuckets = operation({
  name: "ListBuckets",
  body: noBody,
  parse: ({ query }) => ({
    prefix: query.get("prefix"),
    region: query.get("bucket-region"),
    token: query.get("continuation-token"),
    maxBuckets: parseMaxBuckets(query.get("max-buckets")),
  }),
  requires: () => [{ action: "s3:ListAllMyBuckets", on: "account" }],
  async execute(input, { grant, stores, deployment, request }) {
    const { tokenKey, regions } = deployment;
    const { caller } = grant;
    if (caller.kind !== "account") throw new S3Error("AccessDenied");
    requireRegion(input.region, [...regions, request.signedRegion]);
    const scope = `${TOKEN_SCOPE}/${caller.account.id}`;
    const found = await stores.buckets.list(grant, caller.account.id, {
      prefix: input.prefix ?? "",
      region: input.region,
      // An empty token means the first page, unlike in ListObjectsV2 (seen on AWS, LocalStack's recordings).
      after: !input.token ? "" : await parseContinuationToken(tokenKey, scope, input.token),
      limit: input.maxBuckets,
    });
    const page = found.slice(0, input.maxBuckets);
    const last = found.length > page.length ? page.at(-1)?.name : undefined;
    const next = last === undefined ? undefined : await formatContinuationToken(tokenKey, scope, last);
    return { account: caller.account, page, next };
  },
  respond: ({ account, page, next }: { account: Account; page: Bucket[]; next: string | undefined }, input) => ({
    status: 200,
    body: formatListAllMyBucketsResult({
      owner: { id: account.canonicalId, displayName: account.displayName },
      buckets: page.map((bucket) => ({
        name: bucket.name,
        createdAt: bucket.createdAt,
        region: locationOf(bucket).region,
        arn: bucketArn(bucket.name),
      })),
      continuationToken: next,
      prefix: input.prefix,
    }),
  }),
});

/** @throws S3Error `InvalidArgument` for a name that is neither a region of AWS nor a region of this deployment */
function requireRegion(name: string | undefined, own: readonly (string | undefined)[]): void {
  if (name === undefined || isAwsRegion(name) || own.includes(name)) return;
  // Without ArgumentValue, as recorded on AWS.
  throw new S3Error("InvalidArgument", {
    message: `Argument value ${name} is not a valid AWS Region`,
    details: { ArgumentName: "bucket-region" },
  });
}

function parseMaxBuckets(text: string | undefined): number {
  if (text === undefined) return MAX_PAGE;
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > MAX_PAGE) {
    throw invalidArgument(`max-buckets must be an integer between 1 and ${MAX_PAGE}`, "max-buckets", text);
  }
  return value;
}
