/**
 * Permissions to manage users and keys: denied by default, limited to the caller's account; users need a policy, and
 * sessions have none.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { IAM_ACTIONS } from "../../../src/iam/actions/index.ts";
import { createAccount, type TestAccount } from "../../support/accounts.ts";
import { call, createUser, credentialsOf, iam, putPolicy, refused, sts, type TestUser } from "../../support/iam.ts";
import { s3 } from "../../support/s3.ts";
import { fields, textIn } from "../../support/xml.ts";

let account: TestAccount;

beforeAll(async () => {
  account = await createAccount();
});

const EVERYTHING = [{ Effect: "Allow", Action: "*", Resource: "*" }];
const POLICY = '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}';

/** Parameters with which every action reaches its authorization. */
function parametersOf(action: string, user: TestUser): Record<string, string> {
  const all: Record<string, string> = {
    UserName: user.name,
    AccessKeyId: user.key.accessKeyId,
    Status: "Active",
    PolicyName: "policy",
    PolicyDocument: POLICY,
  };
  const taken = IAM_ACTIONS.get(action)?.parameters ?? [];
  return Object.fromEntries(Object.entries(all).filter(([name]) => taken.includes(name)));
}

const ACTIONS = [...IAM_ACTIONS.keys()];

describe.each(ACTIONS)("%s", (action) => {
  test("is AccessDenied for a user without a policy, and for one whose policies allow everything else", async () => {
    const user = await createUser(undefined, account);
    const parameters = parametersOf(action, user);
    const denied = { status: 403, code: "AccessDenied", message: expect.stringContaining(`iam:${action}`) };
    expect(await refused(action, parameters, { as: user.key })).toEqual(denied);
    await putPolicy(user.name, [{ Effect: "Allow", NotAction: `iam:${action}`, Resource: "*" }], account);
    expect(await refused(action, parameters, { as: user.key })).toEqual(denied);
  });

  test("succeeds for a user with exactly this permission", async () => {
    const user = await createUser([{ Effect: "Allow", Action: `iam:${action}`, Resource: "*" }], account);
    const parameters = parametersOf(action, user);
    const text = await (await call("iam", action, parameters, { as: user.key })).text();
    expect(text).not.toContain("<Code>AccessDenied</Code>");
  });

  test("is AccessDenied under an explicit Deny", async () => {
    const deny = { Effect: "Deny", Action: `iam:${action}`, Resource: "*" };
    const user = await createUser([...EVERYTHING, deny], account);
    expect(await refused(action, parametersOf(action, user), { as: user.key })).toMatchObject({
      code: "AccessDenied",
      message: expect.stringMatching(/with an explicit deny in an identity-based policy$/),
    });
  });

  test("is AccessDenied for temporary credentials of a user and of the root", async () => {
    const user = await createUser(EVERYTHING, account);
    for (const maker of [user.key, account]) {
      for (const [make, more] of [
        ["GetSessionToken", {}],
        ["GetFederationToken", { Name: "Bob", Policy: POLICY }],
      ] as const) {
        const session = credentialsOf(await sts(make, more, maker));
        const failure = await refused(action, parametersOf(action, user), { as: session });
        expect(failure).toMatchObject({ status: 403, code: "AccessDenied" });
      }
    }
  });

  test("by another account's root does not affect this account", async () => {
    const user = await createUser(EVERYTHING, account);
    const stranger = await createAccount();
    if (!["CreateUser", "ListUsers", "ListVirtualMFADevices"].includes(action)) {
      expect(await refused(action, parametersOf(action, user), { as: stranger })).toMatchObject({
        code: "NoSuchEntity",
      });
    }
    const still = await iam("GetUser", {}, user.key);
    expect(textIn(still, "User", "UserId")).toBe(user.id);
    expect(fields((await iam("ListUsers", {}, stranger))?.children[0])).not.toHaveProperty("UserName", user.name);
  });
});

