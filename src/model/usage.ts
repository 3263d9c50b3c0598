/** What buckets hold, and when it is counted. */

import type { QuotaAmount } from "./quota.ts";

export interface UsageFigures {
  /** Current ones, without delete markers. */
  readonly objects: number;
  /** Noncurrent ones, without delete markers. */
  readonly versions: number;
  /** Current and noncurrent ones. */
  readonly deleteMarkers: number;
  /** Of the objects. */
  readonly bytes: number;
  /** Of the noncurrent versions. */
  readonly noncurrentBytes: number;
  readonly openUploads: number;
  /** Of the parts of open uploads. */
  readonly uploadBytes: number;
}

export const NO_USAGE: UsageFigures = {
  objects: 0,
  versions: 0,
  deleteMarkers: 0,
  bytes: 0,
  noncurrentBytes: 0,
  openUploads: 0,
  uploadBytes: 0,
};

export const USAGE_FIGURES = Object.keys(NO_USAGE) as readonly (keyof UsageFigures)[];

export function addUsage(left: UsageFigures, right: Partial<UsageFigures>): UsageFigures {
  const sum = { ...left };
  for (const figure of USAGE_FIGURES) sum[figure] += right[figure] ?? 0;
  return sum;
}

export function isSameUsage(left: UsageFigures, right: UsageFigures): boolean {
  return USAGE_FIGURES.every((figure) => left[figure] === right[figure]);
}

/** A part of a bucket's objects and versions that has been counted. */
export interface CountedPage {
  readonly counts: Partial<UsageFigures>;
  /** Where the next page begins; undefined: there is none. */
  readonly next: UsagePosition | undefined;
  /** Calls that were made. */
  readonly calls: number;
}

/**
 * Where a count continues. Uploads come first: of one that is completed meanwhile, its object is counted too, and what a bucket
 * holds is never counted as less than it was.
 */
export type UsagePosition =
  /** After an upload. */
  | { readonly stage: "uploads"; readonly key: string; readonly uploadId: string }
  /** In a bucket that was never versioned: after an entry. Empty: at the first one. */
  | { readonly stage: "entries"; readonly after: string }
  /** After a version: older ones of its key, and later keys. Without a token: only later keys. */
  | { readonly stage: "versions"; readonly key: string; readonly token?: string };

export const FIRST_POSITION: UsagePosition = { stage: "uploads", key: "", uploadId: "" };

/** A count that is not complete. Plain data, which is stored between two steps. */
export interface UsagePass {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly position: UsagePosition;
  readonly counts: UsageFigures;
  /** Calls that the count has taken. */
  readonly calls: number;
  /** What had been written under a quota when the count began; it is then part of the count. */
  readonly added: QuotaAmount;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** At most 240 calls for a bucket in a day, unless one count takes more. */
const MS_FOR_A_CALL = 6 * MINUTE_MS;
const SHORTEST_MS = 10 * MINUTE_MS;
/** With the time that a bucket waits for its turn, less than a day. */
const LONGEST_MS = 23 * HOUR_MS;
/** Of a bucket in which something has changed. */
const LONGEST_CHANGED_MS = 6 * HOUR_MS;

/**
 * When a bucket is counted again, in milliseconds since 1970: soon if it is new or small, and after twice the time of the last
 * pause, up to a quarter of a day if something has changed, and to a day if not.
 */
export function nextCountAt(
  now: number,
  count: {
    /** Of the count that is complete now. */
    readonly calls: number;
    readonly isChanged: boolean;
    /** When the count before it began. Absent: it is the first one. */
    readonly lastAt?: number;
  },
): number {
  const pauseMs = count.lastAt === undefined ? 0 : Math.max(0, now - count.lastAt);
  const leastMs = Math.max(SHORTEST_MS, count.calls * MS_FOR_A_CALL);
  const mostMs = Math.max(leastMs, count.isChanged ? LONGEST_CHANGED_MS : LONGEST_MS);
  return now + Math.min(LONGEST_MS, mostMs, Math.max(leastMs, 2 * pauseMs));
}

/** Days, counted from 1970, for which the history of a bucket is kept. */
export const HISTORY_DAYS = 400;
export const DAY_MS = 24 * HOUR_MS;

export interface UsageOfDay {
  readonly day: number;
  readonly objects: number;
  readonly bytes: number;
  readonly noncurrentBytes: number;
}

/**
 * One entry for each day up to today: a day without a row has the figures of the day before.
 * @param rows in order
 */
export function fillHistory(rows: readonly UsageOfDay[], today: number): UsageOfDay[] {
  const first = today - HISTORY_DAYS + 1;
  const days: UsageOfDay[] = [];
  let next = 0;
  let last: UsageOfDay | undefined;
  for (let day = Math.max(first, rows[0]?.day ?? today + 1); day <= today; day++) {
    for (let row = rows[next]; row !== undefined && row.day <= day; row = rows[++next]) last = row;
    if (last !== undefined) days.push({ ...last, day });
  }
  return days;
}
