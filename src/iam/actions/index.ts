/** Every action by its name. What is not here is refused: InvalidAction, or NotImplemented for the rest of STS. */
import { type Api, IAM } from "../api.ts";
import { IamError } from "../errors.ts";
import * as accessKeys from "./access-keys.ts";
import type { IamAction } from "./action.ts";
import * as nothingThere from "./nothing-there.ts";
import * as sts from "./sts.ts";
import * as userPolicies from "./user-policies.ts";
import * as users from "./users.ts";

export const IAM_ACTIONS: ReadonlyMap<string, IamAction> = new Map(
  Object.entries({ ...users, ...accessKeys, ...userPolicies, ...nothingThere }),
);

export const STS_ACTIONS: ReadonlyMap<string, IamAction> = new Map(Object.entries(sts));

/** Actions of STS that presuppose roles, identity providers or AWS's own log of refusals. */
const STS_NOT_OFFERED: ReadonlySet<string> = new Set([
  "AssumeRole",
  "AssumeRoleWithSAML",
  "AssumeRoleWithWebIdentity",
  "AssumeRoot",
  "DecodeAuthorizationMessage",
  "GetAccessKeyInfo",
]);

/** @throws IamError `InvalidAction`, `NotImplemented` */
export function requireAction(api: Api, name: string): IamAction {
  const action = (api === IAM ? IAM_ACTIONS : STS_ACTIONS).get(name);
  if (action !== undefined) return action;
  if (api !== IAM && STS_NOT_OFFERED.has(name)) {
    const message = `${name} is not implemented: there are no roles here. GetFederationToken makes narrowed credentials.`;
    throw new IamError("NotImplemented", message);
  }
  throw new IamError("InvalidAction", `Could not find operation ${name.slice(0, 128)} for version ${api.version}`);
}
