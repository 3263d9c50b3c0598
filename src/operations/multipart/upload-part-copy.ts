/** UploadPartCopy (API_UploadPartCopy): a part that is copied from an existing object or from a range of one. */
import { invalidArgument, S3Error } from "../../errors.ts";
import { COPY_SOURCE_RANGE_HEADER, type CopySourceRange, parseCopySourceRange } from "../../model/byte-range.ts";
import { encryptionHeaders } from "../../protocol/object-headers.ts";
import { formatCopyPartResult } from "../../protocol/xml/multipart-uploads.ts";
import type { OpenedObject } from "../../storage/r2/opened-object.ts";
import { presentedForWrite } from "../object/customer-key.ts";
import { encryptionOfPart } from "../object/encryption.ts";
import {
  openCopySource,
  parseCopySourceInput,
  permissionToCopy,
  requireCopyableSize,
  sourceVersionHeader,
} from "../object/source-object.ts";
import { noBody, operation } from "../operation.ts";
import { parsePartAddress } from "./part-address.ts";

export const UploadPartCopy = operation({
  name: "UploadPartCopy",
  body: noBody,
  parse(request) {
    return {
      ...parsePartAddress(request),
      source: parseCopySourceInput(request),
      customerKey: presentedForWrite(request.headers),
      range: parseCopySourceRange(request.headers.get(COPY_SOURCE_RANGE_HEADER)),
    };
  },
  requires: ({ bucket, key, source }) => [
    { action: "s3:PutObject", on: "object", bucket, key },
    permissionToCopy(source),
  ],
  async execute({ bucket, key, uploadId, partNumber, source, range, customerKey }, context) {
    const { grant, stores } = context;
    const upload = { bucket: grant.bucket(bucket), key, uploadId };
    const { encryption, contentKey } = await encryptionOfPart(upload, customerKey, context);
    const opened = await openCopySource(context, source, range);
    try {
      requireCopyableRange(opened, range);
      const bytes =
        opened.range === undefined || opened.range === "unsatisfiable" ? opened.object.sizeBytes : opened.range.length;
      const part = await stores.quotas.around(
        upload.bucket,
        { bytes },
        { write: () => stores.uploads.copyPart(upload, { partNumber, contentKey }, opened) },
      );
      return { part, source: opened.object, encryption };
    } catch (error) {
      await opened.discard().catch(() => {});
      throw error;
    }
  },
  respond: ({ part, source, encryption }, { customerKey }) => ({
    status: 200,
    headers: { ...encryptionHeaders(encryption, customerKey?.read().md5), ...sourceVersionHeader(source) },
    body: formatCopyPartResult(part),
  }),
});

/** Unlike `Range`, a range that exceeds the object is refused. Both messages are AWS's. */
function requireCopyableRange({ object: { sizeBytes } }: OpenedObject, range: CopySourceRange | undefined): void {
  if (range === undefined) {
    requireCopyableSize(sizeBytes);
    return;
  }
  if (range.first >= sizeBytes) {
    throw new S3Error("InvalidRequest", {
      message: "The specified copy range is invalid for the source object size",
    });
  }
  if (range.last >= sizeBytes) {
    const message = `Range specified is not valid for source object of size: ${sizeBytes}`;
    throw invalidArgument(message, COPY_SOURCE_RANGE_HEADER, range.header);
  }
  requireCopyableSize(range.last - range.first + 1);
}
