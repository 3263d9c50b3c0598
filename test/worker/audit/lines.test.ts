/** What the audit says: one line for each change and each refusal, on every surface, with who, what and from where. */
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { decideS3 } from "../../../src/audit/decisions.ts";
import { createAccount, rootAccount, type TestAccount } from "../../support/accounts.ts";
import { digestOf } from "../../support/acl.ts";
import { ATTACK_EXAMPLES, type AttackExample, requestOf } from "../../support/attack-examples.ts";
import { signAs } from "../../support/attack-signer.ts";
import { newAttackWorld, newSourceBucket, rootOwnerId } from "../../support/attacked-buckets.ts";
import { audit, enableAudit, recordAudit } from "../../support/audit.ts";
import { call } from "../../support/iam.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { createLockedBucket, DIGEST, holdOf, inDays, retentionOf } from "../../support/object-lock.ts";
import { BOUNDARY, encodeForm, signPolicy, tomorrow } from "../../support/post-form.ts";
import { HOST, handDirectly, putObject, type SendOptions, send, urlOf } from "../../support/request.ts";
import { createBucket, ROOT, s3 } from "../../support/s3.ts";
import { handleRequest } from "../../support/worker.ts";

keepObjectsInMemory();

const recorder = recordAudit();
const { env, lines } = recorder;
let root: { accountId: string };
let tenant: TestAccount;
let bucket: string;

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

beforeAll(async () => {
  root = await rootAccount();
  tenant = await createAccount();
  bucket = await createBucket();
  await putObject(bucket, "k");
  await enableAudit(env);
  await lines();
});

async function linesOf(options: SendOptions): Promise<{ status: number; lines: Awaited<ReturnType<typeof lines>> }> {
  const response = await send({ env, ...options });
  await response.text();
  return { status: response.status, lines: await lines() };
}

/** A form is not signed as the other requests are; it has a test of its own. */
const { PostObject: _form, ...SIGNED } = ATTACK_EXAMPLES;

