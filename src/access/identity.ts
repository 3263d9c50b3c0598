/**
 * What the caller's own policies say ("Policy evaluation logic": identity-based and session policies), and the whole
 * decision for what has no policy: resources of IAM and STS, lists of SNS.
 */
import { S3Error } from "../errors.ts";
import type { AccountCaller, Caller } from "../model/caller.ts";
import type { PolicyDocument } from "./policy/document.ts";
import { evaluatePolicy, type PolicyDecision } from "./policy/evaluate.ts";
import { userPolicy } from "./policy/parsed.ts";
import type { PolicyRequest } from "./policy/policy-request.ts";
import type { RequestPrincipal } from "./policy/principal.ts";
import { type RequestFacts, requestKeys } from "./policy/request-keys.ts";

export type Effect = PolicyDecision["effect"];

/** Who asks to do what. */
export interface IdentityQuestion {
  readonly caller: AccountCaller;
  /** `iam:CreateUser`, `SNS:Subscribe`: as messages name it. */
  readonly action: string;
  /** What conditions may ask about. */
  readonly facts: Omit<RequestFacts, "principal">;
  /** Condition keys of the service's own. */
  readonly keys?: Readonly<Record<string, readonly string[]>>;
}

/** The policies that a caller brings. */
export interface CallerPolicies {
  /** Undefined for the root of an account, which has no policies and may do all that its account may. */
  readonly user: readonly PolicyDocument[] | undefined;
  /** Undefined where the caller is no session, or one without a policy of its own. */
  readonly session: PolicyDocument | undefined;
}

/** What each of them says to a request; `allow` where there is none that could limit the caller. */
export interface CallerEffects {
  readonly user: Effect;
  readonly session: Effect;
}

export function policiesOf(caller: Caller): CallerPolicies {
  if (caller.kind === "anonymous") return { user: [], session: undefined };
  const session = caller.session?.policy;
  return {
    user: caller.user?.policies.map(userPolicy),
    session: session === undefined ? undefined : userPolicy(session),
  };
}

export function callerEffects({ user, session }: CallerPolicies, request: PolicyRequest): CallerEffects {
  const userEffect = user === undefined ? "allow" : combine(user, request);
  // A Deny of the user's is the answer, whatever the session's policy says.
  if (userEffect === "deny") return { user: "deny", session: "none" };
  return { user: userEffect, session: session === undefined ? "allow" : combine([session], request) };
}

/** Both must allow, and either may deny. */
export function identityEffect({ user, session }: CallerEffects): Effect {
  if (user === "deny" || session === "deny") return "deny";
  return user === "allow" && session === "allow" ? "allow" : "none";
}

function combine(policies: readonly PolicyDocument[], request: PolicyRequest): Effect {
  const effects = policies.map((policy) => evaluatePolicy(policy, request).effect);
  if (effects.includes("deny")) return "deny";
  return effects.includes("allow") ? "allow" : "none";
}

export function toPrincipal(caller: AccountCaller): RequestPrincipal & { readonly kind: "account" };
export function toPrincipal(caller: Caller): RequestPrincipal;
export function toPrincipal(caller: Caller): RequestPrincipal {
  if (caller.kind === "anonymous") return caller;
  const { account, user, session } = caller;
  return {
    kind: "account",
    accountId: account.id,
    canonicalId: account.canonicalId,
    ...(user && { user: { id: user.id, name: user.name, arn: user.arn } }),
    ...(session?.name !== undefined && { federatedUserName: session.name }),
  };
}

/**
 * The question as policies are asked it.
 * @param resourceAccountId whose the resource is
 */
export function toPolicyRequest(
  question: IdentityQuestion,
  resource: string,
  resourceAccountId = question.caller.account.id,
): PolicyRequest {
  const { caller, action, facts } = question;
  const principal = toPrincipal(caller);
  const keys = requestKeys({ ...facts, principal, resourceAccountId }).with(question.keys ?? {});
  return { principal, action, resource, keys };
}

/**
 * @param request as `toPolicyRequest` gives it
 * @throws S3Error `AccessDenied` unless the caller's own policies allow it, as an account's root always may
 */
export function requireIdentityAllows(question: IdentityQuestion, request: PolicyRequest): void {
  const { caller, action } = question;
  const { resource } = request;
  const policies = policiesOf(caller);
  const effects = callerEffects(policies, request);
  const effect = identityEffect(effects);
  if (effect === "allow") return;
  // The session's policy is the reason where the user's own would have allowed it.
  const isSession = policies.session !== undefined && effects.user === "allow";
  const kind = isSession ? "session" : "identity-based";
  if (effect === "deny") {
    throw denied(question, resource, ` with an explicit deny in ${isSession ? "a" : "an"} ${kind} policy`);
  }
  throw denied(question, resource, ` because no ${kind} policy allows the ${action} action`);
}

/** @param reason begins with a blank */
export function denied({ caller, action }: IdentityQuestion, resource: string, reason: string): S3Error {
  const message = `User: ${callerArn(caller)} is not authorized to perform: ${action} on resource: ${resource}${reason}`;
  return new S3Error("AccessDenied", { message });
}

/** "IAM identifiers": the root of an account, an IAM user, or a federated user. */
export function callerArn({ account, user, session }: AccountCaller): string {
  if (session?.name !== undefined) return federatedUserArn(account.id, session.name);
  return user?.arn ?? `arn:aws:iam::${account.id}:root`;
}

export function federatedUserArn(accountId: string, name: string): string {
  return `arn:aws:sts::${accountId}:federated-user/${name}`;
}
