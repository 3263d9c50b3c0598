/** Users, their keys and their policies. */
import type { ApiClient } from "./client.ts";
import { callQuery, type FormFields } from "./query.ts";
import { childrenOf, findElement, findText, textOf } from "./xml.ts";

export interface User {
  readonly name: string;
  readonly path: string;
  readonly arn: string;
  readonly createdAt: string;
}

export interface UserKey {
  readonly id: string;
  readonly isActive: boolean;
  readonly createdAt: string;
}

/** Shown once: the endpoint never returns the secret again. */
export interface NewKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

function call(client: ApiClient, action: string, fields: FormFields): Promise<Element> {
  return callQuery(client, { service: "iam", action, fields });
}

function membersOf(result: Element, list: string): Element[] {
  const found = findElement(result, list);
  return found === undefined ? [] : childrenOf(found, "member");
}

function readUser(element: Element): User {
  return {
    name: textOf(element, "UserName"),
    path: textOf(element, "Path"),
    arn: textOf(element, "Arn"),
    createdAt: textOf(element, "CreateDate"),
  };
}

export interface UserPage {
  readonly users: readonly User[];
  readonly next: string | undefined;
}

export async function listUsers(client: ApiClient, marker: string | undefined): Promise<UserPage> {
  const result = await call(client, "ListUsers", { MaxItems: 500, Marker: marker });
  return { users: membersOf(result, "Users").map(readUser), next: findText(result, "Marker") || undefined };
}

export async function getUser(client: ApiClient, name: string): Promise<User> {
  const user = findElement(await call(client, "GetUser", { UserName: name }), "User");
  if (user === undefined) throw new Error("The answer has no user.");
  return readUser(user);
}

export async function createUser(client: ApiClient, name: string): Promise<void> {
  await call(client, "CreateUser", { UserName: name });
}

/** IAM refuses users that have keys or policies, so these go first. */
export async function deleteUser(client: ApiClient, name: string): Promise<void> {
  for (const { id } of await listKeys(client, name)) await deleteKey(client, name, id);
  for (const policy of await listPolicies(client, name)) await deletePolicy(client, name, policy);
  await call(client, "DeleteUser", { UserName: name });
}

export async function listKeys(client: ApiClient, name: string): Promise<readonly UserKey[]> {
  const result = await call(client, "ListAccessKeys", { UserName: name });
  return membersOf(result, "AccessKeyMetadata").map((key) => ({
    id: textOf(key, "AccessKeyId"),
    isActive: textOf(key, "Status") === "Active",
    createdAt: textOf(key, "CreateDate"),
  }));
}

export async function createKey(client: ApiClient, name: string): Promise<NewKey> {
  const result = await call(client, "CreateAccessKey", { UserName: name });
  return {
    accessKeyId: textOf(result, "AccessKey", "AccessKeyId"),
    secretAccessKey: textOf(result, "AccessKey", "SecretAccessKey"),
  };
}

export interface KeyStatus {
  readonly userName: string;
  readonly id: string;
  readonly isActive: boolean;
}

export async function setKeyStatus(client: ApiClient, { userName, id, isActive }: KeyStatus): Promise<void> {
  const fields = { UserName: userName, AccessKeyId: id, Status: isActive ? "Active" : "Inactive" };
  await call(client, "UpdateAccessKey", fields);
}

export async function deleteKey(client: ApiClient, name: string, id: string): Promise<void> {
  await call(client, "DeleteAccessKey", { UserName: name, AccessKeyId: id });
}

export async function listPolicies(client: ApiClient, name: string): Promise<readonly string[]> {
  const names: string[] = [];
  let marker: string | undefined;
  do {
    const result = await call(client, "ListUserPolicies", { UserName: name, Marker: marker });
    names.push(...membersOf(result, "PolicyNames").map(({ textContent }) => textContent ?? ""));
    marker = findText(result, "Marker") || undefined;
  } while (marker !== undefined);
  return names;
}

/** The document, which IAM percent-encodes. */
export async function getPolicy(client: ApiClient, name: string, policy: string): Promise<string> {
  const result = await call(client, "GetUserPolicy", { UserName: name, PolicyName: policy });
  return decodeURIComponent(textOf(result, "PolicyDocument"));
}

export interface PolicyOfUser {
  readonly userName: string;
  readonly policy: string;
  readonly text: string;
}

export async function putPolicy(client: ApiClient, { userName, policy, text }: PolicyOfUser): Promise<void> {
  await call(client, "PutUserPolicy", { UserName: userName, PolicyName: policy, PolicyDocument: text });
}

export async function deletePolicy(client: ApiClient, name: string, policy: string): Promise<void> {
  await call(client, "DeleteUserPolicy", { UserName: name, PolicyName: policy });
}
