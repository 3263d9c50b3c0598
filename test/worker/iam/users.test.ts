/** CreateUser, GetUser, ListUsers, UpdateUser, DeleteUser: answers, limits and refusals. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createAccount, rootAccount, type TestAccount } from "../../support/accounts.ts";
import { createKey, createUser, iam, putPolicy, refused } from "../../support/iam.ts";
import { all, fields, textIn, texts } from "../../support/xml.ts";

let account: TestAccount;
let accountId: string;

beforeAll(async () => {
  account = await createAccount();
  accountId = account.accountId;
});

describe("CreateUser", () => {
  test("returns the user, and GetUser the same", async () => {
    const created = await iam("CreateUser", { UserName: "a+b=c,d.e@f-g_h", Path: "/team/sub/" }, account);
    const user = fields(created?.children[0]);
    expect(user).toEqual({
      Path: "/team/sub/",
      UserName: "a+b=c,d.e@f-g_h",
      UserId: expect.stringMatching(/^AIDA[A-Z2-7]{17}$/),
      Arn: `arn:aws:iam::${accountId}:user/team/sub/a+b=c,d.e@f-g_h`,
      CreateDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    const read = await iam("GetUser", { UserName: "a+b=c,d.e@f-g_h" }, account);
    expect(fields(read?.children[0])).toEqual(user);
  });

  test("accepts a name once in an account, regardless of its case, and again in another account", async () => {
    await iam("CreateUser", { UserName: "Taken" }, account);
    const failure = { status: 409, code: "EntityAlreadyExists", message: "User with name tAKEN already exists." };
    expect(await refused("CreateUser", { UserName: "tAKEN" }, { as: account })).toEqual(failure);
    await iam("CreateUser", { UserName: "tAKEN" });
    await iam("DeleteUser", { UserName: "tAKEN" });
  });

  test.each([
    [{}, "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null"],
    [
      { UserName: "" },
      /at 'userName' failed to satisfy constraint: Member must have length greater than or equal to 1$/,
    ],
    [{ UserName: "x".repeat(65) }, /Member must have length less than or equal to 64$/],
    [{ UserName: "a b" }, /^The specified value for userName is invalid\./],
    [{ UserName: "a/b" }, /^The specified value for userName is invalid\./],
    [{ UserName: "ünï" }, /^The specified value for userName is invalid\./],
    [{ UserName: "a\n" }, /^The specified value for userName is invalid\./],
    [{ UserName: "x", Path: "team/" }, /^The specified value for path is invalid\./],
    [{ UserName: "x", Path: "/team" }, /^The specified value for path is invalid\./],
    [{ UserName: "x", Path: `/${"x".repeat(511)}/` }, /at 'path' .* less than or equal to 512$/],
  ])("refuses %j with ValidationError", async (parameters, message) => {
    expect(await refused("CreateUser", parameters as Record<string, string>, { as: account })).toEqual({
      status: 400,
      code: "ValidationError",
      message: typeof message === "string" ? message : expect.stringMatching(message),
    });
  });

  test.each(["PermissionsBoundary", "Tags.member.1.Key"])("refuses %s, which is not supported", async (name) => {
    expect(await refused("CreateUser", { UserName: "x", [name]: "y" }, { as: account })).toEqual({
      status: 501,
      code: "NotImplemented",
      message: `The parameter ${name} of CreateUser is not supported.`,
    });
  });

  test("refuses more than 5,000 users with LimitExceeded", async () => {
    const full = await createAccount();
    const rows = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
      INSERT INTO users (id, account_id, name, path, created_at) SELECT 'AIDATEST' || i, ?1, 'u' || i, '/', 0 FROM n`;
    await env.DB.prepare(rows).bind(full.accountId).run();
    expect(await refused("CreateUser", { UserName: "one-more" }, { as: full })).toEqual({
      status: 409,
      code: "LimitExceeded",
      message: "Cannot exceed quota for UsersPerAccount: 5000",
    });
  });
});

describe("GetUser", () => {
  test("without a name returns the caller: a user, or the account's root", async () => {
    const { key, name, arn } = await createUser([{ Effect: "Allow", Action: "iam:GetUser", Resource: "*" }], account);
    expect(textIn(await iam("GetUser", {}, key), "User", "UserName")).toBe(name);
    expect(textIn(await iam("GetUser", {}, key), "User", "Arn")).toBe(arn);
    const root = await rootAccount();
    expect(fields((await iam("GetUser"))?.children[0])).toEqual({
      UserId: root.accountId,
      Arn: `arn:aws:iam::${root.accountId}:root`,
      CreateDate: expect.stringMatching(/^\d{4}-/),
    });
  });

  test("finds a user by its name in another case, as UpdateUser and DeleteUser do", async () => {
    await iam("CreateUser", { UserName: "Ada" }, account);
    const UserName = "aDA";
    expect(textIn(await iam("GetUser", { UserName }, account), "User", "UserName")).toBe("Ada");
    await iam("UpdateUser", { UserName, NewPath: "/moved/" }, account);
    const user = fields((await iam("GetUser", { UserName: "Ada" }, account))?.children[0]);
    expect(user).toMatchObject({ UserName: "Ada", Arn: `arn:aws:iam::${accountId}:user/moved/Ada` });
    await iam("DeleteUser", { UserName }, account);
    expect(await refused("GetUser", { UserName: "Ada" }, { as: account })).toMatchObject({ code: "NoSuchEntity" });
  });

  test("of a name in another case is decided by the user's ARN", async () => {
    const { name, arn } = await createUser(undefined, account);
    const UserName = name.toUpperCase();
    const allow = { Effect: "Allow", Action: "iam:GetUser", Resource: "*" } as const;
    const denied = await createUser([allow, { ...allow, Effect: "Deny", Resource: arn }], account);
    expect(await refused("GetUser", { UserName }, { as: denied.key })).toMatchObject({ code: "AccessDenied" });
    const other = await createUser([{ ...allow, Resource: arn.replace(name, UserName) }], account);
    expect(await refused("GetUser", { UserName }, { as: other.key })).toMatchObject({ code: "AccessDenied" });
  });

  test("of an absent name or a name in another account is NoSuchEntity", async () => {
    const { name } = await createUser(undefined, account);
    const cases = [
      ["nobody", account],
      [name, await createAccount()],
    ] as const;
    for (const [UserName, as] of cases) {
      expect(await refused("GetUser", { UserName }, { as })).toEqual({
        status: 404,
        code: "NoSuchEntity",
        message: `The user with name ${UserName} cannot be found.`,
      });
    }
  });
});

describe("ListUsers", () => {
  let owner: TestAccount;
  const list = (parameters: Record<string, string> = {}) => iam("ListUsers", parameters, owner);
  const names = (result: Awaited<ReturnType<typeof list>>) => {
    const users = result?.children.find(({ name }) => name === "Users");
    return users === undefined ? [] : texts(users, "member", "UserName");
  };

  beforeAll(async () => {
    owner = await createAccount();
    const users = [["b"], ["A"], ["c", "/x/"], ["d", "/x/y/"], ["e", "/xy/"]] as const;
    for (const [UserName, Path = "/"] of users) await iam("CreateUser", { UserName, Path }, owner);
  });

  test("lists this account's users by name", async () => {
    const result = await list();
    expect(names(result)).toEqual(["A", "b", "c", "d", "e"]);
    expect(textIn(result, "IsTruncated")).toBe("false");
    expect(textIn(result, "Marker")).toBeUndefined();
    expect(all(result ?? { name: "", attributes: "", children: [], text: "" }, "Users")[0]?.children).toHaveLength(5);
  });

  test.each([
    ["/x/", ["c", "d"]],
    ["/x", ["c", "d", "e"]],
    ["/%", []],
  ])("PathPrefix %s", async (PathPrefix, expected) => {
    expect(names(await list({ PathPrefix }))).toEqual(expected);
  });

  test("pages by MaxItems and Marker", async () => {
    const first = await list({ MaxItems: "2" });
    expect([names(first), textIn(first, "IsTruncated")]).toEqual([["A", "b"], "true"]);
    const second = await list({ MaxItems: "3", Marker: textIn(first, "Marker") ?? "" });
    expect([names(second), textIn(second, "IsTruncated")]).toEqual([["c", "d", "e"], "false"]);
  });

  test("refuses a marker of another list, and numbers out of range, with ValidationError", async () => {
    const Marker = textIn(await list({ MaxItems: "2" }), "Marker") ?? "";
    const cases: Record<string, string>[] = [
      { Marker, PathPrefix: "/x/" },
      { Marker: "x" },
      { Marker: "" },
      { MaxItems: "0" },
      { MaxItems: "1001" },
      { MaxItems: "1.5" },
      { PathPrefix: "x" },
    ];
    for (const parameters of cases) {
      expect(await refused("ListUsers", parameters, { as: owner })).toMatchObject({
        code: "ValidationError",
        status: 400,
      });
    }
    expect(await refused("ListUsers", { Marker }, { as: account })).toMatchObject({ code: "ValidationError" });
  });
});

describe("UpdateUser", () => {
  test("changes name, path and ARN; keys and policies remain", async () => {
    const { name, id, key } = await createUser([{ Effect: "Allow", Action: "iam:GetUser", Resource: "*" }], account);
    const UserName = `${name}-renamed`;
    expect(
      await iam("UpdateUser", { UserName: name, NewUserName: UserName, NewPath: "/new/" }, account),
    ).toBeUndefined();
    const user = fields((await iam("GetUser", {}, key))?.children[0]);
    expect(user).toMatchObject({ UserName, UserId: id, Arn: `arn:aws:iam::${accountId}:user/new/${UserName}` });
    expect(await refused("GetUser", { UserName: name }, { as: account })).toMatchObject({ code: "NoSuchEntity" });
    await iam("UpdateUser", { UserName, NewUserName: UserName.toUpperCase() }, account);
  });

  test("refuses an existing name, and an absent user", async () => {
    const [one, two] = [await createUser(undefined, account), await createUser(undefined, account)];
    const NewUserName = two.name.toUpperCase();
    expect(await refused("UpdateUser", { UserName: one.name, NewUserName }, { as: account })).toEqual({
      status: 409,
      code: "EntityAlreadyExists",
      message: `User with name ${NewUserName} already exists.`,
    });
    expect(await refused("UpdateUser", { UserName: "nobody" }, { as: account })).toMatchObject({
      code: "NoSuchEntity",
    });
  });

  test("also requires the permission for the new name and path", async () => {
    const at = (path: string) => `arn:aws:iam::${accountId}:user${path}`;
    const allowed = [{ Effect: "Allow", Action: "iam:UpdateUser", Resource: [at("/user-*"), at("/mine/*")] }];
    const { key, name } = await createUser(allowed, account);
    const yours = await refused("UpdateUser", { UserName: name, NewPath: "/yours/" }, { as: key });
    expect(yours).toMatchObject({ code: "AccessDenied", message: expect.stringContaining(at(`/yours/${name}`)) });
    await iam("UpdateUser", { UserName: name, NewPath: "/mine/" }, key);
  });
});

describe("DeleteUser", () => {
  test("refuses with DeleteConflict while the user has keys or policies", async () => {
    const { name, key } = await createUser([{ Effect: "Allow", Action: "s3:*", Resource: "*" }], account);
    const UserName = name;
    const conflict = (message: string) => ({ status: 409, code: "DeleteConflict", message });
    expect(await refused("DeleteUser", { UserName }, { as: account })).toEqual(
      conflict("Cannot delete entity, must delete access keys first."),
    );
    await iam("DeleteAccessKey", { UserName, AccessKeyId: key.accessKeyId }, account);
    expect(await refused("DeleteUser", { UserName }, { as: account })).toEqual(
      conflict("Cannot delete entity, must delete policies first."),
    );
    await iam("DeleteUserPolicy", { UserName, PolicyName: "policy" }, account);
    expect(await iam("DeleteUser", { UserName }, account)).toBeUndefined();
    expect(await refused("DeleteUser", { UserName }, { as: account })).toMatchObject({ code: "NoSuchEntity" });
    expect(await refused("GetUser", {}, { as: key })).toMatchObject({ code: "InvalidClientTokenId" });
  });

  test("a new user of the same name has nothing of the old one", async () => {
    const { name, id } = await createUser(undefined, account);
    const [first] = [await iam("ListAccessKeys", { UserName: name }, account)];
    const AccessKeyId = textIn(first, "AccessKeyMetadata", "member", "AccessKeyId") ?? "";
    await iam("DeleteAccessKey", { UserName: name, AccessKeyId }, account);
    await iam("DeleteUser", { UserName: name }, account);
    const again = await iam("CreateUser", { UserName: name }, account);
    expect(textIn(again, "User", "UserId")).not.toBe(id);
    await putPolicy(name, [{ Effect: "Allow", Action: "iam:GetUser", Resource: "*" }], account);
    expect(textIn(await iam("GetUser", {}, await createKey(name, account)), "User", "UserName")).toBe(name);
  });
});
