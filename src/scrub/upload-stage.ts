/** The open uploads of a bucket: their rows, what their Durable Objects have recorded, and the blobs of their parts. */
import type { OpenUploadRow } from "../storage/d1/scrub-rows.ts";
import { blobSetOfUpload } from "../storage/uploads/upload-id.ts";
import { type Fault, fault } from "./findings.ts";
import type { Stage } from "./position.ts";
import type { BucketFacts } from "./record-checks.ts";
import { COMPLETE, type Progress, type StepContext } from "./step-context.ts";

export type UploadStage = Extract<Stage, { stage: "uploads" }>;

/** S3's limit. */
const MAX_PARTS = 10_000;
/** One to the Durable Object and up to eleven to R2, twice. */
const CALLS_FOR_UPLOAD = 24;

export async function checkUploads(at: UploadStage, bucket: BucketFacts, context: StepContext): Promise<Progress> {
  const { reads, budget, findings } = context;
  const uploads = await reads.rows.uploads(at.bucketId, at);
  if (uploads.length === 0) return COMPLETE;
  const done = await budget.inOrder(
    uploads,
    () => CALLS_FOR_UPLOAD,
    async (upload) => {
      for (const found of await checkUpload(upload, bucket, context)) {
        findings.push({ ...found, bucket: bucket.name, key: upload.key });
      }
      return true;
    },
  );
  const { key, uploadId } = uploads[done - 1] ?? at;
  return { at: { ...at, key, uploadId }, isStopped: done < uploads.length };
}

/** What is wrong in both of two looks: a part may be uploaded again in between, or the upload may end. */
async function checkUpload(
  upload: OpenUploadRow,
  bucket: BucketFacts,
  context: StepContext,
): Promise<readonly Fault[]> {
  const first = await look(upload, bucket, context);
  context.tally.add(first === "ended" ? "endedUploadRows" : "openUploads");
  if (first === "ended" || first.length === 0) return [];
  const second = await look(upload, bucket, context);
  if (second === "ended") return [];
  const nameOf = ({ kind, subject }: Fault) => `${kind} ${subject}`;
  const names = new Set(first.map(nameOf));
  return second.filter((found) => names.has(nameOf(found)));
}

async function look(
  { key, uploadId }: OpenUploadRow,
  { bucketId, region }: BucketFacts,
  { reads }: StepContext,
): Promise<readonly Fault[] | "ended"> {
  const blobSetId = blobSetOfUpload(uploadId);
  const { upload } = await reads.blobSet(blobSetId, { after: 0, limit: MAX_PARTS });
  if (upload === undefined || upload.state === "completed" || upload.state === "aborted") return "ended";
  const isSame =
    upload.bucketId === bucketId && upload.region === region && upload.key === key && upload.uploadId === uploadId;
  if (!isSame) return [fault("upload-differs", "its Durable Object is of another upload", uploadId)];
  if (upload.parts.length === 0) return [];
  const { blobs } = await reads.blobs(region, blobSetId, { expected: upload.parts.length });
  return upload.parts.flatMap(({ partNumber, blobName, sizeBytes }) => {
    const blob = blobs.get(blobName);
    const subject = `${blobSetId}/${blobName}`;
    if (blob === undefined) return [fault("blob-missing", `part ${partNumber} of upload ${uploadId}`, subject)];
    if (blob.sizeBytes === sizeBytes) return [];
    return [fault("blob-size-differs", `part ${partNumber} of upload ${uploadId}`, subject)];
  });
}
