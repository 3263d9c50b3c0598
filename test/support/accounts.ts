/** Accounts and keys through the admin API, as the CLI makes them. */
import { type Key, s3 } from "./s3.ts";

export interface TestAccount extends Key {
  readonly accountId: string;
  readonly canonicalId: string;
  readonly displayName: string;
}

export async function createAccount(displayName = "somebody else"): Promise<TestAccount> {
  const response = await s3("/-/admin/accounts", { method: "POST", body: JSON.stringify({ displayName }) });
  if (response.status !== 201) throw new Error(`createAccount: ${response.status} ${await response.text()}`);
  return response.json();
}

/** The root account's ids, which are random per deployment. */
export async function rootAccount(): Promise<{ accountId: string; canonicalId: string; displayName: string }> {
  const response = await s3("/-/admin/accounts");
  const { accounts } = await response.json<{ accounts: Awaited<ReturnType<typeof rootAccount>>[] }>();
  const root = accounts.find((account) => account.displayName === "root");
  if (root === undefined) throw new Error("there is no root account");
  return root;
}
