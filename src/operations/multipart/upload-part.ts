/** UploadPart (API_UploadPart). A part that is uploaded again replaces the previous one. */
import { checksumHeader } from "../../model/checksum.ts";
import { digestRequired } from "../../model/object-lock.ts";
import { formatETag } from "../../protocol/header-values.ts";
import { ENCRYPTED_AT_REST } from "../../protocol/object-headers.ts";
import { statesBodyDigest } from "../../protocol/object-lock-headers.ts";
import { objectBody, operation } from "../operation.ts";
import { parsePartAddress } from "./part-address.ts";

export const UploadPart = operation({
  name: "UploadPart",
  body: objectBody({ md5ShownIn: "base64" }),
  parse: (request) => ({ ...parsePartAddress(request), statesDigest: statesBodyDigest(request.headers) }),
  requires: ({ bucket, key }) => [{ action: "s3:PutObject", on: "object", bucket, key }],
  async execute({ bucket: name, key, uploadId, ...part }, { grant, stores }, body) {
    const bucket = grant.bucket(name);
    const isLocking = bucket.documents.objectLock?.defaultRetention !== undefined;
    if (isLocking && !part.statesDigest) throw digestRequired("Put Part");
    return stores.uploads.putPart({ bucket, key, uploadId }, part, body);
  },
  respond: ({ etag, checksum }) => ({
    status: 200,
    headers: {
      etag: formatETag(etag),
      ...ENCRYPTED_AT_REST,
      ...(checksum && { [checksumHeader(checksum.algorithm)]: checksum.value }),
    },
  }),
});
