/**
 * Whether a caller may manage users and keys, or create temporary credentials. Denied by default.
 *
 * Root keys of an account may do everything in their own account and nothing in another. A user needs an Allow of its
 * own policies. Temporary credentials are always denied here, so that no session can extend its lifetime or its
 * permissions. The repositories of users and keys require the grants that only this file can create.
 */
import { S3Error } from "../errors.ts";
import type { AccountCaller } from "../model/caller.ts";
import type { UserRecord } from "../model/user.ts";
import { denied, type IdentityQuestion, requireIdentityAllows, toPolicyRequest } from "./identity.ts";

// Not exported: without the symbol no other file can create the types below.
declare const granted: unique symbol;

/** Proof of a permission on the account's users as a whole: creating and listing them. */
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

/** Proof that an account's root acts on the account's own keys. */
export interface IamOwnAccountGrant {
  readonly [granted]: "own-account";
  readonly accountId: string;
  readonly user?: undefined;
}

/** Proof that the caller may create temporary credentials for itself. */
export interface SessionGrant {
  readonly [granted]: "session";
  readonly caller: AccountCaller;
}

export type IamActionName = `iam:${string}` | `sts:${string}`;

export interface IamQuestion extends IdentityQuestion {
  readonly action: IamActionName;
}

/** Resource of actions that have no resource. */
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
  if (resource !== undefined) requireIdentityAllows(question, toPolicyRequest(question, resource));
  return { caller } as SessionGrant;
}

function requireIam(question: IamQuestion, resource: string): void {
  if (question.caller.session !== undefined) {
    throw denied(question, resource, " because temporary credentials may not call IAM");
  }
  requireIdentityAllows(question, toPolicyRequest(question, resource));
}
