/** The bytes of an object: MD5s, and the checksums that clients sent or the Worker added. */
import { formatHex } from "../checksum/digests.ts";
import type { ChecksumAlgorithm } from "../model/checksum.ts";
import type { ContentKey } from "../model/encryption.ts";
import { blobKey, type Manifest } from "../storage/r2/blobs.ts";
import type { EntryRecord } from "../storage/r2/entry-record.ts";
import type { ReadBytes } from "../storage/scrub/stored-bytes.ts";
import type { StoredEntry } from "../storage/scrub/stored-entry.ts";
import { dataKeyOf } from "./data-key.ts";
import { type Fault, fault } from "./findings.ts";
import { isDigest, parseManifest } from "./manifest-checks.ts";
import type { BucketFacts } from "./record-checks.ts";
import type { StepContext } from "./step-context.ts";

const MD5_HEX = /^[0-9a-f]{32}$/;

/** Calls before a blob is read, and for one blob: each is read twice if anything is wrong. */
export const CALLS_FOR_BYTES = 16;

export interface BytesOutcome {
  readonly faults: readonly Fault[];
  /** The next blob to be read; undefined: all have been. */
  readonly nextBlob: number | undefined;
}

const NOTHING: BytesOutcome = { faults: [], nextBlob: undefined };

/**
 * Reads the bytes, of a manifest's blobs from one of them on, as far as the step may. What an object has that was written
 * meanwhile is not reported.
 */
export async function checkBytes(
  stored: StoredEntry,
  from: { readonly bucket: BucketFacts; readonly blob: number },
  context: StepContext,
): Promise<BytesOutcome> {
  const { reads, budget, tally } = context;
  const { described } = stored;
  if (described === undefined || described.isTombstone || described.record.D === 1) return NOTHING;
  const { f: summary, e: encryption } = described.record;
  if (encryption?.[0] === "C") {
    if (from.blob === 0) tally.add("objectsWithCustomerKey");
    return NOTHING;
  }
  const { region } = from.bucket;
  if (summary === undefined) {
    if (!budget.mayRead(stored.r2SizeBytes)) return { faults: [], nextBlob: 0 };
    const expected = { etag: stored.r2ETag, checksum: described.record.c, sizeBytes: stored.r2SizeBytes };
    const faults = await readTwice(context, { region, r2Keys: [stored.r2Key], contentKey: undefined }, expected);
    return { faults: await unlessChanged(faults), nextBlob: undefined };
  }
  const body = await reads.text(region, stored.r2Key);
  const manifest = body?.revision === stored.revision ? parseManifest(body.text) : undefined;
  if (manifest === undefined) return NOTHING;
  const key = encryption && (await dataKeyOf(described, encryption, { bucket: from.bucket, reads }));
  // Its key is reported by the check of the record.
  if (typeof key === "string") return NOTHING;
  const outcome = await checkBlobs({ record: described.record, manifest, contentKey: key, region }, from.blob, context);
  return { ...outcome, faults: await unlessChanged(outcome.faults) };

  async function unlessChanged(faults: readonly Fault[]): Promise<readonly Fault[]> {
    if (faults.length === 0) return faults;
    const now = await reads.read(from.bucket, stored);
    if (now?.revision === stored.revision) return faults;
    tally.add("changedMeanwhile");
    return [];
  }
}

interface BlobsOf {
  readonly record: EntryRecord;
  readonly manifest: Manifest;
  readonly contentKey: ContentKey | undefined;
  readonly region: string;
}

async function checkBlobs(
  { record, manifest, contentKey, region }: BlobsOf,
  from: number,
  context: StepContext,
): Promise<BytesOutcome> {
  const { budget, tally } = context;
  const { f: summary, c: checksum, p: replication } = record;
  const { b: blobSetId, p: parts } = manifest;
  const hasMd5 = contentKey === undefined && replication !== "R";
  if (summary?.k === undefined) {
    // The ETag and the checksum are those of all blobs together.
    if (!budget.mayRead(summary?.n ?? 0)) return { faults: [], nextBlob: 0 };
    const r2Keys = parts.map(([name]) => blobKey(blobSetId, name));
    const expected = { etag: hasMd5 ? summary?.e : undefined, checksum, sizeBytes: summary?.n ?? 0 };
    const faults = await readTwice(context, { region, r2Keys, contentKey }, expected);
    return { faults, nextBlob: undefined };
  }
  const { blobs } = await context.reads.blobs(region, blobSetId, { names: parts.map(([name]) => name) });
  const faults: Fault[] = [];
  for (let index = from; index < parts.length; index++) {
    const [name, sizeBytes, value] = parts[index] ?? ["", 0];
    if (index > from && (!budget.mayRead(sizeBytes) || budget.left === 0)) return { faults, nextBlob: index };
    const isPart = checksum !== undefined && value !== undefined;
    const expected = {
      etag: hasMd5 ? blobs.get(name)?.etag : undefined,
      checksum: isPart ? ([checksum[0], value, "FULL_OBJECT"] as const) : undefined,
      sizeBytes,
    };
    if (checksum !== undefined && !isPart && index === 0) tally.add("checksumsNotVerified");
    const place = { region, r2Keys: [blobKey(blobSetId, name)], contentKey };
    faults.push(...(await readTwice(context, place, expected)));
  }
  return { faults, nextBlob: undefined };
}

export interface BytesAt {
  readonly region: string;
  readonly r2Keys: readonly string[];
  readonly contentKey: ContentKey | undefined;
}

interface Expected {
  /** MD5, if it is one. */
  readonly etag: string | undefined;
  readonly checksum: EntryRecord["c"];
  readonly sizeBytes: number;
}

/** What is wrong with the bytes in both of two reads. */
export async function readTwice(context: StepContext, at: BytesAt, expected: Expected): Promise<readonly Fault[]> {
  const first = await readOnce(context, at, expected);
  return first.length === 0 ? first : readOnce(context, at, expected);
}

async function readOnce({ reads }: StepContext, at: BytesAt, expected: Expected): Promise<readonly Fault[]> {
  const { region, r2Keys, contentKey } = at;
  const { etag, checksum } = expected;
  const algorithms = new Set<ChecksumAlgorithm>();
  if (etag !== undefined && MD5_HEX.test(etag)) algorithms.add("MD5");
  if (checksum?.[2] === "FULL_OBJECT") algorithms.add(checksum[0]);
  const read = await reads.digests(region, { r2Keys, algorithms: [...algorithms], contentKey });
  return compare(read, expected, r2Keys[0] ?? "");
}

/** Pure. */
export function compare(read: ReadBytes, { etag, checksum, sizeBytes }: Expected, subject: string): Fault[] {
  if (read.outcome === "missing") return [];
  if (read.outcome === "unreadable") return [fault("bytes-unreadable", read.reason, subject)];
  const faults: Fault[] = [];
  if (read.sizeBytes !== sizeBytes) {
    faults.push(fault("bytes-unreadable", `${read.sizeBytes} bytes instead of ${sizeBytes}`, subject));
  }
  const md5 = read.digests.get("MD5");
  if (etag !== undefined && md5 !== undefined && MD5_HEX.test(etag) && formatHex(md5) !== etag) {
    faults.push(fault("etag-differs", `${etag}, and the bytes have ${formatHex(md5)}`, subject));
  }
  if (checksum?.[2] === "FULL_OBJECT" && !isDigest(checksum[1], read.digests.get(checksum[0]))) {
    faults.push(fault("checksum-differs", `${checksum[0]} ${checksum[1]} is not that of the bytes`, subject));
  }
  return faults;
}
