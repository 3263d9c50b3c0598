/** What a configuration may do is what its author may, and what policies allow when it is done. */
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
import { createBucket } from "../../support/s3.ts";

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

const PREFIX = "<Prefix>open/</Prefix>";

describe("PutBucketReplication by a user", () => {
  it("with a Deny of part of the source is refused with AccessDenied, beside that part it is taken", async () => {
    const at = await places();
    const statements = [ALL, deny("s3:*", `${at.source}/secret/*`)];
    await expectError(await configure(at, statements), 403, "AccessDenied", { resource: `/${at.source}` });
    expect((await send({ bucket: at.source, query: "replication" })).status).toBe(404);
    expect((await configure(at, statements, { filter: PREFIX })).status).toBe(200);
  });

  it.each(["s3:GetObjectVersionForReplication", "s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectAcl"])(
    "without %s on the source is refused with AccessDenied",
    async (action) => {
      const at = await places();
      const response = await configure(at, [ALL, deny(action, `${at.source}/a/b`)]);
      await expectError(response, 403, "AccessDenied", { resource: `/${at.source}` });
    },
  );

  it.each(["s3:ReplicateObject", "s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectAcl"])(
    "without %s on the destination is refused with AccessDenied",
    async (action) => {
      const at = await places();
      const response = await configure(at, [ALL, deny(action, `${at.target}/protected/*`)]);
      await expectError(response, 403, "AccessDenied", { resource: `/${at.source}` });
    },
  );

  it.each(["s3:ReplicateDelete", "s3:DeleteObject"])(
    "without %s on the destination may not have removals replicated, and may have objects",
    async (action) => {
      const at = await places();
      const statements = [ALL, deny(action, `${at.target}/protected/*`)];
      const response = await configure(at, statements, { deletes: "Enabled" });
      await expectError(response, 403, "AccessDenied", { resource: `/${at.source}` });
      expect((await configure(at, statements)).status).toBe(200);
    },
  );

  it("needs no permission for ACLs where AccessControlTranslation leaves them behind", async () => {
    const at = await places();
    const translated = {
      inDestination: `<Account>${(await rootAccount()).accountId}</Account><AccessControlTranslation><Owner>Destination</Owner></AccessControlTranslation>`,
    };
    const statements = [ALL, deny("s3:*ObjectAcl", `${at.source}/*`), deny("s3:*ObjectAcl", `${at.target}/*`)];
    expect((await configure(at, statements)).status).toBe(403);
    const response = await configure(at, statements, translated);
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  it("whom a bucket policy denies s3:GetObject, whatever the condition, is refused with AccessDenied", async () => {
    for (const more of [{}, { Condition: { StringEquals: { "s3:ExistingObjectTag/kept": "yes" } } }]) {
      const at = await places();
      await putPolicy(at.source, { ...deny("s3:GetObject", `${at.source}/x/*`, more), Principal: "*" });
      await expectError(await configure(at, [ALL]), 403, "AccessDenied", { resource: `/${at.source}` });
      expect((await configure(at, [ALL], { filter: PREFIX })).status).toBe(200);
    }
  });

  it("who is allowed part of what a rule takes is refused with AccessDenied", async () => {
    const at = await places();
    const own = { Effect: "Allow", Action: "s3:*", Resource: [`arn:aws:s3:::${at.source}`] };
    for (const key of ["open/a/*", "????*", "?"]) {
      const part = { Effect: "Allow", Action: "s3:*", Resource: [`arn:aws:s3:::*/${key}`] };
      const response = await configure(at, [own, part], { filter: "<Prefix>open</Prefix>" });
      expect([key, response.status]).toEqual([key, key === "????*" ? 200 : 403]);
    }
  });
});