describe("operations of S3", () => {
  it.each(Object.entries(SIGNED))("%s has one line if it is a change, and none otherwise", async (name, example) => {
    const needs = { emptyBucket: example.on === "empty bucket", upload: /Part|MultipartUpload/.test(name) };
    const ownerId = await rootOwnerId();
    const world = await newAttackWorld({ ownerId, sourceBucket: await newSourceBucket(), needs });
    const request = requestOf(example satisfies AttackExample, world, HOST);
    const response = await handDirectly(signAs(ROOT, "header, unsigned payload", request), env);
    const text = await response.text();
    // What is read need not be there.
    if (example.method !== "GET") expect([response.status, text]).toEqual([example.success, expect.anything()]);
    const found = await lines();
    // Some examples succeed with the error that follows permission.
    if (decideS3(name) !== "change" || example.success >= 300) return expect(found).toEqual([]);
    expect(found).toMatchObject([
      {
        version: 1,
        type: "change",
        requestId: response.headers.get("x-amz-request-id"),
        service: "s3",
        operation: name,
        caller: { kind: "root", accountId: root.accountId, accessKeyId: ROOT.accessKeyId },
        status: example.success,
      },
    ]);
    expect(Number.isNaN(Date.parse(String(found[0]?.time)))).toBe(false);
  });

  it.each([
    ["201", 201],
    ["a redirect", 303],
  ])("PostObject that gives permissions has a line if it answers %s", async (answer, status) => {
    const how =
      status === 303 ? { success_action_redirect: "https://example.com/" } : { success_action_status: answer };
    const fields = { key: "form", acl: "public-read", ...how };
    const document = (signing: readonly object[]) => ({
      expiration: tomorrow(),
      conditions: [{ bucket }, ...Object.entries(fields).map(([name, value]) => ({ [name]: value })), ...signing],
    });
    const signed = { ...fields, ...signPolicy({ key: ROOT, document }) };
    const body = encodeForm([...Object.entries(signed), ["file", { content: "x", name: "f" }]]);
    const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
    const url = urlOf({ bucket, style: "path" });
    const response = await handDirectly(new Request(url, { method: "POST", headers, body, redirect: "manual" }), env);
    await response.text();
    expect(response.status).toBe(status);
    expect(await lines()).toMatchObject([
      { type: "change", operation: "PostObject", status, parameters: { "x-amz-acl": "public-read" } },
    ]);
  });

  it("a document is shown by its size and digest", async () => {
    const body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    const { lines: found } = await linesOf({
      method: "PUT",
      bucket,
      query: "versioning",
      body,
      headers: { "user-agent": `tester/1 ${"x".repeat(400)}` },
    });
    expect(found).toMatchObject([{ bucket, document: { bytes: body.length, sha256: sha256(body) } }]);
    expect(found[0]).not.toHaveProperty("key");
    expect(String(found[0]?.userAgent)).toMatch(/^tester\/1 x{247}…$/);
  });

  it("a change that a client error refuses has no line", async () => {
    const { status, lines: found } = await linesOf({ method: "PUT", bucket, query: "versioning", body: "<Nonsense/>" });
    expect([status, found]).toEqual([400, []]);
  });

  it.each([
    ["public-read", 1],
    ["authenticated-read", 1],
    ["private", 0],
    ["bucket-owner-full-control", 0],
  ])("an upload with the ACL %s has %i lines", async (acl, count) => {
    const { status, lines: found } = await linesOf({
      method: "PUT",
      bucket,
      key: "granted",
      body: "x",
      headers: { "x-amz-acl": acl },
    });
    expect([status, found.length]).toEqual([200, count]);
    for (const line of found) {
      expect(line).toMatchObject({ operation: "PutObject", key: "granted", parameters: { "x-amz-acl": acl } });
      expect(line).not.toHaveProperty("document");
    }
  });

  it("locks, and what bypasses them, have lines with the version", async () => {
    const locked = await createLockedBucket({ env });
    await putObject(locked, "k", "content", { headers: DIGEST });
    const put = async (query: string, body: string) => {
      const response = await send({
        env,
        method: "PUT",
        bucket: locked,
        key: "k",
        query,
        body,
        headers: await digestOf(body),
      });
      expect(response.status).toBe(200);
      return response;
    };
    await put("legal-hold", holdOf("OFF"));
    await put("retention", retentionOf("GOVERNANCE", inDays(1)));
    const head = await send({ method: "HEAD", bucket: locked, key: "k" });
    const versionId = head.headers.get("x-amz-version-id") ?? "";
    const deletion = { env, method: "DELETE", bucket: locked, key: "k", query: `versionId=${versionId}` };
    expect((await send(deletion)).status).toBe(403);
    const bypassing = { ...deletion, headers: { "x-amz-bypass-governance-retention": "true" } };
    expect((await send(bypassing)).status).toBe(204);
    const found = await lines();
    expect(found.map(({ type, operation }) => `${type} ${operation}`)).toEqual([
      "change CreateBucket",
      "change PutObjectLegalHold",
      "change PutObjectRetention",
      "denied DeleteObject",
      "change DeleteObject",
    ]);
    expect(found[0]).toMatchObject({ parameters: { "x-amz-bucket-object-lock-enabled": "true" } });
    expect(found.at(-1)).toMatchObject({
      parameters: { versionId, "x-amz-bypass-governance-retention": "true" },
      key: "k",
    });
  });
});

