import { describe, expect, it } from "vitest";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { contentMd5 } from "../../support/cors.ts";
import { expectError } from "../../support/errors.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { arn, putReplication, replicationDocument, replicationRule } from "../../support/replication.ts";
import { STYLES, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { documentOf, textIn } from "../../support/xml.ts";

const to = (bucket: string, inDestination = "") =>
  replicationDocument(replicationRule({ id: "r", destination: arn(bucket), inDestination }));

async function expectNone(bucket: string, style: "path" | "virtual-host" = "path"): Promise<void> {
  const message = "The replication configuration was not found";
  const response = await send({ bucket, query: "replication", style });
  const details = { BucketName: bucket };
  await expectError(response, 404, "ReplicationConfigurationNotFoundError", { message, details });
}

// The document names the destination, which must exist.
const TARGET = await createBucket();
describeRefusals("PutBucketReplication", {
  method: "PUT",
  query: "replication",
  body: to(TARGET),
  headers: contentMd5(to(TARGET)),
  success: 200,
});
describeRefusals("DeleteBucketReplication", { method: "DELETE", query: "replication", success: 204 });

describe.each(STYLES)("replication of a bucket, %s style", (style) => {
  it("GetBucketReplication returns what PutBucketReplication put, DeleteBucketReplication removes it", async () => {
    const [bucket, target] = [await createBucket(), await createBucket()];
    await expectNone(bucket, style);
    const put = await putReplication(bucket, to(target), { style });
    expect([put.status, await put.text()]).toEqual([200, ""]);
    const got = await send({ bucket, query: "replication", style });
    expect(await got.text()).toBe(
      `<?xml version="1.0" encoding="UTF-8"?>\n<ReplicationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ID>r</ID><Priority>1</Priority><Filter><Prefix/></Filter><Status>Enabled</Status><Destination><Bucket>${arn(target)}</Bucket></Destination><DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication></Rule></ReplicationConfiguration>`,
    );
    const deleted = await send({ method: "DELETE", bucket, query: "replication", style });
    expect([deleted.status, await deleted.text()]).toEqual([204, ""]);
    await expectNone(bucket, style);
  });
});

describe("PutBucketReplication", () => {
  it("PutBucketReplication generates an ID for a rule without one", async () => {
    const [bucket, target] = [await createBucket(), await createBucket()];
    const document = replicationDocument(
      replicationRule({ destination: arn(target) }),
      replicationRule({ destination: arn(target), priority: 2 }),
    );
    expect((await putReplication(bucket, document)).status).toBe(200);
    const root = await documentOf(await send({ bucket, query: "replication" }), "ReplicationConfiguration");
    const ids = root.children.map((rule) => textIn(rule, "ID"));
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9]{24}$/);
  });

  it("PutBucketReplication refuses a document without a digest with InvalidRequest", async () => {
    const bucket = await createBucket();
    const response = await putReplication(bucket, to(TARGET), { headers: {} });
    const message = /Content-MD5|checksum/i;
    await expectError(response, 400, "InvalidRequest", { message });
  });

  it("PutBucketReplication refuses an invalid document with MalformedXML and keeps the configuration", async () => {
    const bucket = await createBucket();
    await putReplication(bucket, to(TARGET));
    const response = await putReplication(bucket, "<ReplicationConfiguration/>");
    await expectError(response, 400, "MalformedXML");
    expect((await send({ bucket, query: "replication" })).status).toBe(200);
  });

  it("PutBucketReplication refuses more than can be stored with InvalidRequest", async () => {
    const bucket = await createBucket();
    const rules = Array.from({ length: 60 }, (_, index) =>
      replicationRule({
        destination: arn(TARGET),
        priority: index,
        filter: `<Prefix>${"x".repeat(1000)}</Prefix>`,
      }),
    );
    const response = await putReplication(bucket, replicationDocument(...rules));
    await expectError(response, 400, "InvalidRequest", {
      message: /^A replication configuration/,
    });
  });

  it("PutBucketReplication refuses a destination that does not exist with InvalidRequest", async () => {
    const bucket = await createBucket();
    const response = await putReplication(bucket, to("no-bucket-of-this-name"));
    await expectError(response, 400, "InvalidRequest", {
      message: "Destination bucket must exist.",
    });
  });

  it("PutBucketReplication refuses the bucket itself with InvalidRequest", async () => {
    const bucket = await createBucket();
    await expectError(await putReplication(bucket, to(bucket)), 400, "InvalidRequest", {
      message: "Destination bucket cannot be the same as the source bucket.",
    });
  });

  it("PutBucketReplication refuses another account's bucket with AccessDenied", async () => {
    const [bucket, other] = [await createBucket(), await createAccount()];
    const foreign = await createBucket({ key: other });
    await expectError(await putReplication(bucket, to(foreign)), 403, "AccessDenied");
  });

  it("PutBucketReplication refuses a remote that the account cannot use like one that does not exist", async () => {
    const bucket = await createBucket();
    await testEnv.DB.prepare(
      "INSERT INTO remotes (name, endpoint, region, kind, access_key_id, secret_sealed, created_at) VALUES ('closed', 'https://s3.example', 'us-east-1', 's3', 'a', 'b', 0)",
    ).run();
    for (const remote of ["closed", "missing"]) {
      const document = replicationDocument(
        replicationRule({ destination: `arn:workers-s3:remote:::${remote}/bucket` }),
      );
      await expectError(await putReplication(bucket, document), 400, "InvalidRequest", {
        message: "Destination bucket must exist.",
      });
    }
  });

  it("PutBucketReplication accepts a remote that the account can use, and both directions between two buckets", async () => {
    const [one, two] = [await createBucket(), await createBucket()];
    const { accountId } = await rootAccount();
    await testEnv.DB.batch([
      testEnv.DB.prepare(
        "INSERT INTO remotes (name, endpoint, region, kind, access_key_id, secret_sealed, created_at) VALUES ('open', 'https://s3.example', 'us-east-1', 's3', 'a', 'b', 0)",
      ),
      testEnv.DB.prepare("INSERT INTO remote_accounts (remote, account_id) VALUES ('open', ?1)").bind(accountId),
    ]);
    const document = replicationDocument(
      replicationRule({ destination: "arn:workers-s3:remote:::open/bucket" }),
      replicationRule({ destination: arn(two), priority: 2 }),
    );
    expect((await putReplication(one, document)).status).toBe(200);
    expect((await putReplication(two, to(one))).status).toBe(200);
  });

  it("PutBucketReplication refuses an Account that is not the destination's with InvalidArgument", async () => {
    const bucket = await createBucket();
    const { accountId } = await rootAccount();
    const mine = to(TARGET, `<Account>${accountId}</Account>`);
    expect((await putReplication(bucket, mine)).status).toBe(200);
    const response = await putReplication(bucket, to(TARGET, "<Account>000000000000</Account>"));
    await expectError(response, 400, "InvalidArgument", {
      message: "Account is not the owner of the destination bucket",
      details: { ArgumentName: "Account", ArgumentValue: "000000000000" },
    });
  });
});

describe("DeleteBucket", () => {
  it("DeleteBucket refuses a replication destination with InvalidBucketState", async () => {
    const [source, target] = [await createBucket(), await createBucket()];
    await putReplication(source, to(target));
    await expectError(await send({ method: "DELETE", bucket: target }), 409, "InvalidBucketState", {
      message: `The bucket is a replication destination of the bucket ${source}.`,
      details: { BucketName: target },
    });
    expect((await send({ method: "DELETE", bucket: source })).status).toBe(204);
    expect((await send({ method: "DELETE", bucket: target })).status).toBe(204);
  });

  it("DeleteBucket deletes a bucket whose name is a destination behind a remote", async () => {
    const [source, target] = [await createBucket(), await createBucket()];
    const rule = replicationRule({ destination: `arn:workers-s3:remote:::open/${target}` });
    expect((await putReplication(source, replicationDocument(rule))).status).toBe(200);
    expect((await send({ method: "DELETE", bucket: target })).status).toBe(204);
  });
});
