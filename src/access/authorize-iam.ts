/**
 * May this caller manage users and keys, or make temporary credentials? Deny by default.
 *
 * Root keys of an account may do everything in their own account and nothing in another. A user needs an Allow of its
 * own policies. Temporary credentials may do nothing here, so that no session can outlive or widen itself.
 * The repositories of users and keys take the grants that only this file can make.
 */
import { S3Error } from "../errors.ts";
import type { AccountCaller, User } from "../model/caller.ts";
import type { UserRecord } from "../model/user.ts";
import { evaluatePolicy, type PolicyDecision, type PolicyRequest } from "./policy/evaluate.ts";
import { userPolicy } from "./policy/parsed.ts";
import { type RequestFacts, requestKeys } from "./policy/request-keys.ts";

// Never exported: without the symbol no other file can write the types below.
declare const granted: unique symbol;

/** Proof of a permission on the account's users as a whole: make one, list them. */
export interface IamAccountGrant {
  readonly [granted]: "account";
  readonly accountId: string;
}

/** Proof of a permission on one user. */
export interface IamUserGrant {
  readonly [granted]: "user";
  readonly accountId: string;
  readonly user: UserRecord;
}

/** Proof that an account's root asks about the account's own keys. */
export interface IamOwnAccountGrant {
  readonly [granted]: "own-account";
  readonly accountId: string;
  readonly user?: undefined;
}

/** Proof that the caller may make temporary credentials for itself. */
export interface SessionGrant {
  readonly [granted]: "session";
  readonly caller: AccountCaller;
}

export type IamActionName = `iam:${string}` | `sts:${string}`;

/** Who asks to do what. */
export interface IamQuestion {
  readonly caller: AccountCaller;
  readonly action: IamActionName;
  /** What conditions may ask about. */
  readonly facts: Omit<RequestFacts, "principal">;
}

/** Resource of the actions that have none. */
export const ANY_RESOURCE = "*";

/** @throws S3Error `AccessDenied` */
export function authorizeAccount(question: IamQuestion, resource: string): IamAccountGrant {
  requireIam(question, resource);
  return { accountId: question.caller.account.id } as IamAccountGrant;
}

/** @throws S3Error `AccessDenied` */
export function authorizeUser(question: IamQuestion, user: UserRecord): IamUserGrant {
  if (user.accountId !== question.caller.account.id) throw denied(question, user.arn, "");
  requireIam(question, user.arn);
  return { accountId: user.accountId, user } as IamUserGrant;
}

/** @throws S3Error `AccessDenied` unless the caller is the account's root. */
export function authorizeOwnAccount(question: IamQuestion): IamOwnAccountGrant {
  const { caller } = question;
  if (caller.user !== undefined || caller.session !== undefined) {
    throw denied(question, `arn:aws:iam::${caller.account.id}:root`, "");
  }
  return { accountId: caller.account.id } as IamOwnAccountGrant;
}

/**
 * GetSessionToken needs no permission, GetFederationToken one on the federated user.
 * @param resource undefined where no permission is needed
 * @throws S3Error `AccessDenied`, always for temporary credentials
 */
export function authorizeSession(question: IamQuestion, resource: string | undefined): SessionGrant {
  const { caller, action } = question;
  if (caller.session !== undefined) {
    throw new S3Error("AccessDenied", { message: `Cannot call ${action.slice(4)} with session credentials` });
  }
  if (resource !== undefined) requireAllowed(question, resource);
  return { caller } as SessionGrant;
}

/** "IAM identifiers": the root of an account, an IAM user, or a federated user. */
export function callerArn({ account, user, session }: AccountCaller): string {
  if (session?.name !== undefined) return federatedUserArn(account.id, session.name);
  return user?.arn ?? `arn:aws:iam::${account.id}:root`;
}

export function federatedUserArn(accountId: string, name: string): string {
  return `arn:aws:sts::${accountId}:federated-user/${name}`;
}

function requireIam(question: IamQuestion, resource: string): void {
  if (question.caller.session !== undefined) {
    throw denied(question, resource, " because temporary credentials may not call IAM");
  }
  requireAllowed(question, resource);
}

function requireAllowed(question: IamQuestion, resource: string): void {
  const { user } = question.caller;
  if (user === undefined) return;
  const effects = new Set(decide(question, user, resource).map(({ effect }) => effect));
  if (effects.has("deny")) throw denied(question, resource, " with an explicit deny in an identity-based policy");
  if (effects.has("allow")) return;
  throw denied(question, resource, ` because no identity-based policy allows the ${question.action} action`);
}

/** What each of the user's policies says. */
function decide({ caller, action, facts }: IamQuestion, user: User, resource: string): readonly PolicyDecision[] {
  const { id: accountId, canonicalId } = caller.account;
  const principal = { kind: "account", accountId, canonicalId, user } as const;
  const request: PolicyRequest = { principal, action, resource, keys: requestKeys({ ...facts, principal }) };
  return user.policies.map((text) => evaluatePolicy(userPolicy(text), request));
}

function denied({ caller, action }: IamQuestion, resource: string, reason: string): S3Error {
  const message = `User: ${callerArn(caller)} is not authorized to perform: ${action} on resource: ${resource}${reason}`;
  return new S3Error("AccessDenied", { message });
}
