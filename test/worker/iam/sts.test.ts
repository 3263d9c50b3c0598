/** Temporary credentials: their contents, their lifetime, and that they never exceed their creator's permissions. */
import { describe, expect, test } from "vitest";
import { openMacKey, openSealer } from "../../../src/storage/sealing.ts";
import { type SessionClaims, SessionTokens, type TemporaryCredentials } from "../../../src/storage/session-tokens.ts";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { call, createUser, credentialsOf, iam, refused, resultOf, type SessionKey, sts } from "../../support/iam.ts";
import { handDirectly, presign, send } from "../../support/request.ts";
import { errorOf, type Key, ROOT } from "../../support/s3.ts";
import { fields, textIn } from "../../support/xml.ts";

const EVERYTHING = [{ Effect: "Allow", Action: "*", Resource: "*" }];
const READ_ONLY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}';

const session = async (as: Key, more: Record<string, string> = {}) =>
  credentialsOf(await sts("GetSessionToken", more, as));
const federation = async (as: Key, more: Record<string, string> = {}) =>
  credentialsOf(await sts("GetFederationToken", { Name: "Bob", ...more }, as));

/** Seconds from now, give or take the duration of the test. */
function expectLifetime({ expiration }: { expiration: string }, seconds: number): void {
  const left = (Date.parse(expiration) - Date.now()) / 1000;
  expect(left).toBeGreaterThan(seconds - 60);
  expect(left).toBeLessThanOrEqual(seconds);
}

