/** CreateMultipartUpload (API_CreateMultipartUpload): all properties of the object except its bytes. */
import { parseAclHeaders } from "../../protocol/acl-headers.ts";
import {
  CHECKSUM_ALGORITHM_HEADER,
  CHECKSUM_TYPE_HEADER,
  parseUploadChecksum,
} from "../../protocol/checksum-algorithm.ts";
import { writtenEncryptionHeaders } from "../../protocol/object-headers.ts";
import { parseLockHeaders } from "../../protocol/object-lock-headers.ts";
import { formatInitiateMultipartUploadResult } from "../../protocol/xml/multipart-uploads.ts";
import { encryptionOfWrite, parseWrittenEncryption, sealedWith } from "../object/encryption.ts";
import { abortionHeaders } from "../object/lifecycle-headers.ts";
import { ownerAndAcl, parseAttributes, permissionsToWrite, requireLockable } from "../object/write-input.ts";
import { noBody, operation, requireObject } from "../operation.ts";

export const CreateMultipartUpload = operation({
  name: "CreateMultipartUpload",
  body: noBody,
  parse(request) {
    const { headers, now } = request;
    return {
      ...requireObject(request),
      attributes: parseAttributes(headers),
      acl: parseAclHeaders(headers, "object"),
      lock: parseLockHeaders(headers, now),
      ...parseWrittenEncryption(headers),
      checksum: parseUploadChecksum(headers),
      now,
    };
  },
  requires: ({ bucket, key, attributes, acl, lock }) =>
    permissionsToWrite({ bucket, key }, { tags: attributes.tags, acl, lock }),
  async execute(input, context) {
    const { key, attributes, acl, lock, checksum, now } = input;
    const { grant, stores } = context;
    const bucket = grant.bucket(input.bucket);
    // The default retention begins with the object, when the upload is completed.
    const requested = requireLockable(lock, bucket);
    const locked = requested === undefined ? {} : { lock: requested };
    const sealing = await encryptionOfWrite({ bucket, key }, input, { keys: context });
    const owned = { ...attributes, ...ownerAndAcl(grant.caller, bucket, acl), ...locked, ...sealedWith(sealing) };
    // Where not even an object of one byte has room.
    stores.quotas.requireRoom(bucket, { objects: 1, bytes: 1 });
    const uploadId = await stores.uploads.create({ bucket, key, attributes: owned, checksum, now });
    return { uploadId, encryption: sealing.encryption, abortion: abortionHeaders(bucket, { key, initiatedAt: now }) };
  },
  respond: ({ uploadId, encryption, abortion }, { bucket, key, checksum, customerKey }) => ({
    status: 200,
    headers: {
      ...writtenEncryptionHeaders(encryption, customerKey?.read().md5),
      ...abortion,
      ...(checksum && { [CHECKSUM_ALGORITHM_HEADER]: checksum.algorithm, [CHECKSUM_TYPE_HEADER]: checksum.type }),
    },
    body: formatInitiateMultipartUploadResult({ bucket, key, uploadId }),
  }),
});
