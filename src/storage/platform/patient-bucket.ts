import { inTime } from "../../model/deadline.ts";
import { R2_TOO_MANY_WRITES, r2ErrorCode } from "../platform-errors.ts";
import { keepWaits, type Waits } from "./waits.ts";

/** How often a write is made that R2 refuses because it is too early for its key. */
const MAX_WRITES = 4;

/**
 * The bucket, whose calls end. R2 takes one write a second and key: a write that comes too early and is in memory is made again,
 * since some operations put an entry twice and others come in pairs. A put of a stream has no deadline: `streamBody` watches its progress.
 */
export function patientBucket(bucket: R2Bucket, waits: Waits): R2Bucket {
  const ms = waits.callMs;
  const patient = {
    head: (...call: Parameters<R2Bucket["head"]>) => inTime(bucket.head(...call), { ms, what: "R2 head" }),
    get: (key: string, options?: R2GetOptions) =>
      inTime<R2ObjectBody | R2Object | null>(bucket.get(key, options), { ms, what: "R2 get", free: cancelBody }),
    list: (options?: R2ListOptions) => inTime(bucket.list(options), { ms, what: "R2 list" }),
    put: (key: string, value: ReadableStream | ArrayBuffer | ArrayBufferView | string, options?: R2PutOptions) =>
      value instanceof ReadableStream
        ? bucket.put(key, value, options)
        : inItsTurn(() => inTime(bucket.put(key, value, options), { ms, what: "R2 put" }), waits),
    delete: (keys: string | string[]) => inItsTurn(() => inTime(bucket.delete(keys), { ms, what: "R2 delete" }), waits),
    // Of adopted buckets only: elsewhere parts are objects of their own.
    createMultipartUpload: async (...call: Parameters<R2Bucket["createMultipartUpload"]>) =>
      patientUpload(await inTime(bucket.createMultipartUpload(...call), { ms, what: "R2 createMultipartUpload" }), ms),
    resumeMultipartUpload: (...call: Parameters<R2Bucket["resumeMultipartUpload"]>) =>
      patientUpload(bucket.resumeMultipartUpload(...call), ms),
  };
  return keepWaits(patient as unknown as R2Bucket, waits);
}

/** The upload, whose calls end, except that of a part that is streamed. */
function patientUpload(upload: R2MultipartUpload, ms: number): R2MultipartUpload {
  return {
    key: upload.key,
    uploadId: upload.uploadId,
    uploadPart: (partNumber, value, options) => {
      const part = upload.uploadPart(partNumber, value, options);
      return value instanceof ReadableStream ? part : inTime(part, { ms, what: "R2 uploadPart" });
    },
    complete: (parts) => inTime(upload.complete(parts), { ms, what: "R2 complete" }),
    abort: () => inTime(upload.abort(), { ms, what: "R2 abort" }),
  };
}

async function inItsTurn<Result>(write: () => Promise<Result>, { pauseMs }: Waits): Promise<Result> {
  for (let writes = 1; ; writes++) {
    try {
      return await write();
    } catch (error) {
      if (r2ErrorCode(error) !== R2_TOO_MANY_WRITES || writes === MAX_WRITES) throw error;
    }
    // So that writers which were refused together do not meet again.
    await scheduler.wait(pauseMs * (1 + Math.random() / 2));
  }
}

function cancelBody(late: R2ObjectBody | R2Object | null): void {
  if (late !== null && "body" in late) late.body.cancel().catch(() => undefined);
}
