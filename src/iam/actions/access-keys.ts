/**
 * CreateAccessKey, ListAccessKeys, UpdateAccessKey, DeleteAccessKey, GetAccessKeyLastUsed (IAM API reference). Without
 * `UserName` they manage the caller's own keys; for the root of an account, these are the account's root keys. The
 * deployment's own root key is one of the Worker's secrets, so it is not among them.
 */
import { ANY_RESOURCE, authorizeAccount, authorizeOwnAccount } from "../../access/authorize-iam.ts";
import type { UserKey } from "../../model/user.ts";
import { type XmlNode, xmlElement, xmlOptional, xmlText } from "../../protocol/xml/writer.ts";
import { xmlMembers, xmlTime } from "../../query-api/service.ts";
import { IamError, noSuchKey, noSuchUser } from "../errors.ts";
import { type IamAction, questionOf, readPage, requireKeyOwner, requireUser } from "./action.ts";

export const CreateAccessKey: IamAction = {
  parameters: ["UserName"],
  async run(call) {
    const owner = await requireKeyOwner(call);
    const key = await call.services.userKeys.create(owner, call.now);
    if (key === "too-many") throw new IamError("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2");
    if (key === "gone") throw noSuchUser(owner.user?.name ?? "");
    call.noteCreated({ accessKeyId: key.accessKeyId });
    return [
      xmlElement("AccessKey", [
        xmlOptional("UserName", owner.user?.name),
        xmlText("AccessKeyId", key.accessKeyId),
        xmlText("Status", key.status),
        xmlText("SecretAccessKey", key.secretAccessKey),
        xmlTime("CreateDate", key.createdAt),
      ]),
    ];
  },
};

export const ListAccessKeys: IamAction = {
  parameters: ["UserName", "Marker", "MaxItems"],
  async run(call) {
    const owner = await requireKeyOwner(call);
    const { userKeys } = call.services;
    const page = await readPage(call, {
      owner: owner.user?.id ?? owner.accountId,
      read: (range) => userKeys.list(owner, range),
      nameOf: ({ accessKeyId }) => accessKeyId,
    });
    const members = page.items.map((key) => describeKey(key, owner.user?.name));
    return [xmlOptional("UserName", owner.user?.name), xmlMembers("AccessKeyMetadata", members), ...page.elements];
  },
};

export const UpdateAccessKey: IamAction = {
  parameters: ["UserName", "AccessKeyId", "Status"],
  async run(call) {
    const accessKeyId = call.parameters.requireAccessKeyId();
    const status = call.parameters.requireStatus();
    const owner = await requireKeyOwner(call);
    if (!(await call.services.userKeys.setStatus(owner, accessKeyId, status))) throw noSuchKey(accessKeyId);
    return undefined;
  },
};

export const DeleteAccessKey: IamAction = {
  parameters: ["UserName", "AccessKeyId"],
  async run(call) {
    const accessKeyId = call.parameters.requireAccessKeyId();
    const owner = await requireKeyOwner(call);
    if (!(await call.services.userKeys.delete(owner, accessKeyId))) throw noSuchKey(accessKeyId);
    return undefined;
  },
};

export const GetAccessKeyLastUsed: IamAction = {
  parameters: ["AccessKeyId"],
  async run(call) {
    const { parameters, caller, services } = call;
    const accessKeyId = parameters.requireAccessKeyId();
    const key = await services.userKeys.find(caller.account.id, accessKeyId);
    if (key === undefined) {
      authorizeAccount(questionOf(call), ANY_RESOURCE);
      throw noSuchKey(accessKeyId);
    }
    if (key.userName === undefined) authorizeOwnAccount(questionOf(call));
    else await requireUser(call, key.userName);
    const { lastUse } = key;
    return [
      xmlOptional("UserName", key.userName),
      xmlElement("AccessKeyLastUsed", [
        lastUse && xmlTime("LastUsedDate", lastUse.usedAt),
        xmlText("ServiceName", lastUse?.service ?? "N/A"),
        xmlText("Region", lastUse?.region ?? "N/A"),
      ]),
    ];
  },
};

function describeKey(key: UserKey, userName: string | undefined): readonly (XmlNode | undefined)[] {
  return [
    xmlOptional("UserName", userName),
    xmlText("AccessKeyId", key.accessKeyId),
    xmlText("Status", key.status),
    xmlTime("CreateDate", key.createdAt),
  ];
}
