/** Inline policies of users: round trips, quota, validation; and features that users do not have. */
import { beforeAll, describe, expect, test } from "vitest";
import { createAccount, type TestAccount } from "../../support/accounts.ts";
import { createUser, iam, refused } from "../../support/iam.ts";
import { all, textIn } from "../../support/xml.ts";

let account: TestAccount;
let UserName: string;

beforeAll(async () => {
  account = await createAccount();
  UserName = (await createUser(undefined, account)).name;
});

const DOCUMENT = `{
  "Version": "2012-10-17",
  "Statement": [{ "Sid": "A1", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
    "Resource": "arn:aws:s3:::bucket/\u00fc \${aws:username}/*!'()~" }]
}`;

/** A policy of exactly this many characters that count towards the quota. */
function policyOf(size: number): string {
  const empty = '{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::"}]}';
  return empty.replace(":::", `:::${"x".repeat(size - empty.length)}`);
}

describe("PutUserPolicy and GetUserPolicy", () => {
  test("the document is returned as it was put, percent-encoded by RFC 3986", async () => {
    const put = { UserName, PolicyName: "a+b", PolicyDocument: DOCUMENT };
    expect(await iam("PutUserPolicy", put, account)).toBeUndefined();
    const result = await iam("GetUserPolicy", { UserName, PolicyName: "a+b" }, account);
    expect([textIn(result, "UserName"), textIn(result, "PolicyName")]).toEqual([UserName, "a+b"]);
    const encoded = textIn(result, "PolicyDocument") ?? "";
    expect(encoded).toMatch(/^(?:[\w.~-]|%[0-9A-F]{2})+$/);
    expect(encoded.startsWith("%7B%0A%20%20%22Version%22%3A%20%222012-10-17%22%2C")).toBe(true);
    expect(decodeURIComponent(encoded)).toBe(DOCUMENT);
  });

  test("a repeated put replaces the policy, regardless of the case of the name", async () => {
    const { name } = await createUser(undefined, account);
    for (const [PolicyName, size] of [["Policy", 2_000] as const, ["policy", 2_048] as const]) {
      await iam("PutUserPolicy", { UserName: name, PolicyName, PolicyDocument: policyOf(size) }, account);
    }
    const list = await iam("ListUserPolicies", { UserName: name }, account);
    expect(list?.children[0]?.children.map(({ text }) => text)).toEqual(["Policy"]);
    const read = await iam("GetUserPolicy", { UserName: name, PolicyName: "POLICY" }, account);
    expect(decodeURIComponent(textIn(read, "PolicyDocument") ?? "")).toBe(policyOf(2_048));
  });

  test("more than 2,048 characters in all policies of a user, without white space, are LimitExceeded", async () => {
    const { name } = await createUser(undefined, account);
    const put = (PolicyName: string, PolicyDocument: string) => ({ UserName: name, PolicyName, PolicyDocument });
    const exceeded = {
      status: 409,
      code: "LimitExceeded",
      message: `Maximum policy size of 2048 bytes exceeded for user ${name}`,
    };
    expect(await refused("PutUserPolicy", put("a", policyOf(2_049)), { as: account })).toEqual(exceeded);
    await iam("PutUserPolicy", put("a", policyOf(1_024)), account);
    expect(await refused("PutUserPolicy", put("b", policyOf(1_025)), { as: account })).toEqual(exceeded);
    const spacious = policyOf(1_024).replace("{", `{${" \n\t".repeat(3_000)}`);
    await iam("PutUserPolicy", put("b", spacious), account);
    expect(await refused("PutUserPolicy", put("c", policyOf(80)), { as: account })).toEqual(exceeded);
  });

  test.each([
    ["", "ValidationError"],
    ["x", "MalformedPolicyDocument"],
    ["{}", "MalformedPolicyDocument"],
    ['{"Version":"2012-10-17","Statement":[]}', "MalformedPolicyDocument"],
    ['{"Statement":{"Effect":"Permit","Action":"s3:*","Resource":"*"}}', "MalformedPolicyDocument"],
    ['{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}}', "MalformedPolicyDocument"],
    ['{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"}}', "MalformedPolicyDocument"],
    [
      '{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Nope":{"a":"b"}}}}',
      "MalformedPolicyDocument",
    ],
    ['{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::\u4e16"}}', "ValidationError"],
  ])("refuses %s with %s", async (PolicyDocument, code) => {
    const put = { UserName, PolicyName: "refused", PolicyDocument };
    expect(await refused("PutUserPolicy", put, { as: account })).toMatchObject({ status: 400, code });
    const get = await refused("GetUserPolicy", { UserName, PolicyName: "refused" }, { as: account });
    expect(get).toMatchObject({ code: "NoSuchEntity" });
  });

  test("requires all three parameters, and valid names", async () => {
    const whole = { UserName, PolicyName: "p", PolicyDocument: policyOf(80) };
    for (const name of Object.keys(whole)) {
      const parameters = Object.fromEntries(Object.entries(whole).filter(([key]) => key !== name));
      expect(await refused("PutUserPolicy", parameters, { as: account })).toMatchObject({ code: "ValidationError" });
    }
    for (const PolicyName of ["", "a b", "a/b", "x".repeat(129)]) {
      const failure = await refused("PutUserPolicy", { ...whole, PolicyName }, { as: account });
      expect(failure).toMatchObject({ code: "ValidationError" });
    }
  });
});

