/**
 * The calls of bindings that one request makes in a warm isolate, and what Cloudflare bills for them.
 * `test/worker/billed-units.test.ts` counts each row in the Worker and compares; the request itself and its CPU time come in
 * addition.
 */
export interface BilledUnits {
  readonly r2Calls: number;
  readonly d1Calls: number;
  readonly queueCalls: number;
  /** R2: put, list. */
  readonly classA: number;
  /** R2: get, head. Deletes are free. */
  readonly classB: number;
  readonly d1RowsRead: number;
  readonly d1RowsWritten: number;
  /** Calls of Durable Objects, and the rows of their own databases. */
  readonly objectCalls: number;
  readonly objectRowsRead: number;
  readonly objectRowsWritten: number;
  /** Messages sent to queues; each is billed as a write, a read and a delete. */
  readonly queueMessages: number;
}

export type BilledOperation = keyof typeof UNITS;

function units(billed: Partial<BilledUnits>): BilledUnits {
  return {
    // All calls of R2 are billed except deletes.
    ...{ r2Calls: (billed.classA ?? 0) + (billed.classB ?? 0), d1Calls: 0, queueCalls: billed.queueMessages ?? 0 },
    ...{ classA: 0, classB: 0, d1RowsRead: 0, d1RowsWritten: 0 },
    ...{ objectCalls: 0, objectRowsRead: 0, objectRowsWritten: 0, queueMessages: 0, ...billed },
  };
}

export const UNITS = {
  "GetObject, HeadObject": units({ classB: 1 }),
  "GetObject of an object stored with a trailer": units({ classB: 2 }),
  "GetObject of 16 parts": units({ classB: 17 }),
  PutObject: units({ classA: 1 }),
  "PutObject above 1 MiB, checksum in a trailer": units({ classA: 2 }),
  "PutObject under a notification or replication rule": units({
    ...{ classA: 1, d1Calls: 1, d1RowsWritten: 4, queueMessages: 1 },
  }),
  "event to one URL: fan-out and delivery": units({ d1Calls: 3, d1RowsRead: 13, d1RowsWritten: 3, queueMessages: 1 }),
  "GetObject of a bucket with access logs, the only request in its second": units({ classB: 1, queueMessages: 1 }),
  "object of an access log: the lines of a bucket in 30 seconds": units({ classA: 1 }),
  "DeleteObject, DeleteObjects of 1,000 keys": units({ r2Calls: 1 }),
  "ListObjects, page of 1,000 plain objects": units({ classA: 1 }),
  "ListObjects, page of 1,000 objects uploaded in parts": units({ classA: 11 }),
  CreateMultipartUpload: units({
    ...{
      classB: 1,
      d1Calls: 1,
      d1RowsRead: 1,
      d1RowsWritten: 2,
      objectCalls: 1,
      objectRowsRead: 3,
      objectRowsWritten: 2,
    },
  }),
  UploadPart: units({ classA: 1, objectCalls: 1, objectRowsRead: 16, objectRowsWritten: 1 }),
  "CompleteMultipartUpload of 16 parts": units({
    ...{
      classA: 1,
      classB: 1,
      d1Calls: 1,
      d1RowsRead: 1,
      d1RowsWritten: 1,
      objectCalls: 1,
      objectRowsRead: 51,
      objectRowsWritten: 21,
    },
  }),
  "CopyObject of an object uploaded in parts": units({
    ...{ classA: 1, classB: 1, objectCalls: 1, objectRowsRead: 10, objectRowsWritten: 3 },
  }),
  "CopyObject of a plain object": units({ classA: 1, classB: 1 }),
  "PutObjectTagging, PutObjectAcl": units({ classA: 1, classB: 1 }),
  "first request of an isolate, in addition": units({ d1Calls: 1, d1RowsRead: 4 }),
  "sweeps of 10 minutes, two regions, nothing stored": units({
    ...{ classA: 4, d1Calls: 17, d1RowsRead: 21, d1RowsWritten: 3 },
  }),
  "sweeps of a minute, nothing stored": units({ d1Calls: 3, d1RowsRead: 9 }),
  "run of the lifecycle, no bucket with rules": units({ d1Calls: 1, d1RowsRead: 2 }),
  "run of inventories and usage, nothing due": units({ d1Calls: 2, d1RowsRead: 8 }),
  "start of a run of a schedule, in addition": units({ d1Calls: 1, d1RowsWritten: 1 }),
  "sweep of an object uploaded in parts": units({ classB: 1 }),
} as const;
