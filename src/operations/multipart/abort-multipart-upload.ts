/** AbortMultipartUpload (API_AbortMultipartUpload). */
import { noBody, operation } from "../operation.ts";
import { parseUploadAddress } from "./part-address.ts";

export const AbortMultipartUpload = operation({
  name: "AbortMultipartUpload",
  body: noBody,
  parse: parseUploadAddress,
  requires: ({ bucket, key }) => [{ action: "s3:AbortMultipartUpload", on: "object", bucket, key }],
  execute: async ({ bucket, key, uploadId }, { grant, stores }) =>
    stores.uploads.abort({ bucket: grant.bucket(bucket), key, uploadId }),
  respond: () => ({ status: 204 }),
});
