/**
 * The contract of an action. Users and keys are out of reach without a grant of `access/authorize-iam.ts`, so an action
 * that forgot to ask for one does not compile.
 */
import {
  authorizeAccount,
  authorizeOwnAccount,
  authorizeUser,
  type IamQuestion,
  type IamUserGrant,
} from "../../access/authorize-iam.ts";
import { type AccountCaller, userArn } from "../../model/caller.ts";
import type { UserRecord } from "../../model/user.ts";
import type { Services } from "../../services.ts";
import type { KeyOwnerGrant } from "../../storage/d1/user-keys.ts";
import type { Api, Result } from "../api.ts";
import { noSuchUser } from "../errors.ts";
import type { Parameters } from "../parameters.ts";

export interface IamAction {
  /** All that it takes. Others are refused rather than overlooked: a tag or boundary that has no effect is none. */
  readonly parameters: readonly string[];
  /** @throws IamError, S3Error `AccessDenied` */
  run(call: IamCall): Promise<Result>;
}

export interface IamCall {
  readonly api: Api;
  readonly action: string;
  readonly parameters: Parameters;
  readonly caller: AccountCaller;
  readonly facts: IamQuestion["facts"];
  readonly now: Date;
  readonly services: Pick<Services, "users" | "userKeys" | "directory" | "tokenKey">;
}

export function questionOf({ api, action, caller, facts }: IamCall): IamQuestion {
  return { caller, action: `${api.service}:${action}`, facts };
}

/** @throws IamError NoSuchEntity, but only to those who would have been granted */
export async function requireUser(call: IamCall, name: string): Promise<IamUserGrant> {
  const { caller, services } = call;
  return grantUser(call, name, await services.users.find(caller.account.id, name));
}

/** The user named by `UserName`, or the caller itself where that is left out: a user, or the account's root. */
export async function requireKeyOwner(call: IamCall): Promise<KeyOwnerGrant> {
  const name = call.parameters.findUserName();
  if (name !== undefined) return requireUser(call, name);
  const { user, account } = call.caller;
  if (user === undefined) return authorizeOwnAccount(questionOf(call));
  return grantUser(call, user.name, await call.services.users.findById(account.id, user.id));
}

function grantUser(call: IamCall, name: string, user: UserRecord | undefined): IamUserGrant {
  const question = questionOf(call);
  if (user !== undefined) return authorizeUser(question, user);
  // Who may not ask about this name does not learn that there is no such user.
  authorizeAccount(question, userArn(call.caller.account.id, "/", name));
  throw noSuchUser(name);
}
