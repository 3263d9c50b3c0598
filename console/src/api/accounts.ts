/** Accounts of the deployment and their root keys, from the admin API. */
import { listAt, textAt } from "../lib/json.ts";
import { callAdmin } from "./admin.ts";
import type { ApiClient } from "./client.ts";
import type { NewKey } from "./iam.ts";
import { encodePart } from "./urls.ts";

export interface Account {
  readonly id: string;
  readonly displayName: string;
  readonly createdAt: string;
}

export interface AccountKey {
  readonly id: string;
  readonly accountId: string;
  readonly isActive: boolean;
  readonly createdAt: string;
  /** Empty for a key of the account's root. */
  readonly userName: string;
}

export async function listAccounts(client: ApiClient): Promise<readonly Account[]> {
  return listAt(await callAdmin(client, { path: "/accounts" }), "accounts").map((row) => ({
    id: textAt(row, "accountId"),
    displayName: textAt(row, "displayName"),
    createdAt: textAt(row, "createdAt"),
  }));
}

/** @returns the first root key of the new account */
export async function createAccount(client: ApiClient, displayName: string): Promise<NewKey> {
  return readKey(await callAdmin(client, { method: "POST", path: "/accounts", body: { displayName } }));
}

export async function listAccountKeys(client: ApiClient, accountId: string): Promise<readonly AccountKey[]> {
  const answer = await callAdmin(client, { path: `/accounts/${encodePart(accountId)}/keys` });
  return listAt(answer, "keys").map((row) => ({
    id: textAt(row, "accessKeyId"),
    accountId: textAt(row, "accountId"),
    isActive: textAt(row, "status") === "Active",
    createdAt: textAt(row, "createdAt"),
    userName: textAt(row, "userName"),
  }));
}

export async function createAccountKey(client: ApiClient, accountId: string): Promise<NewKey> {
  return readKey(await callAdmin(client, { method: "POST", path: `/accounts/${encodePart(accountId)}/keys` }));
}

export async function setAccountKeyStatus(client: ApiClient, id: string, isActive: boolean): Promise<void> {
  const body = { status: isActive ? "Active" : "Inactive" };
  await callAdmin(client, { method: "PATCH", path: `/keys/${encodePart(id)}`, body });
}

export async function deleteAccountKey(client: ApiClient, id: string): Promise<void> {
  await callAdmin(client, { method: "DELETE", path: `/keys/${encodePart(id)}` });
}

function readKey(answer: unknown): NewKey {
  return { accessKeyId: textAt(answer, "accessKeyId"), secretAccessKey: textAt(answer, "secretAccessKey") };
}
