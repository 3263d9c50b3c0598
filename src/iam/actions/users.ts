/** CreateUser, GetUser, ListUsers, UpdateUser, DeleteUser (IAM API reference). */
import { ANY_RESOURCE, authorizeAccount, authorizeOwnAccount } from "../../access/authorize-iam.ts";
import { callerArn } from "../../access/identity.ts";
import { userArn } from "../../model/caller.ts";
import type { UserRecord } from "../../model/user.ts";
import { type XmlNode, xmlElement, xmlText } from "../../protocol/xml/writer.ts";
import { xmlMembers, xmlTime } from "../../query-api/service.ts";
import { IamError, noSuchUser } from "../errors.ts";
import { type IamAction, questionOf, readPage, requireUser } from "./action.ts";

export const CreateUser: IamAction = {
  parameters: ["UserName", "Path"],
  async run(call) {
    const { parameters, caller, services, now } = call;
    const name = parameters.requireNewUserName();
    const path = parameters.findPath("Path") ?? "/";
    const grant = authorizeAccount(questionOf(call), userArn(caller.account.id, path, name));
    const result = await services.users.create(grant, { name, path, now });
    switch (result.outcome) {
      case "created":
        return [xmlElement("User", describeUser(result.user))];
      case "exists":
        throw userExists(name);
      case "too-many":
        throw new IamError("LimitExceeded", "Cannot exceed quota for UsersPerAccount: 5000");
    }
  },
};

export const GetUser: IamAction = {
  parameters: ["UserName"],
  async run(call) {
    const { parameters, caller, services } = call;
    const name = parameters.findUserName() ?? caller.user?.name;
    if (name !== undefined) return [xmlElement("User", describeUser((await requireUser(call, name)).user))];
    // The root of an account has neither path nor name.
    const createdAt = await services.users.accountCreatedAt(authorizeOwnAccount(questionOf(call)));
    const { id } = caller.account;
    const root = [xmlText("UserId", id), xmlText("Arn", callerArn(caller)), xmlTime("CreateDate", createdAt)];
    return [xmlElement("User", root)];
  },
};

export const ListUsers: IamAction = {
  parameters: ["PathPrefix", "Marker", "MaxItems"],
  async run(call) {
    const { parameters, caller, services } = call;
    const pathPrefix = parameters.findPathPrefix() ?? "/";
    const grant = authorizeAccount(questionOf(call), ANY_RESOURCE);
    const page = await readPage(call, {
      owner: `${caller.account.id}${pathPrefix}`,
      read: (range) => services.users.list(grant, { pathPrefix, ...range }),
      nameOf: ({ name }) => name,
    });
    return [xmlMembers("Users", page.items.map(describeUser)), ...page.elements];
  },
};

export const UpdateUser: IamAction = {
  parameters: ["UserName", "NewUserName", "NewPath"],
  async run(call) {
    const { parameters, caller, services } = call;
    const name = parameters.requireUserName();
    const newName = parameters.findNewUserName();
    const newPath = parameters.findPath("NewPath");
    const grant = await requireUser(call, name);
    const changed = { name: newName ?? grant.user.name, path: newPath ?? grant.user.path };
    // "You must have the appropriate permissions on both the source object and the target object" (API_UpdateUser).
    authorizeAccount(questionOf(call), userArn(caller.account.id, changed.path, changed.name));
    switch (await services.users.update(grant, changed)) {
      case "updated":
        return undefined;
      case "exists":
        throw userExists(changed.name);
      case "gone":
        throw noSuchUser(name);
    }
  },
};

export const DeleteUser: IamAction = {
  parameters: ["UserName"],
  async run(call) {
    const name = call.parameters.requireUserName();
    const outcome = await call.services.users.delete(await requireUser(call, name));
    switch (outcome) {
      case "deleted":
        return undefined;
      case "has-keys":
        throw new IamError("DeleteConflict", "Cannot delete entity, must delete access keys first.");
      case "has-policies":
        throw new IamError("DeleteConflict", "Cannot delete entity, must delete policies first.");
      case "gone":
        throw noSuchUser(name);
    }
  },
};

function describeUser(user: UserRecord): readonly XmlNode[] {
  return [
    xmlText("Path", user.path),
    xmlText("UserName", user.name),
    xmlText("UserId", user.id),
    xmlText("Arn", user.arn),
    xmlTime("CreateDate", user.createdAt),
  ];
}

function userExists(name: string): IamError {
  return new IamError("EntityAlreadyExists", `User with name ${name} already exists.`);
}
