/**
 * The contract of an action. Users and keys are accessible only with a grant of `access/authorize-iam.ts`, so an action
 * without authorization does not compile.
 */
import {
  authorizeAccount,
  authorizeOwnAccount,
  authorizeUser,
  type IamQuestion,
  type IamUserGrant,
} from "../../access/authorize-iam.ts";
import { userArn } from "../../model/caller.ts";
import type { UserRecord } from "../../model/user.ts";
import { type XmlNode, xmlOptional, xmlText } from "../../protocol/xml/writer.ts";
import * as paging from "../../query-api/paging.ts";
import type { Api, QueryAction, QueryCall } from "../../query-api/service.ts";
import type { KeyOwnerGrant } from "../../storage/d1/access-keys.ts";
import { noSuchUser } from "../errors.ts";
import { invalidMarker, type Parameters } from "../parameters.ts";

export type IamAction = QueryAction<IamCall>;

export type IamApi = Api & { readonly service: "iam" | "sts" };

export interface IamCall extends QueryCall {
  readonly api: IamApi;
  readonly parameters: Parameters;
}

export function questionOf({ api, action, caller, facts }: IamCall): IamQuestion {
  return { caller, action: `${api.service}:${action}`, facts };
}

/** @throws IamError NoSuchEntity, but only to callers that would have been granted access */
export async function requireUser(call: IamCall, name: string): Promise<IamUserGrant> {
  const { caller, services } = call;
  return grantUser(call, name, await services.users.find(caller.account.id, name));
}

/** The user named by `UserName`, or without it the caller itself: a user, or the account's root. */
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
  // A caller without permission for this name does not learn that the user does not exist.
  authorizeAccount(question, userArn(call.caller.account.id, "/", name));
  throw noSuchUser(name);
}

/** One page of a list: `MaxItems`, `Marker`, `IsTruncated`. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** `IsTruncated` and, if so, `Marker`. */
  readonly elements: readonly (XmlNode | undefined)[];
}

export interface List<Item> {
  /** The id of the account or user whose items these are. A marker is valid in this list only. */
  readonly owner: string;
  read(page: { readonly after: string; readonly limit: number }): Promise<readonly Item[]>;
  nameOf(item: Item): string;
}

/** @throws IamError `ValidationError` */
export async function readPage<Item>(
  { action, parameters, services: { tokenKey } }: IamCall,
  { owner, read, nameOf }: List<Item>,
): Promise<Page<Item>> {
  const request = {
    tokenKey,
    scope: `${action}/${owner}`,
    size: parameters.readMaxItems(),
    token: parameters.findMarker(),
    invalidToken: invalidMarker,
  };
  const { items, nextToken } = await paging.readPage(request, read, nameOf);
  return { items, elements: [xmlText("IsTruncated", nextToken !== undefined), xmlOptional("Marker", nextToken)] };
}