describe("ListUserPolicies and DeleteUserPolicy", () => {
  test("pages by name; deleted policies are absent", async () => {
    const { name } = await createUser(undefined, account);
    for (const PolicyName of ["c", "a", "b"]) {
      await iam("PutUserPolicy", { UserName: name, PolicyName, PolicyDocument: policyOf(100) }, account);
    }
    const list = async (parameters: Record<string, string> = {}) => {
      const result = await iam("ListUserPolicies", { UserName: name, ...parameters }, account);
      const names = result?.children[0]?.children.map(({ text }) => text);
      return { names, truncated: textIn(result, "IsTruncated"), marker: textIn(result, "Marker") ?? "" };
    };
    const first = await list({ MaxItems: "2" });
    expect(first).toMatchObject({ names: ["a", "b"], truncated: "true" });
    expect(await list({ Marker: first.marker })).toMatchObject({ names: ["c"], truncated: "false", marker: "" });
    expect(await iam("DeleteUserPolicy", { UserName: name, PolicyName: "a" }, account)).toBeUndefined();
    expect(await list()).toMatchObject({ names: ["b", "c"] });
    expect(await refused("DeleteUserPolicy", { UserName: name, PolicyName: "a" }, { as: account })).toEqual({
      status: 404,
      code: "NoSuchEntity",
      message: "The user policy with name a cannot be found.",
    });
  });

  test.each(["PutUserPolicy", "GetUserPolicy", "ListUserPolicies", "DeleteUserPolicy"])(
    "%s of an absent user is NoSuchEntity",
    async (action) => {
      const all = { PolicyName: "p", PolicyDocument: policyOf(80) };
      const own = action === "PutUserPolicy" ? all : action === "ListUserPolicies" ? {} : { PolicyName: "p" };
      const failure = await refused(action, { UserName: "nobody", ...own }, { as: account });
      expect(failure).toEqual({
        status: 404,
        code: "NoSuchEntity",
        message: "The user with name nobody cannot be found.",
      });
    },
  );
});

describe("features that users do not have", () => {
  test.each([
    ["ListGroupsForUser", "Groups"],
    ["ListAttachedUserPolicies", "AttachedPolicies"],
    ["ListUserTags", "Tags"],
    ["ListMFADevices", "MFADevices"],
    ["ListSSHPublicKeys", "SSHPublicKeys"],
    ["ListServiceSpecificCredentials", "ServiceSpecificCredentials"],
    ["ListSigningCertificates", "Certificates"],
  ])("%s returns an empty list", async (action, element) => {
    const result = await iam(action, { UserName }, account);
    expect(result?.children.map(({ name }) => name)).toEqual([element, "IsTruncated"]);
    expect(result === undefined ? [] : all(result, element)[0]?.children).toEqual([]);
    expect(await refused(action, { UserName: "nobody" }, { as: account })).toMatchObject({ code: "NoSuchEntity" });
  });

  test("ListVirtualMFADevices returns an empty list", async () => {
    const result = await iam("ListVirtualMFADevices", { AssignmentStatus: "Assigned" }, account);
    expect(result?.children.map(({ name }) => name)).toEqual(["VirtualMFADevices", "IsTruncated"]);
  });

  test.each(["GetLoginProfile", "DeleteLoginProfile"])("%s is NoSuchEntity", async (action) => {
    expect(await refused(action, { UserName }, { as: account })).toEqual({
      status: 404,
      code: "NoSuchEntity",
      message: `Login Profile for User ${UserName} cannot be found.`,
    });
  });

  test.each([
    "TagUser",
    "AttachUserPolicy",
    "CreateGroup",
    "CreateRole",
    "CreateLoginProfile",
    "createUser",
    "__proto__",
  ])("%s is InvalidAction", async (action) => {
    expect(await refused(action, { UserName }, { as: account })).toEqual({
      status: 400,
      code: "InvalidAction",
      message: `Could not find operation ${action} for version 2010-05-08`,
    });
  });
});