describe("the query APIs", () => {
  const answerOf = async (...parameters: Parameters<typeof call>) => {
    const response = await call(...parameters);
    return { status: response.status, text: await response.text(), lines: await lines() };
  };

  it("users, policies and keys: names, digests and the new key's id", async () => {
    const PolicyDocument = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "s3:ListBucket", Resource: "*" }],
    });
    await call("iam", "CreateUser", { UserName: "ann", Path: "/team/" }, { env });
    await call("iam", "PutUserPolicy", { UserName: "ann", PolicyName: "lists", PolicyDocument }, { env });
    await call("iam", "ListUsers", {}, { env });
    const created = await answerOf("iam", "CreateAccessKey", { UserName: "ann" }, { env });
    const accessKeyId = /<AccessKeyId>([^<]+)/.exec(created.text)?.[1];
    const secretAccessKey = /<SecretAccessKey>([^<]+)/.exec(created.text)?.[1] ?? "";
    expect(created.lines).toMatchObject([
      { service: "iam", operation: "CreateUser", parameters: { UserName: "ann", Path: "/team/" } },
      {
        operation: "PutUserPolicy",
        parameters: {
          UserName: "ann",
          PolicyName: "lists",
          PolicyDocument: { bytes: PolicyDocument.length, sha256: sha256(PolicyDocument) },
        },
      },
      { operation: "CreateAccessKey", parameters: { UserName: "ann" }, created: { accessKeyId }, status: 200 },
    ]);
    expect(JSON.stringify(created.lines)).not.toContain(secretAccessKey);

    const as = { accessKeyId: accessKeyId ?? "", secretAccessKey };
    const refused = await answerOf("iam", "DeleteUser", { UserName: "ann" }, { env, as });
    expect([refused.status, refused.lines]).toMatchObject([
      403,
      [
        {
          type: "denied",
          operation: "DeleteUser",
          caller: { kind: "user", arn: `arn:aws:iam::${root.accountId}:user/team/ann`, accessKeyId },
          errorCode: "AccessDenied",
        },
      ],
    ]);
  });

  it("temporary credentials: who issued them, their id, and who uses them", async () => {
    const issued = await answerOf("sts", "GetSessionToken", { DurationSeconds: "900" }, { env, as: tenant });
    const part = (name: string) => new RegExp(`<${name}>([^<]+)`).exec(issued.text)?.[1] ?? "";
    const as = {
      accessKeyId: part("AccessKeyId"),
      secretAccessKey: part("SecretAccessKey"),
      sessionToken: part("SessionToken"),
    };
    expect(issued.lines).toMatchObject([
      {
        service: "sts",
        operation: "GetSessionToken",
        caller: { kind: "root", accountId: tenant.accountId },
        parameters: { DurationSeconds: "900" },
        created: { accessKeyId: as.accessKeyId, expiration: expect.any(String) },
      },
    ]);
    const refused = await linesOf({ bucket, key: "k", as });
    expect(refused.lines).toMatchObject([
      { type: "denied", caller: { kind: "session", accessKeyId: as.accessKeyId, issuedBy: tenant.accessKeyId } },
    ]);
  });

  it("topics and subscriptions: of endpoints the origin, of attributes the digest", async () => {
    const created = await answerOf("sns", "CreateTopic", { Name: "audited" }, { env });
    const TopicArn = /<TopicArn>([^<]+)/.exec(created.text)?.[1] ?? "";
    const Endpoint = "https://hooks.example.com/in/secret-path?token=secret-token";
    await call("sns", "Subscribe", { TopicArn, Protocol: "https", Endpoint }, { env });
    const attribute = { TopicArn, AttributeName: "DisplayName", AttributeValue: "shown as a digest" };
    await call("sns", "SetTopicAttributes", attribute, { env });
    await call("sns", "Publish", { TopicArn, Message: "data" }, { env });
    const refused = await answerOf("sns", "DeleteTopic", { TopicArn }, { env, as: tenant });
    expect(created.lines).toMatchObject([
      { service: "sns", operation: "CreateTopic", parameters: { Name: "audited" } },
    ]);
    const changes = refused.lines.filter(({ type }) => type === "change");
    expect(JSON.stringify(changes)).not.toMatch(/secret-|shown as/);
    expect(changes).toMatchObject([
      { operation: "Subscribe", parameters: { TopicArn, Endpoint: "https://hooks.example.com" } },
      {
        operation: "SetTopicAttributes",
        parameters: { TopicArn, AttributeName: "DisplayName", AttributeValue: { bytes: 17 } },
      },
    ]);
    expect(refused.lines.at(-1)).toMatchObject({
      type: "denied",
      operation: "DeleteTopic",
      caller: { accountId: tenant.accountId },
      errorCode: "AuthorizationError",
    });
  });

  it("links of messages: unsigned, and without their token", async () => {
    const { text } = await answerOf("sns", "CreateTopic", { Name: "linked" }, { env });
    const TopicArn = /<TopicArn>([^<]+)/.exec(text)?.[1] ?? "";
    await call("sns", "Subscribe", { TopicArn, Protocol: "https", Endpoint: "https://hooks.example.com/" }, { env });
    const token = /"token":"([^"]+)"/.exec(JSON.stringify(recorder.deliveries.at(-1)))?.[1] ?? "";
    await lines();
    const visit = async (query: string) => {
      const response = await handleRequest(new Request(`http://${HOST}/?${query}`), env);
      return { status: response.status, text: await response.text(), lines: await lines() };
    };
    const confirmed = await visit(`Action=ConfirmSubscription&TopicArn=${TopicArn}&Token=${token}`);
    expect([confirmed.status, confirmed.lines]).toMatchObject([
      200,
      [
        {
          type: "change",
          service: "sns",
          operation: "ConfirmSubscription",
          caller: { kind: "anonymous" },
          parameters: { TopicArn },
        },
      ],
    ]);
    const SubscriptionArn = /<SubscriptionArn>([^<]+)/.exec(confirmed.text)?.[1] ?? "";
    const refused = await visit(`Action=Unsubscribe&SubscriptionArn=${SubscriptionArn}&Token=abcdef`);
    expect([refused.status, refused.lines]).toMatchObject([403, [{ type: "denied", operation: "Unsubscribe" }]]);
    expect(JSON.stringify([confirmed.lines, refused.lines])).not.toMatch(new RegExp(`${token}|abcdef`));
  });
});

