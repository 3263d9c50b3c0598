/** ListObjectsV2 (API_ListObjectsV2). */
import { locationOf } from "../../model/bucket.ts";
import { formatContinuationToken, parseContinuationToken } from "../../protocol/continuation-token.ts";
import { parseListObjectsV2Parameters } from "../../protocol/query-parameters.ts";
import { formatListBucketResultV2 } from "../../protocol/xml/listings.ts";
import { noBody, operation, requireBucket } from "../operation.ts";
import { ownerNamer } from "./owners.ts";

export const ListObjectsV2 = operation({
  name: "ListObjectsV2",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request), ...parseListObjectsV2Parameters(request.query) }),
  requires: ({ bucket }) => [{ action: "s3:ListBucket", on: "bucket", bucket }],
  async execute(input, { grant, stores, deployment: { tokenKey } }) {
    const bucket = grant.bucket(input.bucket);
    const { continuationToken } = input;
    const after =
      continuationToken === undefined
        ? (input.startAfter ?? "")
        : await parseContinuationToken(tokenKey, bucket.id, continuationToken);
    const page = await stores.objects.list(bucket, { ...input, after });
    const next = page.isTruncated ? await formatContinuationToken(tokenKey, bucket.id, page.last) : undefined;
    return { bucket, page, next };
  },
  respond: ({ bucket, page, next }, input) => ({
    status: 200,
    headers: { "x-amz-bucket-region": locationOf(bucket).region },
    body: formatListBucketResultV2({
      ...input,
      // Ignored if there is a token, and then not repeated in the answer (seen on AWS, LocalStack's recordings).
      startAfter: input.continuationToken === undefined ? input.startAfter : undefined,
      page,
      nextContinuationToken: next,
      ownerOf: input.fetchOwner ? ownerNamer(bucket) : undefined,
    }),
  }),
});
