/** What one entry, or one record of a version, must be like by itself. Pure. */
import { isMarkerToken, isNullToken, orderOf } from "../model/version.ts";
import { clusterHead } from "../storage/r2/entry-place.ts";
import type { DescribedEntry, StoredEntry } from "../storage/scrub/stored-entry.ts";
import { tokenInKey } from "../storage/scrub/stored-entry.ts";
import { type Fault, fault } from "./findings.ts";
import { invalidFields, isKeyTooLong } from "./record-fields.ts";

/** What a bucket is configured to be. */
export interface BucketFacts {
  readonly name: string;
  readonly bucketId: string;
  readonly region: string;
  readonly ownerId: string;
  readonly isVersioned: boolean;
  readonly isLocking: boolean;
}

/** @returns also whether the record can be relied on by other checks */
export function checkRecord(
  stored: StoredEntry,
  bucket: BucketFacts,
): { readonly faults: readonly Fault[]; readonly isUsable: boolean } {
  const { described, r2Key } = stored;
  if (described === undefined) {
    return { faults: [fault("record-unreadable", "the metadata is no record", r2Key)], isUsable: false };
  }
  const invalid = invalidFields(described.record);
  if (invalid.length > 0) {
    return { faults: [fault("record-invalid", `fields ${invalid.join(", ")}`, r2Key)], isUsable: false };
  }
  const faults = [
    ...checkPlace(stored, described),
    ...checkMeaning(stored, described),
    ...(described.isTombstone ? [] : checkConfiguration(described, bucket)),
    ...checkMarks(stored, described),
  ];
  return { faults, isUsable: !faults.some(({ kind }) => kind === "key-misplaced") };
}

function checkPlace({ r2Key }: StoredEntry, { expectedR2Key, key }: DescribedEntry): Fault[] {
  if (isKeyTooLong(key)) return [fault("record-invalid", "the key has more than 1,024 bytes", r2Key)];
  return r2Key === expectedR2Key ? [] : [fault("key-misplaced", `belongs at ${expectedR2Key}`, r2Key)];
}

function checkMeaning(stored: StoredEntry, { record, isTombstone }: DescribedEntry): Fault[] {
  const wrong: string[] = [];
  const { V: token, P: previous, D: isMarker, S: keptAt, e: encryption, f: manifest } = record;
  if (stored.place === "record" && (token === undefined || keptAt === undefined)) wrong.push("a record has V and S");
  if (stored.place === "record" && token !== undefined && token !== tokenInKey(stored))
    wrong.push("V is not in its key");
  if (stored.place === "entry" && keptAt !== undefined) wrong.push("an entry has no S");
  if (!isTombstone && token !== undefined && isMarkerToken(token) !== (isMarker === 1))
    wrong.push("V is of another kind");
  if (token !== undefined && previous !== undefined && orderOf(previous) >= orderOf(token))
    wrong.push("P is not earlier");
  if (isMarker === 1 && (manifest !== undefined || isTombstone)) wrong.push("a delete marker has no bytes");
  if (encryption !== undefined && manifest === undefined) wrong.push("encrypted bytes are in blobs");
  return wrong.map((detail) => fault("record-invalid", detail, stored.r2Key));
}

function checkConfiguration({ record }: DescribedEntry, { isVersioned, isLocking }: BucketFacts): Fault[] {
  const faults: Fault[] = [];
  if (record.V !== undefined && !isVersioned) {
    faults.push(fault("versioning-not-configured", "the next write would not keep this version"));
  }
  if ((record.L !== undefined || record.H === 1) && !isLocking) {
    faults.push(fault("lock-not-configured", "the version is locked, and the bucket has no object lock"));
  }
  return faults;
}

/** By R2's digests listings distinguish what is to be read from what is shown as it is listed, or not at all. */
function checkMarks({ place, marks, r2Key }: StoredEntry, { record, key, isTombstone }: DescribedEntry): Fault[] {
  const isAbsent = isTombstone || (place === "entry" && record.D === 1);
  const wrong = (detail: string) => [fault("listing-mark-wrong", detail, r2Key)];
  if (isAbsent) return marks.sha384 || (place === "entry" && marks.sha512) ? [] : wrong("listed as an object");
  if (marks.sha384) return wrong("listed as absent");
  if (place === "record") return [];
  const { f: manifest, s: storageClass, o: owner, l: lastModified } = record;
  const isRead =
    manifest !== undefined ||
    storageClass !== undefined ||
    owner !== undefined ||
    lastModified !== undefined ||
    clusterHead(key) !== undefined;
  return isRead && !marks.sha512 ? wrong("listed without its record") : [];
}

/** The version that an entry or a record is, as a finding names it. */
export function versionOf({ described }: StoredEntry): string | undefined {
  const token = described?.record.V;
  return token === undefined ? undefined : isNullToken(token) ? `null (${token})` : token;
}