describe("the admin API", () => {
  it("accounts and keys: what was asked for and the ids that were made", async () => {
    const body = JSON.stringify({ displayName: "audited" });
    const made = await s3("/-/admin/accounts", { method: "POST", body, env });
    const { accountId, accessKeyId } = await made.json<TestAccount>();
    const status = JSON.stringify({ status: "Inactive" });
    await s3(`/-/admin/keys/${accessKeyId}`, { method: "PATCH", body: status, env });
    await s3("/-/admin/accounts", { env });
    expect(await lines()).toMatchObject([
      {
        service: "admin",
        operation: "CreateAccount",
        parameters: { displayName: "audited" },
        created: { accountId, accessKeyId },
        status: 201,
      },
      { operation: "SetKeyStatus", parameters: { accessKeyId, status: "Inactive" }, status: 200 },
    ]);
  });

  it("several calls of one scrub, one export or one restore have one line", async () => {
    const scrub = (body: object) => s3("/-/admin/scrub", { method: "POST", body: JSON.stringify(body), env });
    const { cursor } = await (await scrub({ bytes: false })).json<{ cursor: string | null }>();
    if (cursor !== null) await scrub({ cursor });
    const begun = await s3("/-/admin/config/exports", { method: "POST", env });
    const { exportId } = await begun.json<{ exportId: string }>();
    const wrappingKey = btoa("0".repeat(32));
    for (const page of [0, 1]) {
      const body = JSON.stringify({ wrappingKey, page });
      await s3(`/-/admin/config/exports/${exportId}/pages`, { method: "POST", body, env });
    }
    await s3(`/-/admin/config/exports/${exportId}`, { method: "DELETE", env });
    const found = await lines();
    expect(found.map(({ operation }) => operation)).toEqual(["Scrub", "BeginConfigExport", "ReadConfigExport"]);
    expect(JSON.stringify(found)).not.toContain(wrappingKey);
  });

  it("a tenant's call is a refusal, without what it sent", async () => {
    const body = JSON.stringify({ displayName: "mine" });
    const response = await s3("/-/admin/accounts", { method: "POST", body, key: tenant, env });
    expect([response.status, await lines()]).toMatchObject([
      403,
      [
        {
          type: "denied",
          operation: "CreateAccount",
          caller: { accountId: tenant.accountId },
          errorCode: "AccessDenied",
        },
      ],
    ]);
  });
});

