/** A configuration can do what its author may do, and what policies allow at each replication. */
import { describe, expect, it } from "vitest";
import { rootAccount } from "../../support/accounts.ts";
import { expectError } from "../../support/errors.ts";
import { createUser } from "../../support/iam.ts";
import {
  arn,
  putReplication,
  type RuleOptions,
  replicationDocument,
  replicationRule,
} from "../../support/replication.ts";
import { replicator } from "../../support/replicator.ts";
import { type SendOptions, send as sendTo } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";

const world = replicator();
const { env } = world;
const send = (options: SendOptions) => sendTo({ env, ...options });

const ALL = { Effect: "Allow", Action: "s3:*", Resource: "*" };
const deny = (action: string | readonly string[], resource: string, more: object = {}) => ({
  Effect: "Deny",
  Action: action,
  Resource: `arn:aws:s3:::${resource}`,
  ...more,
});

interface Places {
  readonly source: string;
  readonly target: string;
}

async function places(): Promise<Places> {
  return { source: await createBucket(), target: await createBucket() };
}

const configure = async (
  { source, target }: Places,
  statements: readonly object[] | undefined,
  rule: Partial<RuleOptions> = {},
) =>
  putReplication(source, replicationDocument(replicationRule({ destination: arn(target), ...rule })), {
    ...(statements !== undefined && { as: (await createUser(statements)).key }),
  });

const putPolicy = (bucket: string, ...statements: object[]) =>
  send({
    method: "PUT",
    bucket,
    query: "policy",
    body: JSON.stringify({ Version: "2012-10-17", Statement: statements }),
  });

const INSECURE = { Condition: { Bool: { "aws:SecureTransport": "false" } } };
const PREFIX = "<Prefix>open/</Prefix>";

