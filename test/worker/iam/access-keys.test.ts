/** Access keys of users and of an account's root: answers, limits, refusals, and the last use of a key. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createAccount, type TestAccount } from "../../support/accounts.ts";
import { createKey, createUser, iam, refused, sts } from "../../support/iam.ts";
import { all, type Element, fields, textIn } from "../../support/xml.ts";

let account: TestAccount;

beforeAll(async () => {
  account = await createAccount();
});

/** `AccessKeyMetadata` of ListAccessKeys. */
function keysIn(result: Element | undefined): Record<string, string>[] {
  const list = result?.children.find(({ name }) => name === "AccessKeyMetadata");
  return list === undefined ? [] : all(list, "member").map(fields);
}

describe("CreateAccessKey", () => {
  test("returns the key and its secret, which works at once and is never returned again", async () => {
    const { name: UserName } = await createUser(undefined, account);
    const created = fields((await iam("CreateAccessKey", { UserName }, account))?.children[0]);
    expect(created).toEqual({
      UserName,
      AccessKeyId: expect.stringMatching(/^AKIA[A-Z2-7]{16}$/),
      Status: "Active",
      SecretAccessKey: expect.stringMatching(/^[A-Za-z0-9+/]{40}$/),
      CreateDate: expect.stringMatching(/Z$/),
    });
    const { AccessKeyId: accessKeyId = "", SecretAccessKey: secretAccessKey = "" } = created;
    const identity = await sts("GetCallerIdentity", {}, { accessKeyId, secretAccessKey });
    expect(textIn(identity, "Arn")).toBe(`arn:aws:iam::${account.accountId}:user/${UserName}`);
    const listed = keysIn(await iam("ListAccessKeys", { UserName }, account));
    const { SecretAccessKey: _secret, ...metadata } = created;
    expect(listed).toHaveLength(2);
    expect(listed).toContainEqual(metadata);
    const row = await env.DB.prepare("SELECT * FROM access_keys WHERE id = ?1").bind(accessKeyId).first();
    expect(JSON.stringify(row)).not.toContain(secretAccessKey);
  });

  test("refuses a third key of a user with LimitExceeded, also for concurrent calls", async () => {
    const { name: UserName } = await createUser(undefined, account);
    const attempts = await Promise.allSettled([1, 2, 3].map(() => createKey(UserName, account)));
    expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await refused("CreateAccessKey", { UserName }, { as: account })).toEqual({
      status: 409,
      code: "LimitExceeded",
      message: "Cannot exceed quota for AccessKeysPerUser: 2",
    });
  });

  test("for an absent user is NoSuchEntity", async () => {
    expect(await refused("CreateAccessKey", { UserName: "nobody" }, { as: account })).toMatchObject({ status: 404 });
  });

  test("without a name creates a key of the caller: the account's root, or the user itself", async () => {
    const own = await createAccount();
    const made = fields((await iam("CreateAccessKey", {}, own))?.children[0]);
    expect(made.UserName).toBeUndefined();
    const key = { accessKeyId: made.AccessKeyId ?? "", secretAccessKey: made.SecretAccessKey ?? "" };
    const arn = `arn:aws:iam::${own.accountId}:root`;
    expect(textIn(await sts("GetCallerIdentity", {}, key), "Arn")).toBe(arn);
    expect(keysIn(await iam("ListAccessKeys", {}, own)).map(({ AccessKeyId }) => AccessKeyId)).toEqual(
      [own.accessKeyId, key.accessKeyId].sort(),
    );
    expect(await refused("CreateAccessKey", {}, { as: own })).toMatchObject({ code: "LimitExceeded" });

    const user = await createUser([{ Effect: "Allow", Action: "iam:*AccessKey*", Resource: "*" }], own);
    expect(fields((await iam("CreateAccessKey", {}, user.key))?.children[0]).UserName).toBe(user.name);
    expect(keysIn(await iam("ListAccessKeys", {}, user.key))).toHaveLength(2);
  });
});

describe("ListAccessKeys", () => {
  test("pages by MaxItems and Marker", async () => {
    const { name: UserName } = await createUser(undefined, account);
    await createKey(UserName, account);
    const first = await iam("ListAccessKeys", { UserName, MaxItems: "1" }, account);
    expect([keysIn(first).length, textIn(first, "IsTruncated")]).toEqual([1, "true"]);
    const Marker = textIn(first, "Marker") ?? "";
    const second = await iam("ListAccessKeys", { UserName, MaxItems: "1", Marker }, account);
    expect([keysIn(second).length, textIn(second, "IsTruncated")]).toEqual([1, "false"]);
    expect(keysIn(second)).not.toEqual(keysIn(first));
    const { name } = await createUser(undefined, account);
    expect(await refused("ListAccessKeys", { UserName: name, Marker }, { as: account })).toMatchObject({
      code: "ValidationError",
    });
  });
});

