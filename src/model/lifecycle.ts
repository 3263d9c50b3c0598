/**
 * A bucket's lifecycle rules, and what they say about one version or upload ("Managing the lifecycle of objects",
 * object-lifecycle-mgmt). Pure: the schedule decides when to ask, and storage what can still be done.
 */
import type { StorageClass, Tag } from "./object.ts";
import { hasTags } from "./replication.ts";

export interface LifecycleConfiguration {
  readonly rules: readonly LifecycleRule[];
  /** `x-amz-transition-default-minimum-object-size`. */
  readonly transitionMinimum: TransitionMinimum;
}

export const TRANSITION_MINIMUMS = ["all_storage_classes_128K", "varies_by_storage_class"] as const;
/** Both mean the same for STANDARD_IA: objects below 128 KiB stay where they are, unless a filter names a size. */
export type TransitionMinimum = (typeof TRANSITION_MINIMUMS)[number];
const MINIMUM_TRANSITION_BYTES = 128 * 1024;

export interface LifecycleRule {
  readonly id: string;
  readonly isEnabled: boolean;
  /** V1: `Prefix` in the rule. V2: a `Filter`, which is returned as it was put. */
  readonly schema: "V1" | "V2";
  readonly filter: LifecycleFilter;
  readonly expiration?: Expiration;
  readonly noncurrentExpiration?: NoncurrentExpiration;
  readonly transitions: readonly Transition[];
  readonly noncurrentTransitions: readonly NoncurrentTransition[];
  readonly abortUploadAfterDays?: number;
}

/** All given parts must apply; an empty filter selects everything. */
export interface LifecycleFilter {
  readonly prefix?: string;
  readonly tags: readonly Tag[];
  readonly sizeGreaterThan?: number;
  readonly sizeLessThan?: number;
  /** Whether the parts are written in an `And`. */
  readonly isAnd?: boolean;
}

export type Expiration =
  | { readonly kind: "days"; readonly days: number }
  /** Milliseconds since 1970, a midnight. */
  | { readonly kind: "date"; readonly date: number }
  /** Removes a delete marker that is a key's only version; also written with false, which does nothing. */
  | { readonly kind: "expired-delete-marker"; readonly isOn: boolean };

export interface NoncurrentExpiration {
  readonly days: number;
  /** So many newer noncurrent versions are kept, whatever their age. */
  readonly newerVersions?: number;
}

export type Transition = { readonly storageClass: StorageClass } & (
  | { readonly kind: "days"; readonly days: number }
  | { readonly kind: "date"; readonly date: number }
);

export interface NoncurrentTransition extends NoncurrentExpiration {
  readonly storageClass: StorageClass;
}

/** What filters are evaluated on. Delete markers have neither size nor tags: filters that name one do not choose them. */
export interface FilteredVersion {
  readonly key: string;
  readonly sizeBytes: number;
  readonly tags: readonly Tag[];
  readonly isDeleteMarker: boolean;
}

/** A current version. */
export interface CurrentVersion extends FilteredVersion {
  readonly lastModified: Date;
  readonly storageClass: StorageClass;
  /** Whether the key has no other version. */
  readonly isOnlyVersion: boolean;
}

export interface NoncurrentVersion extends FilteredVersion {
  readonly storageClass: StorageClass;
  /** When the version that replaced it was written. */
  readonly noncurrentSince: Date;
  /** Noncurrent versions of the key that are newer, without delete markers. */
  readonly newerNoncurrent: number;
}

/** What is to be done with a version. Expiration goes before transition ("Conflicting lifecycle actions"). */
export type LifecycleAction =
  | { readonly kind: "expire"; readonly ruleId: string }
  | { readonly kind: "transition"; readonly ruleId: string; readonly storageClass: StorageClass };

/** The length of a day; shorter only in development. */
export interface LifecycleClock {
  readonly now: Date;
  readonly dayMs: number;
}

export const DAY_MS = 24 * 60 * 60 * 1000;

/** What is due for a current version; undefined: nothing. */
export function dueForCurrent(
  { rules }: LifecycleConfiguration,
  version: CurrentVersion,
  clock: LifecycleClock,
): LifecycleAction | undefined {
  const chosen = rules.filter((rule) => rule.isEnabled && matchesFilter(rule.filter, version));
  const expiring = chosen.find(({ expiration }) => isExpirationDue(expiration, version, clock));
  if (expiring !== undefined) return { kind: "expire", ruleId: expiring.id };
  if (version.isDeleteMarker) return undefined;
  return firstTransition(chosen, version, ({ transitions }) =>
    transitions.filter((transition) => dueTime(transition, version.lastModified, clock.dayMs) <= clock.now.getTime()),
  );
}

