/**
 * The principals of bucket and topic policies: existing users and accounts, which a policy means permanently, even
 * after they are renamed.
 */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { TestAccount } from "../../support/accounts.ts";
import {
  ask,
  bucketPolicy,
  must,
  newAccount,
  newBucket,
  newKey,
  outcome,
  type Person,
  query,
  unique,
} from "../../support/attack-client.ts";
import { ROOT } from "../../support/s3.ts";
import { attributesOf, createTopic, sns, snsRefused } from "../../support/topics.ts";

interface Named extends Person {
  readonly arn: string;
  readonly id: string;
}

let owner: TestAccount;
let bucket = "";

beforeAll(async () => {
  owner = await newAccount();
  bucket = await newBucket(owner);
  await must({ method: "PUT", path: `/${bucket}/k`, body: "x", as: owner });
});

async function newNamed(name = unique("named"), path = "/"): Promise<Named> {
  const created = await query("iam", "CreateUser", { UserName: name, Path: path }, owner);
  const id = /AIDA[A-Z2-7]{17}/.exec(JSON.stringify(created))?.[0] ?? "";
  return { name, id, arn: `arn:aws:iam::${owner.accountId}:user${path}${name}`, ...(await newKey(owner, name)) };
}

async function remove({ name, accessKeyId }: Named): Promise<void> {
  await query("iam", "DeleteAccessKey", { UserName: name, AccessKeyId: accessKeyId }, owner);
  await query("iam", "DeleteUser", { UserName: name }, owner);
}

const statement = (fields: object) => ({
  Sid: "s",
  Effect: "Allow",
  Action: "s3:GetObject",
  Resource: `arn:aws:s3:::${bucket}/*`,
  ...fields,
});
const put = (fields: object) =>
  ask({ method: "PUT", path: `/${bucket}?policy=`, body: bucketPolicy([statement(fields)]), as: owner });
const shown = async () => (await must({ path: `/${bucket}?policy=`, as: owner })).text;
const reads = (as: Named | null) => outcome({ path: `/${bucket}/k`, as });

const topicPolicy = (topic: string, principal: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Sid: "s", Effect: "Allow", Principal: { AWS: principal }, Action: "SNS:Publish", Resource: topic }],
  });
const setTopicPolicy = (topic: string, AttributeValue: string) =>
  sns("SetTopicAttributes", { TopicArn: topic, AttributeName: "Policy", AttributeValue }, owner);
const topicPolicyOf = async (topic: string) =>
  attributesOf(await sns("GetTopicAttributes", { TopicArn: topic }, owner)).Policy ?? "";

describe("a user deleted and created again with the same name", () => {
  it("inherits nothing from a bucket policy, which then shows the first user's id", async () => {
    const first = await newNamed();
    expect((await put({ Principal: { AWS: [first.arn] } })).status).toBe(204);
    expect(await shown()).toBe(bucketPolicy([statement({ Principal: { AWS: [first.arn] } })]));
    expect(await reads(first)).toBe("200");
    await remove(first);
    const second = await newNamed(first.name);
    expect(await reads(second)).toBe("403 AccessDenied");
    expect(JSON.parse(await shown())).toMatchObject({ Statement: [{ Principal: { AWS: [first.id] } }] });
    // Such a policy cannot be put again, as on AWS.
    expect(await put({ Principal: { AWS: [first.id] } })).toMatchObject({ status: 400, code: "MalformedPolicy" });
    expect((await put({ Principal: { AWS: second.arn } })).status).toBe(204);
    expect(await reads(second)).toBe("200");
  });

  it("is not excluded by a NotPrincipal that excluded the first user", async () => {
    const first = await newNamed();
    await query("iam", "PutUserPolicy", { UserName: first.name, PolicyName: "p", PolicyDocument: ALL }, owner);
    const rootArn = `arn:aws:iam::${owner.accountId}:root`;
    await put({ Effect: "Deny", Principal: undefined, NotPrincipal: { AWS: [first.arn, rootArn] } });
    expect(await reads(first)).toBe("200");
    await query("iam", "DeleteUserPolicy", { UserName: first.name, PolicyName: "p" }, owner);
    await remove(first);
    const second = await newNamed(first.name);
    await query("iam", "PutUserPolicy", { UserName: second.name, PolicyName: "p", PolicyDocument: ALL }, owner);
    expect(await reads(second)).toBe("403 AccessDenied");
    expect(JSON.parse(await shown())).toMatchObject({ Statement: [{ NotPrincipal: { AWS: [first.id, rootArn] } }] });
  });

  it("inherits nothing from a topic policy, edited or not", async () => {
    const topic = await createTopic(owner);
    const first = await newNamed();
    await setTopicPolicy(topic, topicPolicy(topic, first.arn));
    const publishes = async (as: Named) => (await snsRefused("Publish", { TopicArn: topic, Message: "m" }, as)).status;
    await sns("Publish", { TopicArn: topic, Message: "m" }, first);
    await remove(first);
    const second = await newNamed(first.name);
    expect(await publishes(second)).toBe(403);
    await sns(
      "AddPermission",
      { TopicArn: topic, Label: "more", "AWSAccountId.member.1": owner.accountId, "ActionName.member.1": "Publish" },
      owner,
    );
    expect(await publishes(second)).toBe(403);
    expect(JSON.parse(await topicPolicyOf(topic))).toMatchObject({ Statement: [{ Principal: { AWS: first.id } }, {}] });
  });
});

const ALL = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });

