/**
 * IAM and STS: every action by its name. All others are refused with InvalidAction, and those of STS with
 * NotImplemented.
 */
import { noSuchOperation } from "../../query-api/errors.ts";
import { type QueryService, queryService } from "../../query-api/service.ts";
import { IamError, toIamError } from "../errors.ts";
import { Parameters } from "../parameters.ts";
import * as accessKeys from "./access-keys.ts";
import type { IamAction, IamApi, IamCall } from "./action.ts";
import * as sts from "./sts.ts";
import * as unsupportedFeatures from "./unsupported-features.ts";
import * as userPolicies from "./user-policies.ts";
import * as users from "./users.ts";

export const IAM_ACTIONS: ReadonlyMap<string, IamAction> = new Map(
  Object.entries({ ...users, ...accessKeys, ...userPolicies, ...unsupportedFeatures }),
);

export const STS_ACTIONS: ReadonlyMap<string, IamAction> = new Map(Object.entries(sts));

/** Actions of STS that require roles, identity providers or AWS's own authorization messages. */
const STS_NOT_OFFERED: ReadonlySet<string> = new Set([
  "AssumeRole",
  "AssumeRoleWithSAML",
  "AssumeRoleWithWebIdentity",
  "AssumeRoot",
  "DecodeAuthorizationMessage",
  "GetAccessKeyInfo",
]);

const IAM_API: IamApi = {
  service: "iam",
  version: "2010-05-08",
  namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
};

const STS_API: IamApi = {
  service: "sts",
  version: "2011-06-15",
  namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
};

/** Enough for any policy document. */
const MAX_BODY_BYTES = 64 * 1024;

export const IAM = open(IAM_API, IAM_ACTIONS);
export const STS = open(STS_API, STS_ACTIONS);

function open(api: IamApi, actions: ReadonlyMap<string, IamAction>): QueryService {
  return queryService<IamCall>({
    api,
    actions,
    maxBodyBytes: MAX_BODY_BYTES,
    toError: toIamError,
    open: (call) => ({ ...call, api, parameters: new Parameters(call.form) }),
    notOffered: (name) => {
      if (api === STS_API && STS_NOT_OFFERED.has(name)) {
        const message = `${name} is not implemented: there are no roles here. GetFederationToken creates credentials with limited permissions.`;
        return new IamError("NotImplemented", message);
      }
      return noSuchOperation(name, api.version);
    },
    unsupported: (parameter, action) =>
      new IamError("NotImplemented", `The parameter ${parameter} of ${action} is not supported.`),
  });
}
