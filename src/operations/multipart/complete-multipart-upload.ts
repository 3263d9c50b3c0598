/**
 * CompleteMultipartUpload (API_CompleteMultipartUpload) makes an object of parts. What the request states about the
 * finished object is checked by the upload, which knows its parts.
 */
import type { GrantedBucket } from "../../access/authorize.ts";
import { parseBase64 } from "../../checksum/digests.ts";
import { invalidArgument, S3Error } from "../../errors.ts";
import { CHECKSUM_ALGORITHMS, CHECKSUM_BYTES, type Checksum, checksumHeader } from "../../model/checksum.ts";
import type { Tag } from "../../model/object.ts";
import type { CompletedPart, CompletionRequest } from "../../model/upload.ts";
import { parseChecksumType } from "../../protocol/checksum-algorithm.ts";
import { parseWriteCondition } from "../../protocol/conditions.ts";
import { encryptionHeaders } from "../../protocol/object-headers.ts";
import { refuseVersionId } from "../../protocol/query-parameters.ts";
import { parseReplicaState } from "../../protocol/replica-state.ts";
import {
  formatCompleteMultipartUploadResult,
  MAX_COMPLETE_MULTIPART_UPLOAD_BYTES,
  parseCompleteMultipartUpload,
} from "../../protocol/xml/multipart-uploads.ts";
import type { Stores } from "../../storage/stores.ts";
import { presentedForWrite } from "../object/customer-key.ts";
import { requireCompletionKey } from "../object/encryption.ts";
import { announcesByTags, expirationHeader } from "../object/lifecycle-headers.ts";
import {
  created,
  formatObjectUrl,
  newVersionHeader,
  permissionToCompare,
  permissionToReplicate,
} from "../object/write-input.ts";
import { documentBody, operation } from "../operation.ts";
import { parseUploadAddress } from "./part-address.ts";

const OBJECT_SIZE_HEADER = "x-amz-mp-object-size";

export const CompleteMultipartUpload = operation({
  name: "CompleteMultipartUpload",
  // x-amz-checksum-* is about the object here, not about the document.
  body: documentBody({ maxBytes: MAX_COMPLETE_MULTIPART_UPLOAD_BYTES, digest: "content-md5" }),
  parse(request) {
    const { headers } = request;
    refuseVersionId(request.query);
    return {
      ...parseUploadAddress(request),
      expected: parseExpectations(headers),
      customerKey: presentedForWrite(headers),
      condition: parseWriteCondition(headers),
      replicaOf: parseReplicaState(headers, request.now, "write"),
      location: formatObjectUrl(request, "keep-slash"),
    };
  },
  requires: ({ bucket, key, condition, replicaOf }) => [
    { action: "s3:PutObject", on: "object", bucket, key },
    ...permissionToReplicate("s3:ReplicateObject", { bucket, key }, replicaOf),
    ...permissionToCompare({ bucket, key }, condition),
  ],
  async execute(input, context, body) {
    const { grant, stores, journal } = context;
    const { bucket: name, key, uploadId, expected, customerKey, condition, replicaOf } = input;
    customerKey?.read();
    const bucket = grant.bucket(name);
    const upload = { bucket, key, uploadId };
    const parts = await parseParts(body, () => stores.uploads.requireOpen(upload));
    await requireCompletionKey(upload, customerKey, context);
    const completed = await journal.write(
      bucket,
      { key, event: "ObjectCreated:CompleteMultipartUpload", ...(replicaOf && { replicaOf }) },
      {
        // The bytes were added with the parts.
        adds: { objects: 1 },
        commit: (ticket) =>
          stores.uploads.complete(upload, { request: { parts, ...expected }, ticket, ...(condition && { condition }) }),
        // A call that is repeated after a crash has the answer of the first call, whose event may not have been sent. A
        // second event does no harm.
        describe: ({ writeId, ...outcome }) => ({ ...created(outcome), writeId }),
      },
    );
    const tags = announcesByTags(bucket) ? await findTags(stores.objects, { bucket, key, ...completed }) : [];
    return { ...completed, expiration: expirationHeader(bucket, { ...completed, key, tags }) };
  },
  respond: ({ etag, sizeBytes, checksum, versionId, encryption, expiration }, { bucket, key, location }) => ({
    status: 200,
    headers: { ...encryptionHeaders(encryption), ...newVersionHeader(versionId), ...expiration },
    body: formatCompleteMultipartUploadResult({ location, bucket, key, etag, checksum }),
    detail: { objectSizeBytes: sizeBytes },
  }),
});

/** The tags of the new object, which were given when the upload was created. A failure must not undo the answer. */
async function findTags(
  objects: Stores["objects"],
  {
    bucket,
    key,
    versionId,
  }: { readonly bucket: GrantedBucket; readonly key: string; readonly versionId?: string | undefined },
): Promise<readonly Tag[]> {
  const object = await objects.head(bucket, { key, versionId }).catch(() => undefined);
  return object?.tags ?? [];
}

/** NoSuchUpload takes precedence over errors of the document (seen on AWS). */
async function parseParts(body: Uint8Array, requireUpload: () => Promise<void>): Promise<readonly CompletedPart[]> {
  try {
    const parts = parseCompleteMultipartUpload(body);
    for (const part of parts) requireOneChecksum(part);
    return parts;
  } catch (error) {
    await requireUpload();
    throw error;
  }
}

function parseExpectations(headers: Headers): Omit<CompletionRequest, "parts"> {
  const checksum = parseExpectedChecksum(headers);
  const checksumType = parseChecksumType(headers);
  const objectSizeBytes = parseObjectSize(headers.get(OBJECT_SIZE_HEADER));
  return {
    ...(checksum !== undefined && { checksum }),
    ...(checksumType !== undefined && { checksumType }),
    ...(objectSizeBytes !== undefined && { objectSizeBytes }),
  };
}

function parseExpectedChecksum(headers: Headers): Omit<Checksum, "type"> | undefined {
  const [algorithm, ...others] = CHECKSUM_ALGORITHMS.filter((name) => headers.has(checksumHeader(name)));
  if (algorithm === undefined) return undefined;
  if (others.length > 0) {
    throw new S3Error("InvalidRequest", {
      message: "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    });
  }
  const header = checksumHeader(algorithm);
  const value = headers.get(header) ?? "";
  // A composite value ends with the number of parts.
  if (parseBase64(value.replace(/-\d{1,5}$/, ""), CHECKSUM_BYTES[algorithm]) === undefined) {
    throw new S3Error("InvalidRequest", { message: `Value for ${header} header is invalid.` });
  }
  return { algorithm, value };
}

function parseObjectSize(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,15}$/.test(header)) return Number(header);
  const fault = /^-\d+$/.test(header) ? "less than zero" : "invalid";
  throw new S3Error("InvalidRequest", { message: `Value for ${OBJECT_SIZE_HEADER} header is ${fault}: '${header}'` });
}

/** @throws S3Error `InvalidArgument` for a part with several checksums or with an invalid one */
function requireOneChecksum({ checksums }: CompletedPart): void {
  const [first, ...others] = checksums;
  if (first === undefined) return;
  if (others.length === 0 && parseBase64(first.value, CHECKSUM_BYTES[first.algorithm]) !== undefined) return;
  const shown =
    others.length === 0 ? first.value : checksums.map(({ algorithm, value }) => `${algorithm}:${value};`).join("");
  throw invalidArgument("Invalid Base64 or multiple checksums present in request", "Checksum", shown);
}