describe("UpdateAccessKey and DeleteAccessKey", () => {
  test("an inactive key is refused, an active one again accepted, a deleted one unknown", async () => {
    const { name: UserName, key } = await createUser(undefined, account);
    const AccessKeyId = key.accessKeyId;
    expect(await iam("UpdateAccessKey", { UserName, AccessKeyId, Status: "Inactive" }, account)).toBeUndefined();
    expect(keysIn(await iam("ListAccessKeys", { UserName }, account))).toMatchObject([{ Status: "Inactive" }]);
    const invalid = {
      status: 403,
      code: "InvalidClientTokenId",
      message: "The security token included in the request is invalid.",
    };
    expect(await refused("GetCallerIdentity", {}, { as: key, service: "sts" })).toEqual(invalid);
    await iam("UpdateAccessKey", { UserName, AccessKeyId, Status: "Active" }, account);
    await sts("GetCallerIdentity", {}, key);
    expect(await iam("DeleteAccessKey", { UserName, AccessKeyId }, account)).toBeUndefined();
    expect(await refused("GetCallerIdentity", {}, { as: key, service: "sts" })).toEqual(invalid);
  });

  test("another user's key, another account's and the account's own are NoSuchEntity under this user's name", async () => {
    const { name: UserName } = await createUser(undefined, account);
    const another = await createUser(undefined, account);
    const elsewhere = await createAccount();
    const keys = [another.key.accessKeyId, elsewhere.accessKeyId, account.accessKeyId, "AKIAAAAAAAAAAAAAAAAA"];
    for (const AccessKeyId of keys) {
      const failure = {
        status: 404,
        code: "NoSuchEntity",
        message: `The Access Key with id ${AccessKeyId} cannot be found.`,
      };
      const update = { UserName, AccessKeyId, Status: "Inactive" };
      expect(await refused("UpdateAccessKey", update, { as: account })).toEqual(failure);
      expect(await refused("DeleteAccessKey", { UserName, AccessKeyId }, { as: account })).toEqual(failure);
    }
    // A root of one account cannot access a key of a user, or of another root, by omitting the name.
    for (const AccessKeyId of keys.filter((id) => id !== account.accessKeyId)) {
      expect(await refused("DeleteAccessKey", { AccessKeyId }, { as: account })).toMatchObject({
        code: "NoSuchEntity",
      });
    }
    await sts("GetCallerIdentity", {}, another.key);
    await sts("GetCallerIdentity", {}, elsewhere);
  });

  test.each([
    [{ AccessKeyId: "AKIAAAAAAAAAAAAAAAAA" }, /Value null at 'status'/],
    [{ Status: "Active" }, /Value null at 'accessKeyId'/],
    [{ AccessKeyId: "AKIAAAAAAAAAAAAAAAAA", Status: "active" }, /enum value set: \[Active, Inactive\]$/],
    [{ AccessKeyId: "short", Status: "Active" }, /greater than or equal to 16$/],
    [{ AccessKeyId: "AKIA-AAAAAAAAAAAAAAA", Status: "Active" }, /accessKeyId is invalid/],
  ])("UpdateAccessKey refuses %j with ValidationError", async (parameters, message) => {
    expect(await refused("UpdateAccessKey", parameters as Record<string, string>, { as: account })).toEqual({
      status: 400,
      code: "ValidationError",
      message: expect.stringMatching(message),
    });
  });
});

describe("GetAccessKeyLastUsed", () => {
  test("returns N/A for an unused key, then time and service of the last use, updated every quarter of an hour", async () => {
    const { name, key } = await createUser(undefined, account);
    const AccessKeyId = key.accessKeyId;
    const ask = async () => {
      const result = await iam("GetAccessKeyLastUsed", { AccessKeyId }, account);
      expect(textIn(result, "UserName")).toBe(name);
      return fields(result?.children.find((child) => child.name === "AccessKeyLastUsed"));
    };
    expect(await ask()).toEqual({ ServiceName: "N/A", Region: "N/A" });
    await sts("GetCallerIdentity", {}, key);
    const used = { LastUsedDate: expect.stringMatching(/Z$/), ServiceName: "sts", Region: "us-east-1" };
    await expect.poll(ask).toEqual(used);
    await refused("GetUser", {}, { as: key });
    expect(await ask()).toEqual(used);
  });

  test("does not count an attempt with the wrong secret", async () => {
    const { key } = await createUser(undefined, account);
    const wrong = { ...key, secretAccessKey: "x".repeat(40) };
    expect(await refused("GetCallerIdentity", {}, { as: wrong, service: "sts" })).toMatchObject({
      code: "SignatureDoesNotMatch",
    });
    const result = await iam("GetAccessKeyLastUsed", { AccessKeyId: key.accessKeyId }, account);
    expect(textIn(result, "AccessKeyLastUsed", "ServiceName")).toBe("N/A");
  });

  test("returns keys of this account only", async () => {
    const elsewhere = await createUser(undefined, await createAccount());
    for (const AccessKeyId of [elsewhere.key.accessKeyId, "AKIAAAAAAAAAAAAAAAAA"]) {
      expect(await refused("GetAccessKeyLastUsed", { AccessKeyId }, { as: account })).toMatchObject({
        code: "NoSuchEntity",
      });
    }
    const own = await iam("GetAccessKeyLastUsed", { AccessKeyId: account.accessKeyId }, account);
    expect(textIn(own, "UserName")).toBeUndefined();
  });
});
