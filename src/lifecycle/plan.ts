/**
 * What a pass over a bucket has to read, for its enabled rules: only keys that a rule can choose are listed, and tags only where
 * a rule names one. Pure.
 */
import { compareBytes } from "../model/byte-order.ts";
import type { LifecycleClock, LifecycleConfiguration, LifecycleRule } from "../model/lifecycle.ts";

export interface PassPlan {
  /** In the order of their bytes; none begins with another one. Empty: no rule acts on objects. */
  readonly prefixes: readonly string[];
  readonly needsTags: boolean;
  /** One for each rule that aborts uploads, in the order of the configuration. */
  readonly uploads: readonly UploadRule[];
}

export interface UploadRule {
  readonly prefix: string;
  /** Uploads begun until then are to be aborted. */
  readonly initiatedUntil: Date;
}

export function planPass(
  { rules }: LifecycleConfiguration,
  clock: LifecycleClock,
  { isVersioned }: { readonly isVersioned: boolean },
): PassPlan {
  const enabled = rules.filter(({ isEnabled }) => isEnabled);
  const acting = enabled.filter((rule) => actsOnObjects(rule, clock, isVersioned));
  return {
    prefixes: withoutCovered(acting.map(({ filter }) => filter.prefix ?? "")),
    needsTags: acting.some(({ filter }) => filter.tags.length > 0),
    uploads: enabled.flatMap(({ filter, abortUploadAfterDays: days }) =>
      days === undefined ? [] : [{ prefix: filter.prefix ?? "", initiatedUntil: latestDue(days, clock) }],
    ),
  };
}

/** A date that has not come yet concerns no object; noncurrent versions and delete markers are only in versioned buckets. */
function actsOnObjects(rule: LifecycleRule, { now }: LifecycleClock, isVersioned: boolean): boolean {
  const { expiration, transitions, noncurrentExpiration, noncurrentTransitions } = rule;
  const hasCome = (when: { readonly kind: "days" } | { readonly kind: "date"; readonly date: number }) =>
    when.kind === "days" || when.date <= now.getTime();
  if (transitions.some(hasCome)) return true;
  if (isVersioned && (noncurrentExpiration !== undefined || noncurrentTransitions.length > 0)) return true;
  if (expiration === undefined) return false;
  return expiration.kind === "expired-delete-marker" ? isVersioned && expiration.isOn : hasCome(expiration);
}

/** The latest time from which the days are over: they end at a midnight. */
function latestDue(days: number, { now, dayMs }: LifecycleClock): Date {
  return new Date((Math.floor(now.getTime() / dayMs) - days) * dayMs);
}

function withoutCovered(prefixes: readonly string[]): string[] {
  const kept: string[] = [];
  for (const prefix of [...prefixes].sort(compareBytes)) {
    const last = kept.at(-1);
    if (last === undefined || !prefix.startsWith(last)) kept.push(prefix);
  }
  return kept;
}

/** The prefix to go on with after a step that ended within one; the rules may have changed since. Undefined: there is none. */
export function resumedPrefix(prefixes: readonly string[], last: string): string | undefined {
  return prefixes.find((prefix) => last.startsWith(prefix)) ?? nextPrefix(prefixes, last);
}

/** The prefix after one that is complete. Undefined: there is none. */
export function nextPrefix(prefixes: readonly string[], last: string): string | undefined {
  return prefixes.find((prefix) => compareBytes(prefix, last) > 0);
}
