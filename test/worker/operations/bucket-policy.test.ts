/** PutBucketPolicy, GetBucketPolicy, DeleteBucketPolicy and GetBucketPolicyStatus. */
import { beforeAll, describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { setPublicAccessBlock } from "../../support/acl.ts";
import { expectError } from "../../support/errors.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { documentOf, textIn } from "../../support/xml.ts";

const QUERY = "policy";
const PUBLIC = { Effect: "Allow", Principal: "*", Action: "s3:GetObject" };
let FIXED: object = {};

beforeAll(async () => {
  FIXED = { ...PUBLIC, Principal: { AWS: (await createAccount()).accountId } };
});

/** With white space and member order that a rewritten answer would not have. */
function policyFor(bucket: string, statement: object = FIXED): string {
  return `{\n "Statement" : [${JSON.stringify({ ...statement, Resource: `arn:aws:s3:::${bucket}/*` })}],\n  "Version":"2012-10-17" }`;
}

async function put(bucket: string, body: string | Uint8Array, options: object = {}): Promise<Response> {
  return send({ method: "PUT", bucket, query: QUERY, body, ...options });
}

async function putPolicy(bucket: string, text: string, options: object = {}): Promise<void> {
  const response = await put(bucket, text, options);
  expect([response.status, await response.text()]).toEqual([204, ""]);
}

async function readPolicy(bucket: string): Promise<string> {
  const response = await send({ bucket, query: QUERY });
  expect(response.status).toBe(200);
  return response.text();
}

async function expectNoPolicy(bucket: string, query = QUERY): Promise<void> {
  await expectError(await send({ bucket, query }), 404, "NoSuchBucketPolicy", {
    message: "The bucket policy does not exist",
    details: { BucketName: bucket },
  });
}

async function bucketWithPolicy(statement?: object): Promise<string> {
  const bucket = await createBucket();
  await putPolicy(bucket, policyFor(bucket, statement));
  return bucket;
}

describeRefusals("DeleteBucketPolicy", { method: "DELETE", query: QUERY, success: 204 });

describe("GetBucketPolicy", () => {
  it.each(STYLES)("GetBucketPolicy returns the text as it was put, %s style", async (style) => {
    const bucket = await bucketWithPolicy();
    const response = await send({ bucket, query: QUERY, style });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.text()).toBe(policyFor(bucket));
  });

  it("GetBucketPolicy refuses a bucket without one with NoSuchBucketPolicy", async () => {
    await expectNoPolicy(await createBucket());
  });

  it.each([["anonymous", null]] as const)(
    "GetBucketPolicy refuses an %s caller with AccessDenied",
    async (_name, as) => {
      const bucket = await createBucket();
      await expectError(await send({ bucket, query: QUERY, as }), 403, "AccessDenied");
    },
  );

  it("GetBucketPolicy refuses a bucket that does not exist with NoSuchBucket", async () => {
    const bucket = "no-bucket-of-this-name";
    await expectError(await send({ bucket, query: QUERY }), 404, "NoSuchBucket", {
      details: { BucketName: bucket },
    });
  });
});

describe("PutBucketPolicy", () => {
  it.each(STYLES)("PutBucketPolicy replaces the policy, %s style", async (style) => {
    const bucket = await bucketWithPolicy();
    const next = policyFor(bucket, { ...FIXED, Sid: "Größe 2" });
    await putPolicy(bucket, next, { style });
    expect(await readPolicy(bucket)).toBe(next);
  });

  it("PutBucketPolicy accepts x-amz-confirm-remove-self-bucket-access", async () => {
    const bucket = await createBucket();
    const headers = { "x-amz-confirm-remove-self-bucket-access": "true" };
    await putPolicy(bucket, policyFor(bucket), { headers });
    expect(await readPolicy(bucket)).toBe(policyFor(bucket));
  });

  it.each<[string, (bucket: string) => string | Uint8Array, string]>([
    ["no body", () => "", "Policies must be valid JSON and the first byte must be '{'"],
    ["XML", () => "<Policy/>", "Policies must be valid JSON and the first byte must be '{'"],
    [
      "leading white space",
      (bucket) => ` ${policyFor(bucket)}`,
      "Policies must be valid JSON and the first byte must be '{'",
    ],
    ["broken JSON", (bucket) => policyFor(bucket).slice(0, -1), "This policy contains invalid Json"],
    ["text that is not UTF-8", () => new Uint8Array([0x7b, 0xff, 0x7d]), "This policy contains invalid Json"],
    ["a missing Statement", () => '{"Version":"2012-10-17"}', "Missing required field Statement"],
    ["another bucket's resources", () => policyFor("another-bucket"), "Policy has invalid resource"],
    [
      "an unknown principal",
      (bucket) => policyFor(bucket, { ...FIXED, Principal: "nobody" }),
      "Invalid principal in policy",
    ],
    [
      "an action on the wrong resource",
      (bucket) => policyFor(bucket, { ...FIXED, Action: "s3:ListBucket" }),
      "Action does not apply to any resource(s) in statement",
    ],
    [
      "more than 20 KB",
      (bucket) => policyFor(bucket, { ...FIXED, Sid: "x".repeat(20 * 1024) }),
      "Policy exceeds the maximum allowed document size.",
    ],
  ])("PutBucketPolicy refuses %s with MalformedPolicy and keeps the old one", async (name, bodyFor, message) => {
    const bucket = await bucketWithPolicy();
    await expectError(await put(bucket, bodyFor(bucket)), 400, "MalformedPolicy", {
      message,
      ...(name === "an unknown principal" && { details: { Detail: '"*" : "nobody"' } }),
    });
    expect(await readPolicy(bucket)).toBe(policyFor(bucket));
  });

  it("PutBucketPolicy refuses a body that does not match its Content-MD5 with BadDigest", async () => {
    const bucket = await createBucket();
    const response = await put(bucket, policyFor(bucket), { headers: { "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==" } });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("<Code>BadDigest</Code>");
    await expectNoPolicy(bucket);
  });

  it("PutBucketPolicy refuses more than 64 KB before it is read with MaxMessageLengthExceeded", async () => {
    const bucket = await createBucket();
    const response = await put(bucket, `{${" ".repeat(64 * 1024)}}`);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("<Code>MaxMessageLengthExceeded</Code>");
    await expectNoPolicy(bucket);
  });

  it("PutBucketPolicy refuses an anonymous caller with AccessDenied", async () => {
    const bucket = await createBucket();
    await expectError(await put(bucket, policyFor(bucket), { as: null }), 403, "AccessDenied");
    await expectNoPolicy(bucket);
  });

  it("PutBucketPolicy refuses a public policy with AccessDenied where BlockPublicPolicy is set", async () => {
    const bucket = await createBucket();
    await setPublicAccessBlock(bucket, "BlockPublicPolicy");
    await expectError(await put(bucket, policyFor(bucket, PUBLIC)), 403, "AccessDenied");
    await expectNoPolicy(bucket);
    await putPolicy(bucket, policyFor(bucket, FIXED));
  });
});

describe("DeleteBucketPolicy", () => {
  it.each(STYLES)("DeleteBucketPolicy removes the policy and succeeds without one, %s style", async (style) => {
    const bucket = await bucketWithPolicy();
    for (let time = 0; time < 2; time++) {
      const response = await send({ method: "DELETE", bucket, query: QUERY, style });
      expect([response.status, await response.text()]).toEqual([204, ""]);
    }
    await expectNoPolicy(bucket);
  });

  it("DeleteBucket deletes the policy", async () => {
    const bucket = await bucketWithPolicy();
    expect((await send({ method: "DELETE", bucket })).status).toBe(204);
    expect((await send({ method: "PUT", bucket })).status).toBe(200);
    await expectNoPolicy(bucket);
  });
});

describe("GetBucketPolicyStatus", () => {
  it.each([
    ["true", "a grant to everyone", PUBLIC],
    ["false", "a grant to an account", undefined],
    [
      "false",
      "a grant to everyone from some addresses",
      { ...PUBLIC, Condition: { IpAddress: { "aws:SourceIp": "203.0.113.0/24" } } },
    ],
    [
      "true",
      "a grant to everyone from any address",
      { ...PUBLIC, Condition: { IpAddress: { "aws:SourceIp": "0.0.0.0/0" } } },
    ],
    ["false", "a Deny to everyone", { ...PUBLIC, Effect: "Deny" }],
  ])("GetBucketPolicyStatus answers %s for %s", async (expected, _name, statement) => {
    const bucket = await bucketWithPolicy(statement);
    const root = await documentOf(await send({ bucket, query: "policyStatus" }), "PolicyStatus");
    expect(textIn(root, "IsPublic")).toBe(expected);
    expect(root.children).toHaveLength(1);
  });

  it("GetBucketPolicyStatus refuses a bucket without a policy with NoSuchBucketPolicy", async () => {
    await expectNoPolicy(await createBucket(), "policyStatus");
  });

  it("GetBucketPolicyStatus refuses an anonymous caller with AccessDenied", async () => {
    const bucket = await bucketWithPolicy();
    await expectError(await send({ bucket, query: "policyStatus", as: null }), 403, "AccessDenied");
  });
});
