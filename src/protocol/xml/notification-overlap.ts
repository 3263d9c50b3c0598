/**
 * S3's rule that no change is told twice ("Examples of valid notification configurations with object key name filtering",
 * and of invalid ones). Rules with `NS:` topics are left out: of those the first that fits is taken.
 */
import { invalidArgument } from "../../errors.ts";
import type { NotificationRule } from "../../model/notification.ts";

const SHARED_EVENT = "Configurations overlap. Configurations on the same bucket cannot share a common event type.";
const SHARED_KEYS =
  "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.";

/** @throws S3Error `InvalidArgument` where two rules with ARNs, or two events of one of them, could meet. */
export function requireDisjoint(rules: readonly NotificationRule[]): void {
  const arnRules = rules.filter(({ destination }) => destination.kind !== "callback");
  for (const [index, rule] of arnRules.entries()) {
    const twice = sharedEvent(rule.events, rule.events, "of one rule");
    if (twice !== undefined) throw invalidArgument(SHARED_EVENT, "Event", twice);
    for (const earlier of arnRules.slice(0, index)) {
      const shared = sharedEvent(earlier.events, rule.events);
      if (shared === undefined || !meet(earlier, rule)) continue;
      const isFiltered = earlier.filter !== undefined || rule.filter !== undefined;
      throw invalidArgument(isFiltered ? SHARED_KEYS : SHARED_EVENT, "Event", shared);
    }
  }
}

/** Both names, as S3 tells them; an event is not compared with itself where both lists are one rule's. */
function sharedEvent(left: readonly string[], right: readonly string[], of?: "of one rule"): string | undefined {
  for (const [index, one] of left.entries()) {
    const others = of === undefined ? right : right.slice(index + 1);
    const other = others.find((name) => includes(one, name) || includes(name, one));
    if (other !== undefined) return `${one}, ${other}`;
  }
  return undefined;
}

function includes(wide: string, narrow: string): boolean {
  return wide === narrow || (wide.endsWith("*") && narrow.startsWith(wide.slice(0, -1)));
}

/** Whether there can be a key that fits both. */
function meet(left: NotificationRule, right: NotificationRule): boolean {
  const prefixes = left.prefix.startsWith(right.prefix) || right.prefix.startsWith(left.prefix);
  return prefixes && (left.suffix.endsWith(right.suffix) || right.suffix.endsWith(left.suffix));
}
