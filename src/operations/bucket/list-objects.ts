/** ListObjects, version 1 (API_ListObjects). */
import { parseListObjectsParameters } from "../../protocol/list-parameters.ts";
import { formatListBucketResult } from "../../protocol/xml/list-bucket-result.ts";
import { operation, requireBucket } from "../operation.ts";
import { ownerNamer } from "./owners.ts";

export const ListObjects = operation({
  name: "ListObjects",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request), ...parseListObjectsParameters(request.query) }),
  requires: ({ bucket }) => [{ action: "s3:ListBucket", bucket }],
  async execute(input, { grant, stores }) {
    const bucket = grant.bucket(input.bucket);
    return { bucket, page: await stores.objects.list(bucket, { ...input, after: input.marker }) };
  },
  respond: ({ bucket, page }, input) => ({
    status: 200,
    headers: { "x-amz-bucket-region": bucket.region },
    body: formatListBucketResult({
      ...input,
      page,
      nextMarker: page.isTruncated && input.delimiter !== "" ? page.last : undefined,
      ownerOf: ownerNamer(bucket),
    }),
  }),
});
