/** UploadPartCopy (API_UploadPartCopy): a part out of an object that is already there, or out of a range of it. */
import { invalidArgument, S3Error } from "../../errors.ts";
import type { ByteRange } from "../../model/object.ts";
import { ENCRYPTED_AT_REST } from "../../protocol/object-headers.ts";
import { formatCopyPartResult } from "../../protocol/xml/multipart-uploads.ts";
import type { OpenedObject } from "../../storage/r2/opened-object.ts";
import { openCopySource, parseCopySourceInput, requireCopyableSize } from "../object/copy-source.ts";
import { noBody, operation } from "../operation.ts";
import { parsePartAddress } from "./part-address.ts";

const RANGE_HEADER = "x-amz-copy-source-range";

export const UploadPartCopy = operation({
  name: "UploadPartCopy",
  body: noBody,
  parse(request) {
    return {
      ...parsePartAddress(request),
      source: parseCopySourceInput(request),
      range: parseCopyRange(request.headers.get(RANGE_HEADER)),
    };
  },
  requires: ({ bucket, key, source }) => [
    { action: "s3:PutObject", bucket, key },
    { action: "s3:GetObject", bucket: source.bucket, key: source.key },
  ],
  async execute({ bucket, key, uploadId, partNumber, source, range }, { grant, stores }) {
    const opened = await openCopySource({ objects: stores.objects, grant }, source, range);
    try {
      requireCopyableRange(opened, range);
      return await stores.uploads.copyPart(grant.bucket(bucket), key, uploadId, partNumber, opened);
    } catch (error) {
      await opened.discard().catch(() => {});
      throw error;
    }
  },
  respond: (part) => ({ status: 200, headers: ENCRYPTED_AT_REST, body: formatCopyPartResult(part) }),
});

/** Both ends of the range, which S3 insists on here. */
interface CopyRange extends Extract<ByteRange, { kind: "from" }> {
  readonly last: number;
  readonly header: string;
}

/** Unlike `Range`, a malformed value is an error. */
function parseCopyRange(header: string | null): CopyRange | undefined {
  if (header === null) return undefined;
  const [, first, last] = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(header) ?? [];
  if (first === undefined || last === undefined || Number(first) > Number(last)) {
    const message =
      "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy";
    throw invalidArgument(message, RANGE_HEADER, header);
  }
  return { kind: "from", first: Number(first), last: Number(last), header };
}

/** Unlike `Range`, one that reaches beyond the end is not cut short. The two messages are AWS's. */
function requireCopyableRange({ object: { sizeBytes } }: OpenedObject, range: CopyRange | undefined): void {
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
    throw invalidArgument(message, RANGE_HEADER, range.header);
  }
  requireCopyableSize(range.last - range.first + 1);
}
