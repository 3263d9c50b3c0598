/**
 * The effect of one policy on one request ("Policy evaluation logic"): any Deny that applies wins, then any Allow, in
 * any order. `access/decision.ts` combines several policies, ACLs and ownership.
 */
import { type Condition, conditionHolds, keysOfCondition, type Unknown } from "./condition.ts";
import { appliesToAction, isOfOneObject } from "./condition-keys.ts";
import type { PolicyDocument } from "./document.ts";
import {
  coversBelow,
  type LookUp,
  matchesPattern,
  mayMatchPattern,
  type Pattern,
  type Reading,
  resolvePattern,
  touchesBelow,
} from "./pattern.ts";
import type { Extent, PolicyRequest, Remainder, RemainingStatement } from "./policy-request.ts";
import { matchesPrincipal, type PrincipalMatch } from "./principal.ts";
import type { Matcher, Statement } from "./statement.ts";

export type PolicyDecision =
  | { readonly effect: "deny" }
  | { readonly effect: "none" }
  /** `via`: the most specific match among the statements that allow it; `user` for a policy of the user itself. */
  | { readonly effect: "allow"; readonly via: PrincipalMatch };

const CLOSENESS: readonly PrincipalMatch[] = ["user", "everyone", "account"];

export function evaluatePolicy(policy: PolicyDocument, request: PolicyRequest): PolicyDecision {
  if (!isWithin(policy.attachedTo, request.resource)) return { effect: "none" };
  const { action, extent = "", keys } = request;
  const remainder = keys.memory.remainder(policy, `${action} ${extent}`, () => evaluateFixedParts(policy, request));
  const allows = new Set<PrincipalMatch>();
  for (const statement of remainder) {
    if (!applies(statement, request)) continue;
    if (statement.effect === "Deny") return { effect: "deny" };
    allows.add(statement.match);
  }
  const via = CLOSENESS.find((match) => allows.has(match));
  return via === undefined ? { effect: "none" } : { effect: "allow", via };
}

function evaluateFixedParts(policy: PolicyDocument, request: PolicyRequest): Remainder {
  return policy.statements.flatMap((statement) => remainderOf(statement, request) ?? []);
}

function remainderOf(statement: Statement, request: PolicyRequest): RemainingStatement | undefined {
  const { effect, actions, principals } = statement;
  const match = principals === undefined ? "user" : matchesPrincipal(principals, request.principal);
  if (match === undefined) return undefined;
  const reading = readingOf(request);
  const action = request.action.toLowerCase();
  if (!matchesAny(actions, (pattern) => matchesPattern(pattern, action, reading), effect)) return undefined;
  const [varying, fixed] = split(statement.conditions, (condition) => keysOfCondition(condition).some(isOfOneObject));
  const context = { reading, effect, unknown: unknownOf(request, effect) };
  const holds = (condition: Condition) =>
    request.keys.memory.condition(condition, questionOf(condition, request), () => conditionHolds(condition, context));
  if (!fixed.every(holds)) return undefined;
  return { effect, match, conditions: varying, resources: resolveResources(statement.resources, reading) };
}

/** Actions differ in the keys they have; actions with the same keys share the cached result. */
function questionOf(condition: Condition, { action, extent }: PolicyRequest): string {
  const has = keysOfCondition(condition).map((key) => (appliesToAction(key, action) ? "1" : "0"));
  return `${extent ?? ""} ${has.join("")}`;
}

/** Resolves the variables that have the same value for every object. A variable without a value stays. */
function resolveResources({ negated, patterns }: Matcher, reading: Reading): Matcher {
  const put = (pattern: Pattern) =>
    pattern.variables.some(isOfOneObject) ? pattern : (resolvePattern(pattern, reading) ?? pattern);
  return { negated, patterns: patterns.map(put) };
}

function applies(statement: RemainingStatement, request: PolicyRequest): boolean {
  const { effect, conditions } = statement;
  request.keys.memory.effort.spend(1);
  if (!matchesResource(statement, request)) return false;
  if (conditions.length === 0) return true;
  const context = { reading: readingOf(request), effect, unknown: unknownOf(request, effect) };
  return conditions.every((condition) => conditionHolds(condition, context));
}

