/** Four deployments of a month: what they store and do. Sizes are decimal, as providers bill them. */
import type { BilledOperation } from "./billed-units.ts";

/** Which measured request the CPU time of a use is taken from, and how many of it one use is worth. */
export interface CpuBasis {
  readonly request: string;
  readonly times?: number;
}

export interface Use {
  readonly what: string;
  readonly operation: BilledOperation;
  readonly count: number;
  readonly cpu: CpuBasis;
  /** The calls of the same work on R2 or S3 itself: of the class of writes and lists, or of that of reads. */
  readonly plain: "classA" | "classB" | "free";
  /** Part of a scheduled run, which is no request. */
  readonly isScheduled?: boolean;
}

export interface Workload {
  readonly name: string;
  readonly assumes: string;
  readonly storedGb: number;
  /** To the internet. */
  readonly egressGb: number;
  readonly uses: readonly Use[];
}

/** A run every ten minutes makes so many, for all regions (`src/sweeps/blob-sets.ts`). */
export const SWEEP_CALLS_PER_RUN = 8_000;
/** A current object takes one call and its share of a page's two. */
export const SWEPT_OBJECTS_PER_DAY: number = (SWEEP_CALLS_PER_RUN / 1.02) * 6 * 24;
/** With a grace period of a day. */
export const SWEEP_PASSES_PER_DAY = 4;

const GET = { request: "GET 1 KiB" };
const PUT = { request: "PUT 1 KiB" };
const LIST = { request: "list of 1,000 keys" };
const THOUSAND = 1_000;
const MILLION = 1e6;

/** Of a month, with all objects uploaded in parts or stored with a trailer. */
const sweeps = (objects: number): Use => ({
  what: "objects swept",
  operation: "sweep of an object uploaded in parts",
  count: Math.min(objects * SWEEP_PASSES_PER_DAY, SWEPT_OBJECTS_PER_DAY) * 30,
  cpu: GET,
  plain: "free",
  isScheduled: true,
});

const pages = (count: number, of: "plain objects" | "objects uploaded in parts" = "plain objects"): Use => ({
  what: "pages of listings",
  operation: `ListObjects, page of 1,000 ${of}`,
  count,
  cpu: LIST,
  plain: "classA",
});

export const WORKLOADS: readonly Workload[] = [
  {
    name: "Website",
    assumes: "100,000 files, 10 GB; 50 million visits to files of 50 KB on average; 100,000 files replaced.",
    storedGb: 10,
    egressGb: 2_500,
    uses: [
      { what: "reads", operation: "GetObject, HeadObject", count: 50 * MILLION, cpu: GET, plain: "classB" },
      { what: "writes", operation: "PutObject", count: 100 * THOUSAND, cpu: PUT, plain: "classA" },
      pages(THOUSAND),
    ],
  },
  {
    name: "Backups",
    assumes:
      "20 TB in objects of 1 GB, each uploaded in 16 parts of 64 MB; 1,000 new and 1,000 deleted objects; 50 objects restored.",
    storedGb: 20_000,
    egressGb: 50,
    uses: [
      { what: "uploads begun", operation: "CreateMultipartUpload", count: THOUSAND, cpu: PUT, plain: "classA" },
      {
        what: "parts",
        operation: "UploadPart",
        count: 16 * THOUSAND,
        cpu: { request: "PUT 8 MiB, CRC32 trailer", times: 8 },
        plain: "classA",
      },
      {
        what: "uploads completed",
        operation: "CompleteMultipartUpload of 16 parts",
        count: THOUSAND,
        cpu: PUT,
        plain: "classA",
      },
      {
        what: "objects restored",
        operation: "GetObject of 16 parts",
        count: 50,
        cpu: { request: "GET 8 MiB", times: 120 },
        plain: "classB",
      },
      {
        what: "objects deleted",
        operation: "DeleteObject, DeleteObjects of 1,000 keys",
        count: THOUSAND,
        cpu: { request: "DELETE" },
        plain: "free",
      },
      pages(THOUSAND, "objects uploaded in parts"),
      sweeps(20 * THOUSAND),
    ],
  },
  {
    name: "Data lake",
    assumes:
      "50 TB in 2 million objects of 25 MB; 200,000 new ones, with CRC32 in a trailer as SDKs send it; 20 million reads of ranges of 1 MB, by programs in the same region of AWS.",
    storedGb: 50_000,
    egressGb: 0,
    uses: [
      {
        what: "reads of ranges",
        operation: "GetObject of an object stored with a trailer",
        count: 20 * MILLION,
        cpu: { request: "range of 1 MiB" },
        plain: "classB",
      },
      {
        what: "writes",
        operation: "PutObject above 1 MiB, checksum in a trailer",
        count: 200 * THOUSAND,
        cpu: { request: "PUT 8 MiB, CRC32 trailer", times: 3 },
        plain: "classA",
      },
      pages(20 * THOUSAND, "objects uploaded in parts"),
      sweeps(2 * MILLION),
    ],
  },
  {
    name: "Image store",
    assumes:
      "5 TB in 50 million images of 100 KB; 100 million reads; 5 million new images, each with an event to one URL; 1 million deleted.",
    storedGb: 5_000,
    egressGb: 10_000,
    uses: [
      { what: "reads", operation: "GetObject, HeadObject", count: 100 * MILLION, cpu: GET, plain: "classB" },
      {
        what: "writes",
        operation: "PutObject under a notification or replication rule",
        count: 5 * MILLION,
        cpu: PUT,
        plain: "classA",
      },
      {
        what: "events",
        operation: "event to one URL: fan-out and delivery",
        count: 5 * MILLION,
        cpu: PUT,
        plain: "free",
      },
      {
        what: "deletes",
        operation: "DeleteObject, DeleteObjects of 1,000 keys",
        count: MILLION,
        cpu: { request: "DELETE" },
        plain: "free",
      },
      pages(10 * THOUSAND),
    ],
  },
];
