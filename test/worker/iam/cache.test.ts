/** Two isolates on one database: a change of a user's key in one takes effect in the other within the cache's time. */
import { describe, expect, test } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { createUser, credentialsOf, iam, putPolicy, sts } from "../../support/iam.ts";
import { openDirectory } from "../../support/isolate.ts";
import { testEnv } from "../../support/s3.ts";

const TTL_MS = 150;

/** The cache of another isolate. */
const anotherIsolate = () => openDirectory({ db: testEnv.DB, ttlMs: TTL_MS });

const ALLOW = [{ Effect: "Allow", Action: "*", Resource: "*" }];

describe("in another isolate", () => {
  test("a disabled key, a changed policy and a deleted key take effect within the cache's time, also for sessions", async () => {
    const directory = anotherIsolate();
    const { name: UserName, key } = await createUser(ALLOW);
    const { accessKeyId: AccessKeyId } = key;
    const made = credentialsOf(await sts("GetSessionToken", {}, key));
    const load = async () => {
      const own = await directory.load({ accessKeyId: AccessKeyId });
      const session = await directory.load(made);
      expect(session.credential?.active).toBe(own.credential?.active);
      expect(session.credential?.user).toEqual(own.credential?.user);
      return own.credential;
    };
    const later = { timeout: 10 * TTL_MS, interval: TTL_MS / 3 };

    expect(await load()).toMatchObject({ active: true, user: { name: UserName, policies: [expect.any(String)] } });
    await iam("UpdateAccessKey", { UserName, AccessKeyId, Status: "Inactive" });
    await expect.poll(load, later).toMatchObject({ active: false });
    await iam("UpdateAccessKey", { UserName, AccessKeyId, Status: "Active" });
    await expect.poll(load, later).toMatchObject({ active: true });
    await putPolicy(UserName, [{ Effect: "Deny", Action: "*", Resource: "*" }]);
    await expect.poll(async () => (await load())?.user?.policies[0], later).toContain("Deny");
    await iam("DeleteAccessKey", { UserName, AccessKeyId });
    await expect.poll(load, later).toBeUndefined();
  });

  test("a key whose user is deleted or in another account is unknown, never a root key", async () => {
    const load = async (accessKeyId: string) => (await anotherIsolate().load({ accessKeyId })).credential;
    const [gone, moved] = [await createUser(ALLOW), await createUser(ALLOW)];
    const { accountId } = await createAccount();
    expect(await load(gone.key.accessKeyId)).toMatchObject({ user: { id: gone.id } });
    await testEnv.DB.prepare("DELETE FROM users WHERE id = ?1").bind(gone.id).run();
    await testEnv.DB.prepare("UPDATE users SET account_id = ?2 WHERE id = ?1").bind(moved.id, accountId).run();
    expect(await load(gone.key.accessKeyId)).toBeUndefined();
    expect(await load(moved.key.accessKeyId)).toBeUndefined();
  });
});
