/**
 * What one policy says to one request ("Policy evaluation logic"): any Deny that applies wins, then any Allow,
 * whatever their order. How several policies, ACLs and ownership come together is `access/authorize.ts`'s.
 */
import { conditionHolds } from "./condition.ts";
import { appliesToAction, type ConditionKeys, type LookUp } from "./condition-keys.ts";
import type { Matcher, PolicyDocument, Statement } from "./document.ts";
import { coversBelow, matchesPattern, touchesBelow } from "./pattern.ts";
import { matchesPrincipal, type PolicyPrincipal, type PrincipalMatch } from "./principal.ts";

export interface PolicyRequest {
  readonly principal: PolicyPrincipal;
  /** `s3:GetObject`, `iam:CreateUser`, `SNS:Publish` */
  readonly action: string;
  /** `arn:aws:s3:::bucket/key` with the key decoded, `arn:aws:s3:::bucket`, `arn:aws:s3:::*`, `arn:aws:iam::…`, `arn:aws:sns:…` */
  readonly resource: string;
  /**
   * The question is about everything that begins with `resource`, now and later. Then an Allow counts if it takes in all
   * of it whatever the object, a Deny if it takes in any of it under any condition.
   */
  readonly extent?: "everything-below" | undefined;
  readonly keys: ConditionKeys;
}

export type PolicyDecision =
  | { readonly effect: "deny" }
  | { readonly effect: "none" }
  /** `via`: the closest of the statements that allow it; `user` for a policy of the user itself. */
  | { readonly effect: "allow"; readonly via: PrincipalMatch };

const CLOSENESS: readonly PrincipalMatch[] = ["user", "everyone", "account"];

export function evaluatePolicy(policy: PolicyDocument, request: PolicyRequest): PolicyDecision {
  if (!isWithin(policy.attachedTo, request.resource)) return { effect: "none" };
  const allows = new Set<PrincipalMatch>();
  for (const statement of policy.statements) {
    const match = matchStatement(statement, request);
    if (match === undefined) continue;
    if (statement.effect === "Deny") return { effect: "deny" };
    allows.add(match);
  }
  const via = CLOSENESS.find((match) => allows.has(match));
  return via === undefined ? { effect: "none" } : { effect: "allow", via };
}

/** The policy of a bucket or topic has no say over others, however its resources are written. */
function isWithin(arn: string | undefined, resource: string): boolean {
  return arn === undefined || resource === arn || resource.startsWith(`${arn}/`);
}

function matchStatement(statement: Statement, request: PolicyRequest): PrincipalMatch | undefined {
  const { effect, actions, resources, conditions, principals } = statement;
  const { action, resource, extent, keys } = request;
  const lookUp: LookUp = (key) => (appliesToAction(key, action) ? keys.get(key) : undefined);
  const isOpen = (key: string) => (extent === undefined ? keys.isUnknown(key) : varies(key, effect));
  const isUnknown = (key: string) => appliesToAction(key, action) && isOpen(key);

  const match = principals === undefined ? "user" : matchesPrincipal(principals, request.principal);
  if (match === undefined) return undefined;
  if (!matchesAny(actions, action.toLowerCase(), { lookUp, effect })) return undefined;
  const isMeant =
    extent === undefined
      ? matchesAny(resources, resource, { lookUp, effect })
      : matchesBelow(resources, resource, { lookUp, effect });
  if (!isMeant) return undefined;
  return conditions.every((condition) => conditionHolds(condition, { lookUp, isUnknown, effect })) ? match : undefined;
}

function matchesAny(
  { negated, patterns }: Matcher,
  text: string,
  { lookUp, effect }: { lookUp: LookUp; effect: Statement["effect"] },
): boolean {
  let isUnresolved = false;
  for (const pattern of patterns) {
    const matches = matchesPattern(pattern, text, lookUp);
    if (matches) return !negated;
    isUnresolved ||= matches === undefined;
  }
  // What a variable without a value leaves open may be denied, and must not be allowed.
  return negated && (!isUnresolved || effect === "Deny");
}

/** For an Allow all that begins with the text, for a Deny any of it. */
function matchesBelow(
  { negated, patterns }: Matcher,
  prefix: string,
  { lookUp, effect }: { lookUp: LookUp; effect: Statement["effect"] },
): boolean {
  const covers = patterns.some((pattern) => coversBelow(pattern, prefix, lookUp));
  const touches = () => patterns.some((pattern) => touchesBelow(pattern, prefix, lookUp));
  if (effect === "Allow") return negated ? !touches() : covers;
  return negated ? !covers : touches();
}

/** Keys that say of whoever asks now what they will say of every later request in its name. */
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

/** Whether the key's value may be another one for another object or request. An Allow may go by the connection of now. */
function varies(key: string, effect: Statement["effect"]): boolean {
  const name = key.toLowerCase();
  return !LASTING_KEYS.has(name) && (effect === "Deny" || name.startsWith("s3:"));
}
