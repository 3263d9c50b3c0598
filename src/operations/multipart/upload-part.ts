/** UploadPart (API_UploadPart). A part that is uploaded again replaces the previous one. */
import { checksumHeader } from "../../model/checksum.ts";
import { digestRequired } from "../../model/object-lock.ts";
import { formatETag } from "../../protocol/header-values.ts";
import { encryptionHeaders } from "../../protocol/object-headers.ts";
import { statesBodyDigest } from "../../protocol/object-lock-headers.ts";
import { presentedForWrite } from "../object/customer-key.ts";
import { encryptionOfPart } from "../object/encryption.ts";
import { objectBody, operation } from "../operation.ts";
import { parsePartAddress } from "./part-address.ts";

export const UploadPart = operation({
  name: "UploadPart",
  body: objectBody({ md5ShownIn: "base64" }),
  parse: (request) => ({
    ...parsePartAddress(request),
    customerKey: presentedForWrite(request.headers),
    statesDigest: statesBodyDigest(request.headers),
  }),
  requires: ({ bucket, key }) => [{ action: "s3:PutObject", on: "object", bucket, key }],
  async execute({ bucket: name, key, uploadId, customerKey, ...part }, context, body) {
    const { grant, stores } = context;
    const bucket = grant.bucket(name);
    const isLocking = bucket.documents.objectLock?.defaultRetention !== undefined;
    if (isLocking && !part.statesDigest) throw digestRequired("Put Part");
    const upload = { bucket, key, uploadId };
    const { encryption, contentKey } = await encryptionOfPart(upload, customerKey, context);
    const stored = await stores.quotas.around(
      bucket,
      { bytes: body.sizeBytes },
      { write: () => stores.uploads.putPart(upload, { ...part, contentKey }, body) },
    );
    return { ...stored, encryption };
  },
  respond: ({ etag, checksum, encryption }, { customerKey }) => ({
    status: 200,
    headers: {
      etag: formatETag(etag),
      ...encryptionHeaders(encryption, customerKey?.read().md5),
      ...(checksum && { [checksumHeader(checksum.algorithm)]: checksum.value }),
    },
  }),
});