describe("refusals", () => {
  it.each<[string, SendOptions, object]>([
    ["anonymous", { as: null }, { caller: { kind: "anonymous" }, errorCode: "AccessDenied", key: "k" }],
    [
      "with a wrong secret",
      { as: { ...ROOT, secretAccessKey: "wrong" } },
      { caller: { kind: "unknown", accessKeyId: ROOT.accessKeyId }, errorCode: "SignatureDoesNotMatch" },
    ],
    [
      "with an unknown key",
      { as: { accessKeyId: "AKIA0000000000000000", secretAccessKey: "x" } },
      { caller: { kind: "unknown", accessKeyId: "AKIA0000000000000000" }, errorCode: "InvalidAccessKeyId" },
    ],
  ])("of a request %s", async (_name, options, expected) => {
    const { status, lines: found } = await linesOf({ bucket, key: "k", ...options });
    expect([status, found]).toMatchObject([
      403,
      [{ type: "denied", operation: "GetObject", bucket, status: 403, ...expected }],
    ]);
  });

  it("a secret that was sent in place of the key's id is not shown", async () => {
    const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const { lines: found } = await linesOf({ bucket, key: "k", as: { accessKeyId: secret, secretAccessKey: "x" } });
    expect(found.length).toBeLessThanOrEqual(1);
    expect(JSON.stringify(found)).not.toContain(secret.slice(0, 12));
  });

  it("a presigned URL: neither signature nor token", async () => {
    const query = `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${ROOT.accessKeyId}%2F20300101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20300101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=${"ab".repeat(32)}`;
    const { lines: found } = await linesOf({ bucket, key: "k", as: null, query });
    expect(found).toMatchObject([{ type: "denied", service: "s3", operation: "GetObject" }]);
    expect(JSON.stringify(found)).not.toContain("abab");
  });

  it("of keys of DeleteObjects, whose answer is 200", async () => {
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { AWS: tenant.accountId },
          Action: "s3:DeleteObject",
          Resource: `arn:aws:s3:::${bucket}/open*`,
        },
      ],
    });
    await send({ method: "PUT", bucket, query: "policy", body: policy, env });
    await lines();
    const body = "<Delete><Object><Key>open</Key></Object><Object><Key>shut</Key></Object></Delete>";
    const { status, lines: found } = await linesOf({
      method: "POST",
      bucket,
      query: "delete",
      body,
      as: tenant,
      headers: await digestOf(body),
    });
    expect([status, found]).toMatchObject([
      200,
      [{ type: "denied", errorCode: "AccessDenied", parameters: { deniedCount: 1, deniedKeys: ["shut"] } }],
    ]);
  });

  it("not of pages that a bucket with a website shows on the S3 host", async () => {
    const site = await createBucket();
    const body =
      "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>";
    await send({ method: "PUT", bucket: site, query: "website", body });
    await putObject(site, "index.html", "page", { headers: { "x-amz-acl": "public-read" } });
    await lines();
    for (const [method, key] of [
      ["GET", ""],
      ["GET", "index.html"],
      ["HEAD", "index.html"],
    ] as const) {
      expect(await linesOf({ method, bucket: site, key, as: null })).toEqual({ status: 200, lines: [] });
    }
    expect(await linesOf({ bucket: site, key: "none", as: null })).toMatchObject({
      lines: [{ type: "denied", service: "website", operation: "GET", caller: { kind: "anonymous" } }],
    });
  });

  it("of a website", async () => {
    const body =
      "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>";
    await send({ method: "PUT", bucket, query: "website", body, env });
    await lines();
    const response = await handleRequest(new Request(`http://${bucket}.website.localhost:8787/k`), env);
    expect([response.status, await lines()]).toMatchObject([
      403,
      [{ type: "denied", service: "website", caller: { kind: "anonymous" }, bucket, key: "k" }],
    ]);
  });
});

describe("the setting", () => {
  it("is a bucket of the root account, or of the account that is named", async () => {
    const theirs = await createBucket({ key: tenant });
    const refused = await audit("POST", { bucket: theirs }, { env });
    expect([refused.status, await refused.json()]).toMatchObject([409, { error: { code: "NotAuditable" } }]);
    const missing = await audit("POST", { bucket: `${theirs}-none` }, { env });
    expect([missing.status, await missing.json()]).toMatchObject([404, { error: { code: "NoSuchBucket" } }]);
    for (const prefix of ["a/../b", "x".repeat(513), "a\nb"]) {
      const invalid = await audit("POST", { bucket, prefix }, { env });
      expect([invalid.status, await invalid.json()]).toMatchObject([400, { error: { code: "InvalidRequest" } }]);
    }
    const shown = { bucket: theirs, prefix: "trail/", accountId: tenant.accountId };
    const set = await audit("POST", shown, { env });
    expect([set.status, await set.json()]).toMatchObject([200, { status: "on", ...shown }]);
    expect(await (await audit("GET", undefined, { env })).json()).toMatchObject({ status: "on", ...shown });
  });

  it("a change of it has a line in both places, and switching it off in the last one", async () => {
    const [first, second] = [await createBucket(), await createBucket()];
    await audit("POST", { bucket: first }, { env });
    await lines();
    const before = recorder.messages.length;
    await audit("POST", { bucket: second }, { env });
    await audit("DELETE", undefined, { env });
    await createBucket({ env });
    await lines();
    const sent = recorder.messages.slice(before).map(({ setting, text }) => [
      setting.bucket,
      ...text
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { operation: string }).operation),
    ]);
    expect(sent).toEqual(
      expect.arrayContaining([
        [first, "SetAudit"],
        [second, "SetAudit", "ClearAudit"],
      ]),
    );
    expect(sent).toHaveLength(2);
    expect(await (await audit("GET", undefined, { env })).json()).toEqual({ status: "off" });
  });
});