function readingOf({ action, keys }: PolicyRequest): Reading {
  const lookUp: LookUp = (key) => (appliesToAction(key, action) ? keys.get(key) : undefined);
  return { lookUp, effort: keys.memory.effort };
}

function unknownOf({ action, extent, keys }: PolicyRequest, effect: Statement["effect"]) {
  return (key: string): Unknown | undefined => {
    if (!appliesToAction(key, action)) return undefined;
    switch (extent) {
      case "everything-below":
        return varies(key, effect) ? "against" : undefined;
      case "something-below":
        return isOfOneObject(key) ? "for" : undefined;
      case undefined:
        return keys.unknown(key);
      default:
        return extent satisfies never;
    }
  };
}

/** The policy of a bucket or topic does not apply to others, however its resources are written. */
function isWithin(arn: string | undefined, resource: string): boolean {
  return arn === undefined || resource === arn || resource.startsWith(`${arn}/`);
}

function matchesResource({ effect, resources }: RemainingStatement, request: PolicyRequest): boolean {
  const { resource, extent, keys } = request;
  const { negated } = resources;
  const reading = readingOf(request);
  if (extent !== undefined) return matchesBelow(resources, { effect, extent, prefix: resource, reading });
  const matches = (pattern: Pattern) => {
    if (!pattern.variables.some((key) => keys.unknown(key) === "for"))
      return matchesPattern(pattern, resource, reading);
    return effect === "Deny" ? negated : !negated && mayMatchPattern(pattern, resource, reading);
  };
  return matchesAny(resources, matches, effect);
}

function matchesAny(
  { negated, patterns }: Matcher,
  matchesOne: (pattern: Pattern) => boolean | undefined,
  effect: Statement["effect"],
): boolean {
  let isUnresolved = false;
  for (const pattern of patterns) {
    const matches = matchesOne(pattern);
    if (matches) return !negated;
    isUnresolved ||= matches === undefined;
  }
  // An unresolved variable leaves the result uncertain: this may deny, and must not allow.
  return negated && (!isUnresolved || effect === "Deny");
}

function matchesBelow(
  { negated, patterns }: Matcher,
  asked: { effect: Statement["effect"]; extent: Extent; prefix: string; reading: Reading },
): boolean {
  const { effect, extent, prefix, reading } = asked;
  // As for one resource: an Allow does not apply if a variable of NotResource has no value.
  const isUnresolved = (pattern: Pattern) => resolvePattern(pattern, reading) === undefined;
  if (negated && effect === "Allow" && extent === "everything-below" && patterns.some(isUnresolved)) return false;
  const covers = () => patterns.some((pattern) => coversBelow(pattern, prefix, reading));
  const touches = () => patterns.some((pattern) => touchesBelow(pattern, prefix, reading));
  const mustTakeInAll = (effect === "Allow") === (extent === "everything-below");
  if (mustTakeInAll) return negated ? !touches() : covers();
  return negated ? !covers() : touches();
}

function split<Item>(items: readonly Item[], isFirst: (item: Item) => boolean): [first: Item[], second: Item[]] {
  const halves: [Item[], Item[]] = [[], []];
  for (const item of items) halves[isFirst(item) ? 0 : 1].push(item);
  return halves;
}

/** Keys that have the same value in every later request of the same caller. */
const LASTING_KEYS: ReadonlySet<string> = new Set([
  "aws:principalaccount",
  "aws:principalarn",
  "aws:principaltype",
  "aws:resourceaccount",
  "aws:securetransport",
  "aws:userid",
  "aws:username",
  "s3:resourceaccount",
]);

/** Whether the key's value may differ for another object or request. An Allow may depend on the current connection. */
function varies(key: string, effect: Statement["effect"]): boolean {
  const name = key.toLowerCase();
  return !LASTING_KEYS.has(name) && (effect === "Deny" || name.startsWith("s3:"));
}
