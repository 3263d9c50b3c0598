/**
 * Features that users do not have: groups, managed policies, tags, MFA devices, passwords and others. Terraform's AWS
 * provider asks for them whenever it reads or deletes a user; the answer is an empty list, or that there is none. The
 * actions that would create them are not offered.
 */
import { ANY_RESOURCE, authorizeAccount } from "../../access/authorize-iam.ts";
import { xmlElement, xmlText } from "../../protocol/xml/writer.ts";
import { IamError } from "../errors.ts";
import { type IamAction, questionOf, requireKeyOwner, requireUser } from "./action.ts";

const PAGING = ["Marker", "MaxItems"];

export const ListGroupsForUser = emptyList("Groups");
export const ListAttachedUserPolicies = emptyList("AttachedPolicies", ["PathPrefix"]);
export const ListUserTags = emptyList("Tags");
export const ListMFADevices = emptyList("MFADevices");
export const ListSSHPublicKeys = emptyList("SSHPublicKeys");
export const ListServiceSpecificCredentials = emptyList("ServiceSpecificCredentials", ["ServiceName"]);
export const ListSigningCertificates = emptyList("Certificates");
export const GetLoginProfile = noLoginProfile();
export const DeleteLoginProfile = noLoginProfile();

export const ListVirtualMFADevices: IamAction = {
  parameters: ["AssignmentStatus", ...PAGING],
  async run(call) {
    authorizeAccount(questionOf(call), ANY_RESOURCE);
    return [xmlElement("VirtualMFADevices", []), xmlText("IsTruncated", false)];
  },
};

function emptyList(element: string, filters: readonly string[] = []): IamAction {
  return {
    parameters: ["UserName", ...filters, ...PAGING],
    async run(call) {
      await requireKeyOwner(call);
      return [xmlElement(element, []), xmlText("IsTruncated", false)];
    },
  };
}

function noLoginProfile(): IamAction {
  return {
    parameters: ["UserName"],
    async run(call) {
      const { user } = await requireUser(call, call.parameters.requireUserName());
      throw new IamError("NoSuchEntity", `Login Profile for User ${user.name} cannot be found.`);
    },
  };
}
