/** PutUserPolicy, GetUserPolicy, ListUserPolicies, DeleteUserPolicy (IAM API reference): inline policies of a user. */
import { uriEncode } from "../../protocol/percent-encoding.ts";
import { xmlElement, xmlText } from "../../protocol/xml/writer.ts";
import { MAX_POLICY_CHARACTERS_PER_USER } from "../../storage/d1/users.ts";
import { IamError, noSuchUser } from "../errors.ts";
import { policyQuotaSize, requireWellFormedPolicy } from "../parameters.ts";
import { type IamAction, readPage, requireUser } from "./action.ts";

export const PutUserPolicy: IamAction = {
  parameters: ["UserName", "PolicyName", "PolicyDocument"],
  async run(call) {
    const { parameters, services, now } = call;
    const userName = parameters.requireUserName();
    const name = parameters.requirePolicyName();
    const document = parameters.requirePolicyDocument();
    const grant = await requireUser(call, userName);
    requireWellFormedPolicy(document);
    const policy = { name, document, size: policyQuotaSize(document), now };
    switch (await services.users.putPolicy(grant, policy)) {
      case "put":
        return undefined;
      case "too-long": {
        const message = `Maximum policy size of ${MAX_POLICY_CHARACTERS_PER_USER} bytes exceeded for user ${userName}`;
        throw new IamError("LimitExceeded", message);
      }
      case "gone":
        throw noSuchUser(userName);
    }
  },
};

export const GetUserPolicy: IamAction = {
  parameters: ["UserName", "PolicyName"],
  async run(call) {
    const name = call.parameters.requirePolicyName();
    const grant = await requireUser(call, call.parameters.requireUserName());
    const policy = await call.services.users.findPolicy(grant, name);
    if (policy === undefined) throw noSuchPolicy(name);
    return [
      xmlText("UserName", grant.user.name),
      xmlText("PolicyName", policy.name),
      // "The policy document is URL-encoded compliant with RFC 3986" (API_GetUserPolicy).
      xmlText("PolicyDocument", uriEncode(policy.document)),
    ];
  },
};

export const ListUserPolicies: IamAction = {
  parameters: ["UserName", "Marker", "MaxItems"],
  async run(call) {
    const grant = await requireUser(call, call.parameters.requireUserName());
    const { users } = call.services;
    const page = await readPage(call, {
      owner: grant.user.id,
      read: (range) => users.listPolicies(grant, range),
      nameOf: (name) => name,
    });
    const names = page.items.map((name) => xmlText("member", name));
    return [xmlElement("PolicyNames", names), ...page.elements];
  },
};

export const DeleteUserPolicy: IamAction = {
  parameters: ["UserName", "PolicyName"],
  async run(call) {
    const name = call.parameters.requirePolicyName();
    const grant = await requireUser(call, call.parameters.requireUserName());
    if (!(await call.services.users.deletePolicy(grant, name))) throw noSuchPolicy(name);
    return undefined;
  },
};

function noSuchPolicy(name: string): IamError {
  return new IamError("NoSuchEntity", `The user policy with name ${name} cannot be found.`);
}
