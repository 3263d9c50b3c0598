/**
 * What AWS refuses in lifecycle rules whose elements are valid each by itself: actions that contradict each other or the
 * filter, and rules that do not go together.
 */
import { invalidArgument, invalidRequest } from "../../errors.ts";
import { compareBytes } from "../../model/byte-order.ts";
import type { Expiration, LifecycleRule, Transition } from "../../model/lifecycle.ts";
import type { StorageClass } from "../../model/object.ts";

/** @throws S3Error `InvalidRequest`, or `InvalidArgument` for numbers and dates of actions in the wrong order */
export function requireConsistentRules(rules: readonly LifecycleRule[]): void {
  for (const rule of rules) requireConsistent(rule);
  requireOneSchema(rules);
}

/** What AWS refuses in a rule whose elements are valid each by itself. */
function requireConsistent(rule: LifecycleRule): void {
  const { expiration, noncurrentExpiration, transitions, noncurrentTransitions, abortUploadAfterDays, filter } = rule;
  if (!ACTIONS.some(([, isUsed]) => isUsed(rule))) {
    throw invalidRequest("At least one action needs to be specified in a rule");
  }
  const counts = [noncurrentExpiration, ...noncurrentTransitions].map((each) => each?.newerVersions);
  if (rule.schema === "V1" && counts.some((count) => count !== undefined)) {
    throw invalidRequest("NewerNoncurrentVersions element can only be used in Lifecycle V2.");
  }
  const hasTags = filter.tags.length > 0;
  const hasSize = filter.sizeGreaterThan !== undefined || filter.sizeLessThan !== undefined;
  for (const [name, isUsed] of [
    ["AbortIncompleteMultipartUpload", abortUploadAfterDays !== undefined],
    ["ExpiredObjectDeleteMarker", expiration?.kind === "expired-delete-marker"],
  ] as const) {
    if (isUsed && hasTags) throw invalidRequest(`${name} cannot be specified with Tags.`);
    if (isUsed && hasSize) throw invalidRequest(`${name} cannot be specified with Object Size.`);
  }
  requireDifferentClasses(transitions, "Transition", rule);
  requireDifferentClasses(noncurrentTransitions, "NoncurrentVersionTransition", rule);
  requireExpirationLast(rule);
}

/** There is one class, so a rule has at most one transition of each kind. */
function requireDifferentClasses(
  transitions: readonly { readonly storageClass: StorageClass }[],
  action: string,
  rule: LifecycleRule,
): void {
  if (new Set(transitions.map(({ storageClass }) => storageClass)).size === transitions.length) return;
  throw invalidRequest(
    `'StorageClass' must be different for '${action}' actions in same 'Rule' with ${describeFilter(rule)}`,
  );
}

function requireExpirationLast(rule: LifecycleRule): void {
  const { expiration, transitions, noncurrentExpiration, noncurrentTransitions } = rule;
  const where = describeFilter(rule);
  const late = (expirationAction: string, transitionAction: string, name: string) =>
    `'${name}' in the ${expirationAction} action for ${where} must be greater than '${name}' in the ${transitionAction} action`;
  for (const transition of transitions) {
    if (expiration === undefined || expiration.kind === "expired-delete-marker") continue;
    if (expiration.kind !== transition.kind) {
      throw invalidRequest(
        `Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for ${where}`,
      );
    }
    if (amountOf(expiration) > amountOf(transition)) continue;
    const name = expiration.kind === "days" ? "Days" : "Date";
    const value = expiration.kind === "days" ? expiration.days : new Date(expiration.date).toISOString();
    throw invalidArgument(late("Expiration", "Transition", name), name, String(value));
  }
  for (const { days } of noncurrentTransitions) {
    if (noncurrentExpiration === undefined || noncurrentExpiration.days > days) continue;
    const name = "NoncurrentDays";
    const message = late("NoncurrentVersionExpiration", "NoncurrentVersionTransition", name);
    throw invalidArgument(message, name, String(noncurrentExpiration.days));
  }
}

function amountOf(when: Exclude<Expiration, { kind: "expired-delete-marker" }> | Transition): number {
  return when.kind === "days" ? when.days : when.date;
}

/** The objects of a rule in AWS's messages. */
function describeFilter({ schema, filter }: LifecycleRule): string {
  const { prefix, tags, sizeGreaterThan, sizeLessThan } = filter;
  if (schema === "V1") return `prefix '${prefix ?? ""}'`;
  const parts = [
    ...(prefix === undefined ? [] : [`prefix=${prefix}`]),
    ...tags.map(({ key, value }) => `tag={key=${key}, value=${value}}`),
    ...(sizeGreaterThan === undefined ? [] : [`objectsizegreaterthan=${sizeGreaterThan}`]),
    ...(sizeLessThan === undefined ? [] : [`objectsizelessthan=${sizeLessThan}`]),
  ];
  return `filter '(${parts.join(" and ")})'`;
}

/** The first rule decides which schema the configuration has. */
function requireOneSchema(rules: readonly LifecycleRule[]): void {
  const [first] = rules;
  const other = rules.find(({ schema }) => schema !== first?.schema);
  if (other?.schema === "V1") {
    throw invalidRequest(
      "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.",
    );
  }
  if (other?.schema === "V2") throw invalidRequest("Filter element can only be used in Lifecycle V2.");
  if (first?.schema === "V1") requireSeparatePrefixes(rules);
}

/** In V1 two rules with the same action must not choose the same objects. In V2 they may ("Conflicting lifecycle actions"). */
function requireSeparatePrefixes(rules: readonly LifecycleRule[]): void {
  for (const [action, isUsed] of ACTIONS) {
    const prefixes = rules.filter(isUsed).map(({ filter }) => filter.prefix ?? "");
    // A prefix sorts before all that begin with it, and none that begins otherwise is between them.
    prefixes.sort(compareBytes);
    for (const [index, prefix] of prefixes.entries()) {
      const shorter = index === 0 ? undefined : prefixes[index - 1];
      if (shorter === undefined || !prefix.startsWith(shorter)) continue;
      throw invalidRequest(`Found overlapping prefixes '${shorter}' and '${prefix}' for same action type '${action}'`);
    }
  }
}

const ACTIONS: readonly (readonly [name: string, isUsed: (rule: LifecycleRule) => boolean])[] = [
  ["Expiration", ({ expiration }) => expiration !== undefined && expiration.kind !== "expired-delete-marker"],
  ["ExpiredObjectDeleteMarker", ({ expiration }) => expiration?.kind === "expired-delete-marker"],
  ["NoncurrentVersionExpiration", ({ noncurrentExpiration }) => noncurrentExpiration !== undefined],
  ["Transition", ({ transitions }) => transitions.length > 0],
  ["NoncurrentVersionTransition", ({ noncurrentTransitions }) => noncurrentTransitions.length > 0],
  ["AbortIncompleteMultipartUpload", ({ abortUploadAfterDays }) => abortUploadAfterDays !== undefined],
];