/** What is due for a noncurrent version; undefined: nothing. */
export function dueForNoncurrent(
  { rules }: LifecycleConfiguration,
  version: NoncurrentVersion,
  clock: LifecycleClock,
): LifecycleAction | undefined {
  const chosen = rules.filter((rule) => rule.isEnabled && matchesFilter(rule.filter, version));
  const isDue = ({ days, newerVersions = 0 }: NoncurrentExpiration) =>
    version.newerNoncurrent >= newerVersions &&
    afterDays(version.noncurrentSince, days, clock.dayMs) <= clock.now.getTime();
  const expiring = chosen.find(({ noncurrentExpiration: rule }) => rule !== undefined && isDue(rule));
  if (expiring !== undefined) return { kind: "expire", ruleId: expiring.id };
  if (version.isDeleteMarker) return undefined;
  return firstTransition(chosen, version, ({ noncurrentTransitions }) => noncurrentTransitions.filter(isDue));
}

/** The rule by which an unfinished upload is aborted first, and when; undefined: none. */
export function uploadAbortion(
  { rules }: LifecycleConfiguration,
  upload: { readonly key: string; readonly initiatedAt: Date },
): { readonly ruleId: string; readonly at: Date } | undefined {
  let first: { readonly ruleId: string; readonly at: Date } | undefined;
  for (const { id, isEnabled, filter, abortUploadAfterDays: days } of rules) {
    if (!isEnabled || days === undefined || !upload.key.startsWith(filter.prefix ?? "")) continue;
    const at = new Date(afterDays(upload.initiatedAt, days, DAY_MS));
    if (first === undefined || at < first.at) first = { ruleId: id, at };
  }
  return first;
}

/** When a current object expires, and by which rule: the first one (`x-amz-expiration`). Undefined: never. */
export function expirationOf(
  { rules }: LifecycleConfiguration,
  version: Omit<FilteredVersion, "isDeleteMarker"> & { readonly lastModified: Date },
): { readonly ruleId: string; readonly at: Date } | undefined {
  let first: { readonly ruleId: string; readonly at: Date } | undefined;
  for (const { id, isEnabled, filter, expiration } of rules) {
    if (!isEnabled || expiration === undefined || expiration.kind === "expired-delete-marker") continue;
    if (!matchesFilter(filter, { ...version, isDeleteMarker: false })) continue;
    const at = new Date(dueTime(expiration, version.lastModified, DAY_MS));
    if (first === undefined || at < first.at) first = { ruleId: id, at };
  }
  return first;
}

export function matchesFilter(filter: LifecycleFilter, version: FilteredVersion): boolean {
  const { prefix = "", tags, sizeGreaterThan = -1, sizeLessThan = Number.POSITIVE_INFINITY } = filter;
  if (!version.key.startsWith(prefix)) return false;
  if (version.isDeleteMarker) return tags.length === 0 && !hasSize(filter);
  const { sizeBytes } = version;
  return sizeBytes > sizeGreaterThan && sizeBytes < sizeLessThan && hasTags(version.tags, tags);
}

function hasSize({ sizeGreaterThan, sizeLessThan }: LifecycleFilter): boolean {
  return sizeGreaterThan !== undefined || sizeLessThan !== undefined;
}

function isExpirationDue(expiration: Expiration | undefined, version: CurrentVersion, clock: LifecycleClock): boolean {
  if (expiration === undefined) return false;
  if (version.isDeleteMarker) {
    // "If the current version is a delete marker … expired object delete marker": with Days, once it is old enough.
    if (!version.isOnlyVersion) return false;
    if (expiration.kind === "expired-delete-marker") return expiration.isOn;
  } else if (expiration.kind === "expired-delete-marker") {
    return false;
  }
  return dueTime(expiration, version.lastModified, clock.dayMs) <= clock.now.getTime();
}

/** The cheapest class that is due, unless the version has it already. There is one: STANDARD_IA. */
function firstTransition(
  rules: readonly LifecycleRule[],
  { storageClass, sizeBytes }: CurrentVersion | NoncurrentVersion,
  due: (rule: LifecycleRule) => readonly { readonly storageClass: StorageClass }[],
): LifecycleAction | undefined {
  for (const rule of rules) {
    const [transition] = due(rule);
    if (transition === undefined || transition.storageClass === storageClass) continue;
    if (!hasSize(rule.filter) && sizeBytes < MINIMUM_TRANSITION_BYTES) continue;
    return { kind: "transition", ruleId: rule.id, storageClass: transition.storageClass };
  }
  return undefined;
}

function dueTime(
  when: { readonly kind: "days"; readonly days: number } | { readonly kind: "date"; readonly date: number },
  since: Date,
  dayMs: number,
): number {
  return when.kind === "date" ? when.date : afterDays(since, when.days, dayMs);
}

/** "S3 adds the number of days to the creation time and rounds the result to the next day midnight UTC." */
function afterDays(since: Date, days: number, dayMs: number): number {
  return Math.ceil((since.getTime() + days * dayMs) / dayMs) * dayMs;
}