describe("GetSessionToken", () => {
  test("returns credentials of the caller", async () => {
    const { key, arn, id } = await createUser(EVERYTHING);
    const made = await session(key);
    expect(made).toEqual({
      accessKeyId: expect.stringMatching(/^ASIA[A-Z2-7]{16}$/),
      secretAccessKey: expect.stringMatching(/^[A-Za-z0-9+/]{40}$/),
      sessionToken: expect.stringMatching(/^[\w-]{100,}$/),
      expiration: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    const { accountId } = await rootAccount();
    expect(fields(await sts("GetCallerIdentity", {}, made))).toEqual({ Arn: arn, UserId: id, Account: accountId });
    expect((await send({ as: made })).status).toBe(200);
  });

  test("needs no permission of a user, and grants none", async () => {
    const { key } = await createUser();
    const made = await session(key);
    expect(await errorOf(await send({ as: made }))).toMatchObject({ status: 403, code: "AccessDenied" });
  });

  test.each([
    [{}, 43_200],
    [{ DurationSeconds: "900" }, 900],
    [{ DurationSeconds: "129600" }, 129_600],
  ])("%j is valid for %d s, or for at most 3,600 s if created by the root of an account", async (more, seconds) => {
    const { key } = await createUser();
    expectLifetime(await session(key, more as Record<string, string>), seconds);
    expectLifetime(await session(ROOT, more as Record<string, string>), Math.min(seconds, 3_600));
  });

  test.each(["899", "129601", "-1", "1e3", "", "3600.5"])(
    "DurationSeconds=%s is ValidationError",
    async (DurationSeconds) => {
      for (const [action, more] of [
        ["GetSessionToken", {}],
        ["GetFederationToken", { Name: "Bob" }],
      ] as const) {
        const failure = await refused(action, { ...more, DurationSeconds }, { service: "sts" });
        expect(failure).toMatchObject({ status: 400, code: "ValidationError" });
      }
    },
  );

  test("MFA is NotImplemented", async () => {
    const mfa = { SerialNumber: "arn:aws:iam::123456789012:mfa/x", TokenCode: "123456" };
    expect(await refused("GetSessionToken", mfa, { service: "sts" })).toMatchObject({ code: "NotImplemented" });
  });
});

describe("GetFederationToken", () => {
  test("returns the federated user and its credentials", async () => {
    const { accountId, ...root } = await createAccount();
    const result = await sts("GetFederationToken", { Name: "Bob", Policy: READ_ONLY }, root);
    const arn = `arn:aws:sts::${accountId}:federated-user/Bob`;
    expect(fields(result?.children.find(({ name }) => name === "FederatedUser"))).toEqual({
      FederatedUserId: `${accountId}:Bob`,
      Arn: arn,
    });
    expect(fields(await sts("GetCallerIdentity", {}, credentialsOf(result)))).toEqual({
      Arn: arn,
      UserId: `${accountId}:Bob`,
      Account: accountId,
    });
  });

  test("needs sts:GetFederationToken on the federated user", async () => {
    const allow = (name: string) => [
      { Effect: "Allow", Action: "sts:GetFederationToken", Resource: `arn:aws:sts::*:federated-user/${name}` },
    ];
    const { key } = await createUser(allow("team-*"));
    await federation(key, { Name: "team-1" });
    expect(await refused("GetFederationToken", { Name: "Bob" }, { as: key, service: "sts" })).toMatchObject({
      status: 403,
      code: "AccessDenied",
      message: expect.stringContaining("sts:GetFederationToken on resource: arn:aws:sts::"),
    });
  });

  test.each([
    [{}, "ValidationError"],
    [{ Name: "B" }, "ValidationError"],
    [{ Name: "x".repeat(33) }, "ValidationError"],
    [{ Name: "a b" }, "ValidationError"],
    [{ Name: "Bob", Policy: "x".repeat(2_049) }, "ValidationError"],
    [{ Name: "Bob", Policy: "{}" }, "MalformedPolicyDocument"],
    [{ Name: "Bob", Policy: READ_ONLY.replace("Allow", "Permit") }, "MalformedPolicyDocument"],
    [{ Name: "Bob", "PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/AdministratorAccess" }, "NotImplemented"],
    [{ Name: "Bob", "Tags.member.1.Key": "a" }, "NotImplemented"],
  ])("%j is %s", async (parameters, code) => {
    const failure = await refused("GetFederationToken", parameters as Record<string, string>, { service: "sts" });
    expect(failure).toMatchObject({ code });
  });
});

describe("temporary credentials", () => {
  test("cannot create further ones, longer or with more permissions: AccessDenied", async () => {
    const { key } = await createUser(EVERYTHING);
    for (const maker of [await session(key), await federation(key, { Policy: READ_ONLY }), await session(ROOT)]) {
      for (const [action, more] of [
        ["GetSessionToken", {}],
        ["GetFederationToken", { Name: "Bob" }],
      ] as const) {
        expect(await refused(action, more, { as: maker, service: "sts" })).toEqual({
          status: 403,
          code: "AccessDenied",
          message: `Cannot call ${action} with session credentials`,
        });
      }
    }
  });

  test("work in presigned URLs, and only with their token", async () => {
    const made = await session(ROOT);
    const url = await presign({ as: made });
    expect(url).toContain("X-Amz-Security-Token=");
    expect((await use(url)).status).toBe(200);
    const other = await session(ROOT);
    const swapped = url.replace(made.sessionToken, other.sessionToken);
    expect(await errorOf(await use(swapped))).toMatchObject({ status: 400, code: "InvalidToken" });
    const without = url.replace(/&X-Amz-Security-Token=[^&]*/, "");
    expect(await errorOf(await use(without))).toMatchObject({ status: 403, code: "InvalidAccessKeyId" });
  });

  test("another key's token, a truncated, altered or missing one are refused, in S3 and in STS", async () => {
    const [made, other] = [await session(ROOT), await session(ROOT)];
    const last = made.sessionToken.at(-6) === "A" ? "B" : "A";
    const tokens = [
      other.sessionToken,
      made.sessionToken.slice(0, -8),
      made.sessionToken.slice(0, 20),
      `${made.sessionToken.slice(0, -6)}${last}${made.sessionToken.slice(-5)}`,
      `${made.sessionToken}AAAA`,
      "x",
    ];
    for (const sessionToken of tokens) {
      const as = { ...made, sessionToken };
      expect(await errorOf(await send({ as }))).toMatchObject({ status: 400, code: "InvalidToken" });
      expect(await refused("GetCallerIdentity", {}, { as, service: "sts" })).toMatchObject({
        status: 403,
        code: "InvalidClientTokenId",
      });
    }
    const { sessionToken: _token, ...bare } = made;
    expect(await errorOf(await send({ as: bare }))).toMatchObject({ status: 403, code: "InvalidAccessKeyId" });
    const longTerm = { ...ROOT, sessionToken: made.sessionToken };
    expect(await errorOf(await send({ as: longTerm }))).toMatchObject({ status: 400, code: "InvalidToken" });
  });

  test("with another session's secret are SignatureDoesNotMatch", async () => {
    const [made, other] = [await session(ROOT), await session(ROOT)];
    const as = { ...made, secretAccessKey: other.secretAccessKey };
    expect(await errorOf(await send({ as }))).toMatchObject({ status: 403, code: "SignatureDoesNotMatch" });
  });

  test("expire with ExpiredToken", async () => {
    const now = Date.now();
    const [over, running] = [await mintForRoot(new Date(now - 1)), await mintForRoot(new Date(now + 60_000))];
    expect((await send({ as: running })).status).toBe(200);
    expect(await errorOf(await send({ as: over }))).toMatchObject({ status: 400, code: "ExpiredToken" });
    expect(await refused("GetCallerIdentity", {}, { as: over, service: "sts" })).toEqual({
      status: 403,
      code: "ExpiredToken",
      message: "The security token included in the request is expired",
    });
    const url = await presign({ as: over });
    expect(await errorOf(await use(url))).toMatchObject({ status: 400, code: "ExpiredToken" });
  });

  test("become invalid with their creator's key, disabled or deleted, and with its user", async () => {
    const { name: UserName, key } = await createUser(EVERYTHING);
    const AccessKeyId = key.accessKeyId;
    const made = [await session(key), await federation(key, { Policy: READ_ONLY })];
    const statuses = () =>
      Promise.all(made.map(async (as) => (await call("sts", "GetCallerIdentity", {}, { as })).status));
    expect(await statuses()).toEqual([200, 200]);
    await iam("UpdateAccessKey", { UserName, AccessKeyId, Status: "Inactive" });
    expect(await statuses()).toEqual([403, 403]);
    await iam("UpdateAccessKey", { UserName, AccessKeyId, Status: "Active" });
    expect(await statuses()).toEqual([200, 200]);
    await iam("DeleteAccessKey", { UserName, AccessKeyId });
    for (const as of made) {
      expect(await errorOf(await send({ as }))).toMatchObject({ status: 400, code: "InvalidToken" });
    }
  });

  test("of one account or user are never accepted for another, even under a key of that id", async () => {
    const { accountId } = await rootAccount();
    const expiresAt = new Date(Date.now() + 60_000);
    for (const wrong of [{ accountId: "000000000000" }, { accountId, userId: "AIDAAAAAAAAAAAAAAAAAA" }]) {
      const as = await mintForRoot(expiresAt, wrong);
      expect(await errorOf(await send({ as }))).toMatchObject({ status: 400, code: "InvalidToken" });
    }
  });

  test("count as a use of their creator's key", async () => {
    const { key } = await createUser(EVERYTHING);
    await send({ as: await session(key) });
    const { accessKeyId: AccessKeyId } = key;
    const read = async () =>
      textIn(await iam("GetAccessKeyLastUsed", { AccessKeyId }), "AccessKeyLastUsed", "ServiceName");
    await expect.poll(read).toBe("sts");
  });

  test("are returned once: no other answer and no log contains secret or token", async () => {
    const made = await session(ROOT);
    const text = await (await call("sts", "GetCallerIdentity", {}, { as: made })).text();
    expect(text).not.toContain(made.secretAccessKey);
    expect(text).not.toContain(made.sessionToken);
  });
});

test("policies distinguish temporary credentials, and those issued before a time", async () => {
  const onlyLongTerm = { ...EVERYTHING[0], Condition: { Null: { "aws:TokenIssueTime": "true" } } };
  const olderThan = (date: string) => ({
    Effect: "Deny",
    Action: "*",
    Resource: "*",
    Condition: { DateLessThan: { "aws:TokenIssueTime": date } },
  });
  for (const [statements, expected] of [
    [[onlyLongTerm], [200, 403]],
    [
      [...EVERYTHING, olderThan("2999-01-01T00:00:00Z")],
      [200, 403],
    ],
    [
      [...EVERYTHING, olderThan("2020-01-01T00:00:00Z")],
      [200, 200],
    ],
  ] as const) {
    const { key } = await createUser(statements);
    const statuses = [await send({ as: key }), await send({ as: await session(key) })].map(({ status }) => status);
    expect(statuses).toEqual(expected);
  }
});

test("GetCallerIdentity needs no permission, even against an explicit Deny", async () => {
  const { key, arn } = await createUser([{ Effect: "Deny", Action: "*", Resource: "*" }]);
  const response = await call("sts", "GetCallerIdentity", {}, { as: key });
  expect(textIn(await resultOf(response, "sts", "GetCallerIdentity"), "Arn")).toBe(arn);
});

/** Opens a presigned URL without a key. */
function use(url: string): Promise<Response> {
  return handDirectly(new Request(url));
}

/** A token as the Worker would have created it at another time, or for another caller. */
async function mintForRoot(
  expiresAt: Date,
  wrong: Partial<SessionClaims> = {},
): Promise<SessionKey & TemporaryCredentials> {
  const sealKey = Uint8Array.from({ length: 32 }, (_, index) => index);
  const tokens = new SessionTokens(openSealer(sealKey, "session-tokens"), openMacKey(sealKey, "session-secrets"));
  const { accountId } = await rootAccount();
  const claims = {
    accountId,
    userId: undefined,
    makerAccessKeyId: ROOT.accessKeyId,
    issuedAt: new Date(expiresAt.getTime() - 3_600_000),
    expiresAt,
    policy: undefined,
    name: undefined,
    ...wrong,
  };
  return tokens.mint(claims, ROOT.secretAccessKey);
}
