/** What the stages of one step share. */
import type { ScrubReads } from "../storage/scrub/scrub-reads.ts";
import type { StoredEntry } from "../storage/scrub/stored-entry.ts";
import type { Fault, Finding, Tally } from "./findings.ts";
import type { Stage } from "./position.ts";
import { type BucketFacts, versionOf } from "./record-checks.ts";
import type { StepBudget } from "./step-budget.ts";

export interface StepContext {
  readonly reads: ScrubReads;
  readonly budget: StepBudget;
  readonly tally: Tally;
  readonly findings: Finding[];
  readonly readsBytes: boolean;
  readonly now: Date;
}

/** What a stage has come to. */
export interface Progress {
  /** Where the next page begins; undefined: the stage is complete. */
  readonly at: Stage | undefined;
  /** Whether the step ends here. */
  readonly isStopped: boolean;
}

export const COMPLETE: Progress = { at: undefined, isStopped: false };

/** Reports the faults of an object, or of one of its versions. */
export function report(
  { findings }: StepContext,
  { bucket, stored }: { readonly bucket: BucketFacts; readonly stored: StoredEntry },
  faults: readonly Fault[],
): void {
  const version = versionOf(stored);
  const key = stored.described?.key;
  for (const found of faults) {
    findings.push({
      ...found,
      bucket: bucket.name,
      ...(key !== undefined && { key }),
      ...(version !== undefined && { version }),
    });
  }
}
