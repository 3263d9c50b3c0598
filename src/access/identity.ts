/**
 * The caller's own policies ("Policy evaluation logic": identity-based and session policies), and the whole decision
 * for resources without a policy: those of IAM and STS, and the lists of SNS.
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

/** A caller and the action it requests. */
export interface IdentityQuestion {
  readonly caller: AccountCaller;
  /** `iam:CreateUser`, `SNS:Subscribe`: as it appears in error messages. */
  readonly action: string;
  /** The facts that conditions may refer to. */
  readonly facts: Omit<RequestFacts, "principal">;
  /** Condition keys that only the service has. */
  readonly keys?: Readonly<Record<string, readonly string[]>>;
}

/** The policies of a caller itself. */
export interface CallerPolicies {
  /** Undefined for the root of an account, which has no policies and may do everything that its account may do. */
  readonly user: readonly PolicyDocument[] | undefined;
  /** Undefined if the caller is not a session, or is a session without a policy of its own. */
  readonly session: PolicyDocument | undefined;
}

/**
 * The effect of each kind of policy on a request; `allow` if there is no policy of that kind that could limit the
 * caller.
 */
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
  // A Deny of the user's policies is final.
  if (userEffect === "deny") return { user: "deny", session: "none" };
  return { user: userEffect, session: session === undefined ? "allow" : combine([session], request) };
}

/** A Deny of either wins; an Allow takes both. */
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
    ...(session !== undefined && { sessionIssuedAt: session.issuedAt }),
  };
}

/**
 * The request by which policies decide the question.
 * @param resourceAccountId account that owns the resource
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
 * @param request from `toPolicyRequest`
 * @throws S3Error `AccessDenied` unless the caller's own policies allow it; the root of an account is always allowed
 */
export function requireIdentityAllows(question: IdentityQuestion, request: PolicyRequest): void {
  const { caller, action } = question;
  const { resource } = request;
  const policies = policiesOf(caller);
  const effects = callerEffects(policies, request);
  const effect = identityEffect(effects);
  if (effect === "allow") return;
  // The session policy is the reason if the user's own policies would have allowed it.
  const isSession = policies.session !== undefined && effects.user === "allow";
  const kind = isSession ? "session" : "identity-based";
  if (effect === "deny") {
    throw denied(question, resource, ` with an explicit deny in ${isSession ? "a" : "an"} ${kind} policy`);
  }
  throw denied(question, resource, ` because no ${kind} policy allows the ${action} action`);
}

/** @param reason begins with a space */
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