describe("a renamed user", () => {
  it("keeps the permissions of policies, which show its current name", async () => {
    const user = await newNamed();
    await put({ Principal: { AWS: user.arn } });
    const name = unique("renamed");
    await query("iam", "UpdateUser", { UserName: user.name, NewUserName: name, NewPath: "/team/" }, owner);
    expect(await reads(user)).toBe("200");
    const arn = `arn:aws:iam::${owner.accountId}:user/team/${name}`;
    expect(JSON.parse(await shown())).toMatchObject({ Statement: [{ Principal: { AWS: arn } }] });
  });

  it("can be named by its id", async () => {
    const user = await newNamed(undefined, "/a/b/");
    expect((await put({ Principal: { AWS: user.id } })).status).toBe(204);
    expect(await reads(user)).toBe("200");
    expect(JSON.parse(await shown())).toMatchObject({ Statement: [{ Principal: { AWS: user.arn } }] });
  });
});

describe("principals that do not exist", () => {
  it.each([
    ["a user", () => `arn:aws:iam::${owner.accountId}:user/nobody-at-all`],
    ["a user by another path", () => `arn:aws:iam::${owner.accountId}:user/x/nobody-at-all`],
    ["a user's id", () => "AIDAAAAAAAAAAAAAAAAAA"],
    ["a user of no account", () => "arn:aws:iam::000000000001:user/a"],
    ["an account", () => "000000000001"],
    ["an account's root", () => "arn:aws:iam::000000000001:root"],
    ["a role", () => `arn:aws:iam::${owner.accountId}:role/r`],
  ])("%s is MalformedPolicy, and InvalidParameter for a topic", async (_what, principal) => {
    const answer = await put({ Principal: { AWS: principal() } });
    expect(answer).toMatchObject({ status: 400, code: "MalformedPolicy" });
    expect(answer.text).toContain("<Message>Invalid principal in policy</Message>");
    const topic = await createTopic(owner);
    const set = { TopicArn: topic, AttributeName: "Policy", AttributeValue: topicPolicy(topic, principal()) };
    expect(await snsRefused("SetTopicAttributes", set, owner)).toMatchObject({ status: 400, code: "InvalidParameter" });
  });

  it("are compared with case", async () => {
    const user = await newNamed("Letters");
    const answer = await put({ Principal: { AWS: user.arn.replace("Letters", "letters") } });
    expect(answer).toMatchObject({ status: 400, code: "MalformedPolicy" });
  });

  it("identities of CloudFront are accepted, returned, and match no caller", async () => {
    const identity = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2EXAMPLE1234";
    for (const Principal of [
      { AWS: identity },
      { AWS: [identity, `arn:aws:iam::${owner.accountId}:root`] },
      { CanonicalUser: "c".repeat(64) },
      { CanonicalUser: "c".repeat(96) },
    ]) {
      expect((await put({ Principal })).status).toBe(204);
      expect(await shown()).toBe(bucketPolicy([statement({ Principal })]));
      expect(await reads(null)).toBe("403 AccessDenied");
    }
  });
});

describe("policies of older versions", () => {
  it("mean the users with these names at the time of the migration; other names match no one and are reported to the operator", async () => {
    const [known, later] = [await newNamed(undefined, "/old/"), unique("later")];
    const laterArn = `arn:aws:iam::${owner.accountId}:user/${later}`;
    const topic = await createTopic(owner);
    await put({ Principal: { AWS: [known.arn] } });
    const text = bucketPolicy([statement({ Principal: { AWS: [known.arn.replaceAll("/", "\\/"), laterArn] } })]);
    const row = "(SELECT id FROM buckets WHERE name = ?1)";
    await env.DB.batch([
      env.DB.prepare("DELETE FROM bucket_documents WHERE kind = 'policyUsers'"),
      env.DB.prepare(`UPDATE bucket_documents SET body = ?2 WHERE kind = 'policy' AND bucket_id = ${row}`).bind(
        bucket,
        JSON.stringify(text.replaceAll("\\\\/", "\\/")),
      ),
      env.DB.prepare("UPDATE topics SET policy = ?2, policy_users = NULL WHERE arn = ?1").bind(
        topic,
        topicPolicy(topic, known.arn),
      ),
    ]);
    const migration = env.TEST_MIGRATIONS.find(({ name }) => name === "0012_policy_users.sql");
    for (const statementOfIt of migration?.queries ?? []) {
      if (!statementOfIt.includes("ADD COLUMN")) await env.DB.prepare(statementOfIt).run();
    }
    const lateComer = await newNamed(later);
    // The direct write to D1 does not invalidate this isolate's cache; the change of another setting does, so that the
    // policy is read again.
    await must({ method: "DELETE", path: `/${bucket}?tagging=`, as: owner });
    expect(await reads(known)).toBe("200");
    expect(await reads(lateComer)).toBe("403 AccessDenied");
    await sns("Publish", { TopicArn: topic, Message: "m" }, known);

    const told = await ask({ path: "/-/admin/policies/nobody", as: ROOT });
    const { principals } = JSON.parse(told.text) as { principals: object[] };
    expect(principals).toContainEqual({ of: "bucket", name: bucket, principal: laterArn, userId: null });
    await remove(known);
    const after = await ask({ path: "/-/admin/policies/nobody", as: ROOT });
    expect((JSON.parse(after.text) as { principals: object[] }).principals).toContainEqual({
      of: "topic",
      name: topic,
      principal: known.arn,
      userId: known.id,
    });
    expect((await ask({ path: "/-/admin/policies/nobody", as: owner })).status).toBe(403);
  });
});
