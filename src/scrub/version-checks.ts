/** What the entry and the records of one key must be like together. Pure. */
import { identityOfToken, orderOf } from "../model/version.ts";
import type { DescribedEntry, StoredEntry } from "../storage/scrub/stored-entry.ts";
import { coveredRevision } from "../storage/versions/keep.ts";
import { type Fault, fault } from "./findings.ts";

/** A record of a key with what is at the entry, which was read later. */
export type RecordState = "noncurrent" | "stub" | "current" | "interrupted-deletion";

export interface RecordJudgement {
  readonly state: RecordState;
  readonly faults: readonly Fault[];
}

/** @param entry undefined: there is none, or its metadata is no record */
export function judgeRecord(record: DescribedEntry, r2Key: string, entry: StoredEntry | undefined): RecordJudgement {
  const { token } = record;
  if (entry === undefined || token === undefined) {
    if (record.isTombstone) return { state: "stub", faults: [] };
    return {
      state: "noncurrent",
      faults: [fault("current-version-missing", "the key has versions and no entry", r2Key)],
    };
  }
  const current = entry.described;
  // Reported where entries are listed.
  if (current === undefined) return { state: record.isTombstone ? "stub" : "noncurrent", faults: [] };
  const isCurrent = !current.isTombstone && current.token === token;
  if (record.isTombstone) {
    const isCovered = coveredRevision(record.record) >= (current.record.R ?? 0);
    return { state: isCurrent && isCovered ? "interrupted-deletion" : "stub", faults: [] };
  }
  if (isCurrent) return { state: "current", faults: compareSameVersion(record, r2Key, current) };
  const isLater = current.token !== undefined && orderOf(token) > orderOf(current.token);
  const faults = isLater ? [fault("version-later-than-current", `the entry is ${current.token}`, r2Key)] : [];
  return { state: "noncurrent", faults };
}

/** Tags, ACL and lock may differ, and the bytes may have been moved into blobs; the object stays the same. */
function compareSameVersion(record: DescribedEntry, r2Key: string, entry: DescribedEntry): Fault[] {
  const isSame =
    record.record.D === 1
      ? entry.record.D === 1
      : entry.record.D !== 1 && record.etag === entry.etag && record.sizeBytes === entry.sizeBytes;
  return isSame ? [] : [fault("version-differs", "ETag, size or kind is not that of the entry", r2Key)];
}

/** A write that is repeated gives its version the same random part, and must make one version only. */
export function findRepeated(
  records: readonly { readonly r2Key: string; readonly described: DescribedEntry }[],
): Fault[] {
  const seen = new Map<string, string>();
  const faults: Fault[] = [];
  for (const { r2Key, described } of records) {
    const { token, isTombstone } = described;
    if (token === undefined || isTombstone) continue;
    const identity = identityOfToken(token);
    const other = seen.get(identity);
    if (other !== undefined && other !== token) faults.push(fault("version-repeated", `also kept as ${other}`, r2Key));
    seen.set(identity, token);
  }
  return faults;
}
