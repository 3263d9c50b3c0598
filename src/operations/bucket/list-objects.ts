/** ListObjects, version 1 (API_ListObjects). */

import { locationOf } from "../../model/bucket.ts";
import type { ListPage } from "../../model/object.ts";
import { parseListObjectsParameters } from "../../protocol/query-parameters.ts";
import { formatListBucketResult } from "../../protocol/xml/listings.ts";
import { noBody, operation, requireBucket } from "../operation.ts";
import { ownerNamer } from "./owners.ts";

export const ListObjects = operation({
  name: "ListObjects",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request), ...parseListObjectsParameters(request.query) }),
  requires: ({ bucket }) => [{ action: "s3:ListBucket", on: "bucket", bucket }],
  async execute(input, { grant, stores }) {
    const bucket = grant.bucket(input.bucket);
    return { bucket, page: await stores.objects.list(bucket, { ...input, after: input.marker }) };
  },
  respond: ({ bucket, page }, input) => ({
    status: 200,
    headers: { "x-amz-bucket-region": locationOf(bucket).region },
    body: formatListBucketResult({
      ...input,
      page,
      nextMarker: nextMarker(page, input.delimiter),
      ownerOf: ownerNamer(bucket),
    }),
  }),
});

/**
 * AWS returns it only with a delimiter; without one, clients continue after the last key of the page. It is also
 * returned if the page covers more keys than it shows.
 */
function nextMarker({ isTruncated, last, objects }: ListPage, delimiter: string): string | undefined {
  return isTruncated && (delimiter !== "" || objects.at(-1)?.key !== last) ? last : undefined;
}
