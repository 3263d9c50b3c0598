/** UploadPart (API_UploadPart). A part that is uploaded again replaces the previous one. */
import { checksumHeader } from "../../model/checksum.ts";
import { formatETag } from "../../protocol/header-values.ts";
import { ENCRYPTED_AT_REST } from "../../protocol/object-headers.ts";
import { objectBody, operation } from "../operation.ts";
import { parsePartAddress } from "./part-address.ts";

export const UploadPart = operation({
  name: "UploadPart",
  body: objectBody({ md5ShownIn: "base64" }),
  parse: parsePartAddress,
  requires: ({ bucket, key }) => [{ action: "s3:PutObject", on: "object", bucket, key }],
  execute: async ({ bucket, key, uploadId, partNumber }, { grant, stores }, body) =>
    stores.uploads.putPart({ bucket: grant.bucket(bucket), key, uploadId }, partNumber, body),
  respond: ({ etag, checksum }) => ({
    status: 200,
    headers: {
      etag: formatETag(etag),
      ...ENCRYPTED_AT_REST,
      ...(checksum && { [checksumHeader(checksum.algorithm)]: checksum.value }),
    },
  }),
});