describe("policies on users", () => {
  test("a policy can allow a user to manage the users of one path only", async () => {
    const team = `arn:aws:iam::${account.accountId}:user/team/*`;
    const { key } = await createUser([{ Effect: "Allow", Action: "iam:*", Resource: team }], account);
    await iam("CreateUser", { UserName: "member", Path: "/team/" }, key);
    await iam("GetUser", { UserName: "member" }, key);
    await iam("CreateUser", { UserName: "outsider" }, account);
    for (const [action, parameters] of [
      ["GetUser", { UserName: "outsider" }],
      ["CreateUser", { UserName: "another" }],
      ["CreateUser", { UserName: "another", Path: "/teams/" }],
      ["CreateAccessKey", { UserName: "outsider" }],
      ["PutUserPolicy", { UserName: "outsider", PolicyName: "p", PolicyDocument: POLICY }],
      ["ListUsers", {}],
    ] as const) {
      expect(await refused(action, parameters, { as: key })).toMatchObject({ status: 403, code: "AccessDenied" });
    }
    // It does not learn which names exist.
    const there = await refused("GetUser", { UserName: "outsider" }, { as: key });
    const notThere = await refused("GetUser", { UserName: "nobody" }, { as: key });
    expect(notThere.message.replace("nobody", "outsider")).toBe(there.message);
    expect(notThere.code).toBe(there.code);
  });

  test("a policy with a variable can allow a user to manage its own keys", async () => {
    const own = `arn:aws:iam::${account.accountId}:user/\${aws:username}`;
    const { key, name } = await createUser([{ Effect: "Allow", Action: "iam:*AccessKey*", Resource: own }], account);
    const other = await createUser(undefined, account);
    await iam("CreateAccessKey", {}, key);
    await iam("ListAccessKeys", { UserName: name }, key);
    expect(await refused("CreateAccessKey", { UserName: other.name }, { as: key })).toMatchObject({ status: 403 });
    const AccessKeyId = other.key.accessKeyId;
    expect(await refused("GetAccessKeyLastUsed", { AccessKeyId }, { as: key })).toMatchObject({ status: 403 });
    expect(await refused("DeleteAccessKey", { AccessKeyId }, { as: key })).toMatchObject({ code: "NoSuchEntity" });
  });

  test("conditions are evaluated on the request", async () => {
    const until = (time: string) => ({ DateLessThan: { "aws:CurrentTime": time } });
    const allow = { Effect: "Allow", Action: "iam:GetUser", Resource: "*" };
    const over = await createUser([{ ...allow, Condition: until("2020-01-01T00:00:00Z") }], account);
    expect(await refused("GetUser", {}, { as: over.key })).toMatchObject({ code: "AccessDenied" });
    const running = await createUser([{ ...allow, Condition: until("2120-01-01T00:00:00Z") }], account);
    await iam("GetUser", {}, running.key);
    const from = (ip: string) => ({ ...allow, Condition: { IpAddress: { "aws:SourceIp": ip } } });
    const { key } = await createUser([from("192.0.2.0/24")], account);
    const get = (address: string, header: string) =>
      call("iam", "GetUser", {}, { as: key, headers: { [header]: address } }).then(({ status }) => status);
    expect(await get("192.0.2.7", "cf-connecting-ip")).toBe(200);
    expect(await get("198.51.100.7", "cf-connecting-ip")).toBe(403);
    expect(await get("192.0.2.7", "x-forwarded-for")).toBe(403);
  });

  test("the message names the caller, the action and the resource", async () => {
    const { key, arn } = await createUser(undefined, account);
    expect(await refused("ListUsers", {}, { as: key })).toEqual({
      status: 403,
      code: "AccessDenied",
      message: `User: ${arn} is not authorized to perform: iam:ListUsers on resource: * because no identity-based policy allows the iam:ListUsers action`,
    });
  });

  test("a user of the deployment's root account with all permissions cannot use the admin API", async () => {
    const { key } = await createUser(EVERYTHING);
    expect((await s3("/-/admin/accounts", { key })).status).toBe(403);
    // The admin API accepts no temporary credentials.
    const session = credentialsOf(await sts("GetSessionToken"));
    expect((await s3("/-/admin/accounts", { key: session })).status).toBe(400);
    expect(await refused("CreateAccessKey", {}, { as: session })).toMatchObject({
      code: "AccessDenied",
    });
  });
});
