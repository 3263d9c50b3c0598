/**
 * The annotations of a version. Which of them it has, only its set of blobs says: one that is gone looks like one that was deleted.
 * Their sizes and checksums are checked, and with their bytes also R2's MD5s.
 */
import { parseBase64 } from "../checksum/digests.ts";
import { MAX_ANNOTATION_BYTES } from "../model/annotation.ts";
import { CHECKSUM_ALGORITHMS, CHECKSUM_BYTES, type Checksum } from "../model/checksum.ts";
import { blobKey } from "../storage/r2/blobs.ts";
import type { StoredBlob, StoredBlobSet } from "../storage/scrub/scrub-reads.ts";
import type { StoredEntry } from "../storage/scrub/stored-entry.ts";
import { readTwice } from "./byte-check.ts";
import { dataKeyOf } from "./data-key.ts";
import { type Fault, fault } from "./findings.ts";
import type { BucketFacts } from "./record-checks.ts";
import type { StepContext } from "./step-context.ts";

/** Pure. */
export function checkAnnotations(blobSetId: string, { blobs }: Pick<StoredBlobSet, "blobs">): Fault[] {
  return [...blobs].flatMap(([name, { sizeBytes, checksum }]) => {
    const subject = `${blobSetId}/${name}`;
    const faults: Fault[] = [];
    if (sizeBytes === 0 || sizeBytes > MAX_ANNOTATION_BYTES) {
      faults.push(fault("blob-size-differs", `an annotation of ${sizeBytes} bytes`, subject));
    }
    if (checksum !== undefined && parseChecksum(checksum) === undefined) {
      faults.push(fault("checksum-differs", "the checksum of an annotation is malformed", subject));
    }
    return faults;
  });
}

/** Undefined if it has another form than the Worker writes. */
function parseChecksum(json: string): Checksum | undefined {
  let parsed: Partial<Checksum> | null;
  try {
    parsed = JSON.parse(json) as Partial<Checksum> | null;
  } catch {
    return undefined;
  }
  const { value, type } = parsed ?? {};
  const algorithm = CHECKSUM_ALGORITHMS.find((name) => name === parsed?.algorithm);
  if (algorithm === undefined || typeof value !== "string" || type !== "FULL_OBJECT") return undefined;
  return parseBase64(value, CHECKSUM_BYTES[algorithm]) === undefined ? undefined : { algorithm, value, type };
}

export interface AnnotationBytesOutcome {
  readonly faults: readonly Fault[];
  /** Behind this name the next step begins; undefined: all have been read. */
  readonly next: string | undefined;
}

const NOTHING: AnnotationBytesOutcome = { faults: [], next: undefined };

/** Reads annotations behind one of them, as far as the step may. What is changed meanwhile is not reported. */
export async function checkAnnotationBytes(
  stored: StoredEntry,
  { bucket, after }: { readonly bucket: BucketFacts; readonly after: string },
  context: StepContext,
): Promise<AnnotationBytesOutcome> {
  const { described } = stored;
  if (described === undefined || described.isTombstone) return NOTHING;
  const { A: blobSetId, e: encryption } = described.record;
  // An object under a customer's key has no annotations.
  if (blobSetId === undefined || encryption?.[0] === "C") return NOTHING;
  const contentKey = encryption && (await dataKeyOf(described, encryption, { bucket, reads: context.reads }));
  // Its key is reported by the check of the record.
  if (typeof contentKey === "string") return NOTHING;
  const { reads, budget, tally } = context;
  const { region } = bucket;
  const faults: Fault[] = [];
  let last = after;
  let isFirst = true;
  for (let next: string | undefined = after; next !== undefined; ) {
    const page = await reads.blobsAfter(region, { blobSetId, after: next });
    for (const [name, blob] of page.blobs) {
      // Each step reads one at least.
      const hasCalls = isFirst || budget.left > 0;
      if (!hasCalls || !budget.mayRead(blob.sizeBytes)) return { faults, next: last };
      isFirst = false;
      const at = { region, r2Keys: [blobKey(blobSetId, name)], contentKey };
      const found = await readTwice(context, at, expectedOf(blob, encryption !== undefined));
      if (blob.checksum === undefined) tally.add("checksumsNotVerified");
      if (found.length > 0) faults.push(...(await unlessChanged({ name, blob }, found)));
      last = name;
    }
    next = page.next;
  }
  return { faults, next: undefined };

  async function unlessChanged(
    { name, blob }: { readonly name: string; readonly blob: StoredBlob },
    found: readonly Fault[],
  ): Promise<readonly Fault[]> {
    const { blobs } = await reads.blobs(region, blobSetId ?? "", { names: [name] });
    if (blobs.get(name)?.revision === blob.revision) return found;
    tally.add("changedMeanwhile");
    return [];
  }
}

function expectedOf({ etag, sizeBytes, checksum: json }: StoredBlob, isEncrypted: boolean) {
  const parsed = json === undefined ? undefined : parseChecksum(json);
  const checksum = parsed && ([parsed.algorithm, parsed.value, parsed.type] as const);
  return { etag: isEncrypted ? undefined : etag, checksum, sizeBytes };
}