describe("PutBucketReplication by a user", () => {
  it("with a Deny of part of the source is refused with AccessDenied, and accepted outside that part", async () => {
    const at = await places();
    const statements = [ALL, deny("s3:*", `${at.source}/secret/*`)];
    await expectError(await configure(at, statements), 403, "AccessDenied");
    expect((await send({ bucket: at.source, query: "replication" })).status).toBe(404);
    expect((await configure(at, statements, { filter: PREFIX })).status).toBe(200);
  });

  it.each(["s3:GetObjectVersionForReplication", "s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectAcl"])(
    "without %s on the source is refused with AccessDenied",
    async (action) => {
      const at = await places();
      const response = await configure(at, [ALL, deny(action, `${at.source}/a/b`)]);
      await expectError(response, 403, "AccessDenied");
    },
  );

  it.each(["s3:ReplicateObject", "s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectAcl"])(
    "without %s on the destination is refused with AccessDenied",
    async (action) => {
      const at = await places();
      const response = await configure(at, [ALL, deny(action, `${at.target}/protected/*`)]);
      await expectError(response, 403, "AccessDenied");
    },
  );

  it.each(["s3:ReplicateDelete", "s3:DeleteObject"])(
    "without %s on the destination may replicate objects, but not removals",
    async (action) => {
      const at = await places();
      const statements = [ALL, deny(action, `${at.target}/protected/*`)];
      const response = await configure(at, statements, { deletes: "Enabled" });
      await expectError(response, 403, "AccessDenied");
      expect((await configure(at, statements)).status).toBe(200);
    },
  );

  it("needs no permission for ACLs with AccessControlTranslation", async () => {
    const at = await places();
    const translated = {
      inDestination: `<Account>${(await rootAccount()).accountId}</Account><AccessControlTranslation><Owner>Destination</Owner></AccessControlTranslation>`,
    };
    const statements = [ALL, deny("s3:*ObjectAcl", `${at.source}/*`), deny("s3:*ObjectAcl", `${at.target}/*`)];
    expect((await configure(at, statements)).status).toBe(403);
    const response = await configure(at, statements, translated);
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  it("with a Deny of s3:GetObject in a bucket policy, whatever its condition, is refused with AccessDenied", async () => {
    for (const more of [{}, { Condition: { StringEquals: { "s3:ExistingObjectTag/kept": "yes" } } }]) {
      const at = await places();
      await putPolicy(at.source, { ...deny("s3:GetObject", `${at.source}/x/*`, more), Principal: "*" });
      await expectError(await configure(at, [ALL]), 403, "AccessDenied");
      expect((await configure(at, [ALL], { filter: PREFIX })).status).toBe(200);
    }
  });

  it("with an Allow of only part of a rule's keys is refused with AccessDenied", async () => {
    const at = await places();
    const own = { Effect: "Allow", Action: "s3:*", Resource: [`arn:aws:s3:::${at.source}`] };
    for (const key of ["open/a/*", "????*", "?"]) {
      const part = { Effect: "Allow", Action: "s3:*", Resource: [`arn:aws:s3:::*/${key}`] };
      const response = await configure(at, [own, part], { filter: "<Prefix>open</Prefix>" });
      expect([key, response.status]).toEqual([key, key === "????*" ? 200 : 403]);
    }
  });
});

describe("a bucket policy that is put after the configuration", () => {
  async function failed({ source }: Places): Promise<string | undefined> {
    for (let attempt = 0; attempt < 10; attempt++) await world.settle();
    const row = await testEnv.DB.prepare(
      "SELECT last_error FROM replication_tasks WHERE status = 'FAILED' AND bucket_id = (SELECT id FROM buckets WHERE name = ?1)",
    )
      .bind(source)
      .first<{ last_error: string }>();
    return row?.last_error;
  }
  const put = (bucket: string, key: string, headers = {}) => send({ method: "PUT", bucket, key, body: "x", headers });
  const statusOf = async (bucket: string, key: string) => (await send({ method: "HEAD", bucket, key })).status;

  it.each(["s3:ReplicateObject", "s3:PutObject"])(
    "and denies %s on a key of the destination prevents its replica, and no other",
    async (action) => {
      const at = await places();
      expect((await configure(at, undefined)).status).toBe(200);
      await putPolicy(at.target, { ...deny(action, `${at.target}/secret/*`), Principal: "*" });
      await put(at.source, "secret/k");
      await put(at.source, "open/k");
      expect(await failed(at)).toBe(`The policy of the bucket ${at.target} denies ${action}.`);
      expect([await statusOf(at.target, "secret/k"), await statusOf(at.target, "open/k")]).toEqual([404, 200]);
      const head = await send({ method: "HEAD", bucket: at.source, key: "secret/k" });
      expect(head.headers.get("x-amz-replication-status")).toBe("FAILED");
    },
  );

  it("and denies s3:GetObject on objects of the source by their tags prevents their replication", async () => {
    const at = await places();
    expect((await configure(at, undefined)).status).toBe(200);
    const tagged = { Condition: { StringEquals: { "s3:ExistingObjectTag/kept": "yes" } } };
    await putPolicy(at.source, { ...deny("s3:GetObject", `${at.source}/*`, tagged), Principal: "*" });
    await put(at.source, "k", { "x-amz-tagging": "kept=yes" });
    await put(at.source, "other", { "x-amz-tagging": "kept=no" });
    expect(await failed(at)).toBe(`The policy of the bucket ${at.source} denies s3:GetObject.`);
    expect([await statusOf(at.target, "k"), await statusOf(at.target, "other")]).toEqual([404, 200]);
  });

  it.each(["s3:ReplicateDelete", "s3:DeleteObject"])(
    "and denies %s prevents the removal of a replica",
    async (action) => {
      const at = await places();
      expect((await configure(at, undefined, { deletes: "Enabled" })).status).toBe(200);
      await put(at.source, "k");
      await world.settle();
      await putPolicy(at.target, { ...deny(action, `${at.target}/*`), Principal: "*" });
      expect((await send({ method: "DELETE", bucket: at.source, key: "k" })).status).toBe(204);
      expect(await failed(at)).toBe(`The policy of the bucket ${at.target} denies ${action}.`);
      expect(await statusOf(at.target, "k")).toBe(200);
    },
  );

  it("and denies unencrypted requests, or a user, prevents nothing", async () => {
    const at = await places();
    expect((await configure(at, undefined)).status).toBe(200);
    await put(at.source, "k");
    for (const bucket of [at.source, at.target]) {
      const { arn: user } = await createUser([ALL]);
      const response = await putPolicy(
        bucket,
        { ...deny("s3:*", `${bucket}/*`, INSECURE), Principal: "*" },
        { ...deny("s3:*", `${bucket}/*`), Principal: { AWS: user } },
      );
      expect(response.status).toBe(204);
    }
    await world.settle();
    // The requests of the tests are not encrypted.
    await send({ method: "DELETE", bucket: at.target, query: "policy" });
    expect(await statusOf(at.target, "k")).toBe(200);
  });
});

describe("a remote", () => {
  const document = (bucket: string, rule: Partial<RuleOptions> = {}) =>
    replicationDocument(replicationRule({ destination: `arn:workers-s3:remote:::far/${bucket}`, ...rule }));
  const there = (path: string) => `arn:workers-s3:remote:::far/${path}`;
  const own = { Effect: "Allow", Action: "s3:*", Resource: "arn:aws:s3:::*" };
  const addRemote = async (more: object = {}) => {
    await send({ bucket: "-", key: "admin/remotes/far", method: "DELETE" });
    const { accountId } = await rootAccount();
    const keys = { accessKeyId: "AKIAFAR", secretAccessKey: "secret" };
    const remote = { name: "far", endpoint: "https://s3.example.com", region: "auto", kind: "s3", ...keys, ...more };
    const body = JSON.stringify({ ...remote, accountIds: [accountId] });
    const response = await send({ bucket: "-", key: "admin/remotes", method: "POST", body });
    expect(response.status).toBe(201);
  };

  it("needs s3:ReplicateObject, with removals s3:ReplicateDelete, for all keys of a rule; else AccessDenied", async () => {
    await addRemote();
    const source = await createBucket();
    const filter = "<Prefix>a/</Prefix>";
    const allow = (action: string, path: string) => ({ Effect: "Allow", Action: action, Resource: there(path) });
    const refuse = (path: string) => ({ Effect: "Deny", Action: "s3:*", Resource: there(path) });
    const cases: [string, object[], Partial<RuleOptions>, number][] = [
      ["nothing", [own], {}, 403],
      ["all", [own, allow("s3:ReplicateObject", "b/*")], {}, 200],
      ["the prefix", [own, allow("s3:ReplicateObject", "b/a/*")], { filter }, 200],
      ["part of the prefix", [own, allow("s3:ReplicateObject", "b/a/b/*")], { filter }, 403],
      ["another bucket", [own, allow("s3:ReplicateObject", "c/*")], {}, 403],
      ["no removals", [own, allow("s3:ReplicateObject", "b/*")], { deletes: "Enabled" }, 403],
      ["removals", [own, allow("s3:Replicate*", "b/*")], { deletes: "Enabled" }, 200],
      ["all, with a Deny of a key", [ALL, refuse("b/a/x")], {}, 403],
      ["all, with a Deny outside the prefix", [ALL, refuse("b/b/x")], { filter }, 200],
    ];
    for (const [what, statements, rule, status] of cases) {
      const { key } = await createUser(statements);
      const response = await putReplication(source, document("b", rule), { as: key });
      expect([what, response.status, /<Code>(\w+)/.exec(await response.text())?.[1]]).toEqual([
        what,
        status,
        status === 403 ? "AccessDenied" : undefined,
      ]);
    }
  });

  it("registered for some buckets refuses others with InvalidRequest, also for an earlier rule", async () => {
    await addRemote();
    const source = await createBucket();
    expect((await putReplication(source, document("other"))).status).toBe(200);
    await addRemote({ buckets: ["b", "c"] });
    const bucket = await createBucket();
    await expectError(await putReplication(bucket, document("other")), 400, "InvalidRequest", {
      message: "Destination bucket must exist.",
    });
    expect((await putReplication(bucket, document("b"))).status).toBe(200);
    await send({ method: "PUT", bucket: source, key: "k", body: "1" });
    for (let attempt = 0; attempt < 10; attempt++) await world.settle();
    const row = await testEnv.DB.prepare(
      "SELECT status, last_error FROM replication_tasks WHERE bucket_id = (SELECT id FROM buckets WHERE name = ?1)",
    )
      .bind(source)
      .first();
    expect(row).toEqual({ status: "FAILED", last_error: "The remote far does not allow this bucket." });
  });
});
