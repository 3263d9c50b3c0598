/**
 * The calls of Terraform's AWS provider (internal/service/s3 of hashicorp/terraform-provider-aws), which Pulumi's is built on: of
 * `aws_s3_bucket`, each `aws_s3_bucket_*` and `aws_s3_object`, for create, read, update, delete and import. Import is a read.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../support/acl.ts";
import { signedFetch } from "../../support/control.ts";
import { inventoryDocument } from "../../support/inventory.ts";
import { putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket, errorOf } from "../../support/s3.ts";

type Status = number;
type Read = readonly [resource: string, request: Omit<SendOptions, "bucket">, status: Status, code?: string];

/** What a bucket answers for which nothing is configured: the codes are those that the provider takes for "not set". */
const READS: readonly Read[] = [
  ["aws_s3_bucket", { method: "HEAD" }, 200],
  ["aws_s3_bucket", { query: "location" }, 200],
  ["aws_s3_bucket", { query: "policy" }, 404, "NoSuchBucketPolicy"],
  ["aws_s3_bucket", { query: "acl" }, 200],
  ["aws_s3_bucket", { query: "cors" }, 404, "NoSuchCORSConfiguration"],
  ["aws_s3_bucket", { query: "website" }, 404, "NoSuchWebsiteConfiguration"],
  ["aws_s3_bucket", { query: "versioning" }, 200],
  ["aws_s3_bucket", { query: "accelerate" }, 200],
  ["aws_s3_bucket", { query: "requestPayment" }, 200],
  ["aws_s3_bucket", { query: "logging" }, 200],
  ["aws_s3_bucket", { query: "lifecycle" }, 404, "NoSuchLifecycleConfiguration"],
  ["aws_s3_bucket", { query: "replication" }, 404, "ReplicationConfigurationNotFoundError"],
  ["aws_s3_bucket", { query: "encryption" }, 200],
  ["aws_s3_bucket", { query: "object-lock" }, 404, "ObjectLockConfigurationNotFoundError"],
  ["aws_s3_bucket", { query: "tagging" }, 404, "NoSuchTagSet"],
  ["aws_s3_bucket, force_destroy", { query: "versions" }, 200],
  ["aws_s3_bucket, force_destroy", { query: "list-type=2" }, 200],
  ["aws_s3_bucket_abac", { query: "abac" }, 200],
  ["aws_s3_bucket_analytics_configuration", { query: "analytics&id=x" }, 404, "NoSuchConfiguration"],
  [
    "aws_s3_bucket_intelligent_tiering_configuration",
    { query: "intelligent-tiering&id=x" },
    404,
    "NoSuchConfiguration",
  ],
  ["aws_s3_bucket_inventory", { query: "inventory&id=x" }, 404, "NoSuchConfiguration"],
  ["aws_s3_bucket_metadata_configuration", { query: "metadataConfiguration" }, 404, "MetadataConfigurationNotFound"],
  ["aws_s3_bucket_metric", { query: "metrics&id=x" }, 404, "NoSuchConfiguration"],
  ["aws_s3_bucket_notification", { query: "notification" }, 200],
  ["aws_s3_bucket_ownership_controls", { query: "ownershipControls" }, 404, "OwnershipControlsNotFoundError"],
  ["aws_s3_bucket_policy", { query: "policyStatus" }, 404, "NoSuchBucketPolicy"],
  ["aws_s3_bucket_public_access_block", { query: "publicAccessBlock" }, 404, "NoSuchPublicAccessBlockConfiguration"],
  ["aws_s3_object", { method: "HEAD", key: "none" }, 404],
  ["aws_s3_object", { method: "HEAD", key: "k", headers: { "x-amz-checksum-mode": "ENABLED" } }, 200],
  ["aws_s3_object", { key: "k", query: "tagging" }, 200],
  ["aws_s3_object, data source", { key: "k" }, 200],
  ["aws_s3_object, object lock", { key: "k", query: "legal-hold" }, 400, "InvalidRequest"],
  ["aws_s3_object, object lock", { key: "k", query: "retention" }, 400, "InvalidRequest"],
  ["aws_s3_objects", { query: "list-type=2&prefix=k&delimiter=%2F" }, 200],
];

describe("Terraform's reads of a bucket without settings", () => {
  let bucket = "";
  beforeAll(async () => {
    bucket = await createBucket();
    await putObject(bucket, "k");
  });

  it.each(READS.map((read) => ({ read })))("$read", async ({ read: [, request, status, code] }) => {
    const response = await send({ ...request, bucket });
    expect(response.status).toBe(status);
    expect(response.status).not.toBe(501);
    if (code !== undefined) expect((await errorOf(response)).code).toBe(code);
  });

  it("S3 Control ListTagsForResource: 200", async () => {
    expect((await signedFetch({ bucket })).status).toBe(200);
  });

  it("of a bucket that is gone: 404 of HeadBucket, NoSuchBucket of all others", async () => {
    for (const [, request] of READS) {
      if (request.key !== undefined) continue;
      const response = await send({ ...request, bucket: "no-bucket-of-this-name" });
      expect([request.query, response.status]).toEqual([request.query, 404]);
      if (request.method !== "HEAD") expect((await errorOf(response)).code).toBe("NoSuchBucket");
    }
  });
});

const NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
/** A setting that the provider puts, reads and deletes. */
interface Cycle {
  readonly resource: string;
  readonly query: string;
  readonly body: (other: string) => string;
  /** What the document that is read contains. */
  readonly shows: string;
  /** What a read answers after the deletion. Absent: the resource is deleted by putting another document. */
  readonly absent?: string;
  readonly deletedBy?: (other: string) => string;
}

const CYCLES: readonly Cycle[] = [
  {
    resource: "aws_s3_bucket_abac",
    query: "abac",
    body: () => `<AbacStatus ${NS}><Status>Disabled</Status></AbacStatus>`,
    shows: "<Status>Disabled</Status>",
    deletedBy: () => `<AbacStatus ${NS}><Status>Disabled</Status></AbacStatus>`,
  },
  {
    resource: "aws_s3_bucket_accelerate_configuration",
    query: "accelerate",
    body: () => `<AccelerateConfiguration ${NS}><Status>Suspended</Status></AccelerateConfiguration>`,
    shows: "<Status>Suspended</Status>",
    deletedBy: () => `<AccelerateConfiguration ${NS}><Status>Suspended</Status></AccelerateConfiguration>`,
  },
  {
    resource: "aws_s3_bucket_cors_configuration",
    query: "cors",
    body: () =>
      `<CORSConfiguration ${NS}><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://a.example</AllowedOrigin></CORSRule></CORSConfiguration>`,
    shows: "https://a.example",
    absent: "NoSuchCORSConfiguration",
  },
  {
    resource: "aws_s3_bucket_inventory",
    query: "inventory&id=x",
    body: (destination) => inventoryDocument({ id: "x", destination, fields: ["Size"] }),
    shows: "<Field>Size</Field>",
    absent: "NoSuchConfiguration",
  },
  {
    resource: "aws_s3_bucket_lifecycle_configuration",
    query: "lifecycle",
    body: () =>
      `<LifecycleConfiguration ${NS}><Rule><Expiration><Days>90</Days></Expiration><Filter><Prefix>logs/</Prefix></Filter><ID>logs</ID><Status>Enabled</Status></Rule></LifecycleConfiguration>`,
    shows: "<Days>90</Days>",
    absent: "NoSuchLifecycleConfiguration",
  },
  {
    resource: "aws_s3_bucket_notification",
    query: "notification",
    body: () => `<NotificationConfiguration ${NS}></NotificationConfiguration>`,
    shows: "NotificationConfiguration",
    deletedBy: () => `<NotificationConfiguration ${NS}></NotificationConfiguration>`,
  },
  {
    resource: "aws_s3_bucket_ownership_controls",
    query: "ownershipControls",
    body: () =>
      `<OwnershipControls ${NS}><Rule><ObjectOwnership>BucketOwnerPreferred</ObjectOwnership></Rule></OwnershipControls>`,
    shows: "BucketOwnerPreferred",
    absent: "OwnershipControlsNotFoundError",
  },
  {
    resource: "aws_s3_bucket_public_access_block",
    query: "publicAccessBlock",
    body: () =>
      `<PublicAccessBlockConfiguration ${NS}><BlockPublicAcls>true</BlockPublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><IgnorePublicAcls>true</IgnorePublicAcls><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>`,
    shows: "<BlockPublicAcls>true</BlockPublicAcls>",
    absent: "NoSuchPublicAccessBlockConfiguration",
  },
  {
    resource: "aws_s3_bucket_request_payment_configuration",
    query: "requestPayment",
    body: () => `<RequestPaymentConfiguration ${NS}><Payer>BucketOwner</Payer></RequestPaymentConfiguration>`,
    shows: "<Payer>BucketOwner</Payer>",
    deletedBy: () => `<RequestPaymentConfiguration ${NS}><Payer>BucketOwner</Payer></RequestPaymentConfiguration>`,
  },
  {
    resource: "aws_s3_bucket_server_side_encryption_configuration",
    query: "encryption",
    body: () =>
      `<ServerSideEncryptionConfiguration ${NS}><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>`,
    shows: "AES256",
    absent: "",
  },
  {
    resource: "aws_s3_bucket, tags",
    query: "tagging",
    body: () => `<Tagging ${NS}><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>`,
    shows: "<Key>a</Key>",
    absent: "NoSuchTagSet",
  },
  {
    resource: "aws_s3_bucket_website_configuration",
    query: "website",
    body: () =>
      `<WebsiteConfiguration ${NS}><IndexDocument><Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>`,
    shows: "index.html",
    absent: "NoSuchWebsiteConfiguration",
  },
  {
    resource: "aws_s3_bucket_policy",
    query: "policy",
    body: () => "",
    shows: "s3:GetObject",
    absent: "NoSuchBucketPolicy",
  },
  {
    resource: "aws_s3_bucket_versioning",
    query: "versioning",
    body: () => `<VersioningConfiguration ${NS}><Status>Enabled</Status></VersioningConfiguration>`,
    shows: "<Status>Enabled</Status>",
    deletedBy: () => `<VersioningConfiguration ${NS}><Status>Suspended</Status></VersioningConfiguration>`,
  },
];

const POLICY = (bucket: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${bucket}/*` }],
  });

describe("Terraform's life of a setting: created, read, updated, deleted, read", () => {
  it.each(CYCLES)("$resource", async ({ query, body, shows, absent, deletedBy }) => {
    const [bucket, other] = await Promise.all([createBucket(), createBucket()]);
    const document = query === "policy" ? POLICY(bucket) : body(other);
    for (const _ of ["created", "updated"]) {
      const put = await send({ method: "PUT", bucket, query, body: document, headers: await digestOf(document) });
      expect([query, put.status < 300]).toEqual([query, true]);
      expect(await (await send({ bucket, query })).text()).toContain(shows);
    }
    if (deletedBy === undefined) {
      expect((await send({ method: "DELETE", bucket, query })).status).toBe(204);
    } else {
      const last = deletedBy(other);
      const put = await send({ method: "PUT", bucket, query, body: last, headers: await digestOf(last) });
      expect(put.status).toBe(200);
    }
    const read = await send({ bucket, query });
    const code = read.status < 300 ? "" : (await errorOf(read)).code;
    expect(code).toBe(absent ?? "");
  });

  it("aws_s3_bucket: with tags of its creation, deleted twice", async () => {
    const name = await createBucket();
    expect((await send({ method: "DELETE", bucket: name })).status).toBe(204);
    expect((await errorOf(await send({ method: "DELETE", bucket: name }))).code).toBe("NoSuchBucket");
  });

  it("aws_s3_object: uploaded, read, tagged, replaced, deleted", async () => {
    const bucket = await createBucket();
    const object = { bucket, key: "k" };
    const headers = { "x-amz-tagging": "a=b", "x-amz-server-side-encryption": "AES256", "x-amz-meta-m": "v" };
    const put = await send({ ...object, method: "PUT", body: "one", headers });
    expect([put.status, put.headers.get("x-amz-server-side-encryption")]).toEqual([200, "AES256"]);
    const head = await send({ ...object, method: "HEAD" });
    expect([head.status, head.headers.get("x-amz-meta-m"), head.headers.get("etag")]).toEqual([
      200,
      "v",
      put.headers.get("etag"),
    ]);
    const tagging = `<Tagging ${NS}><TagSet><Tag><Key>c</Key><Value>d</Value></Tag></TagSet></Tagging>`;
    const tagged = await send({
      ...object,
      method: "PUT",
      query: "tagging",
      body: tagging,
      headers: await digestOf(tagging),
    });
    expect(tagged.status).toBe(200);
    expect(await (await send({ ...object, query: "tagging" })).text()).toContain("<Key>c</Key>");
    expect((await send({ ...object, method: "PUT", body: "two" })).status).toBe(200);
    expect((await send({ ...object, method: "DELETE", query: "tagging" })).status).toBe(204);
    expect((await send({ ...object, method: "DELETE" })).status).toBe(204);
    expect((await send({ ...object, method: "HEAD" })).status).toBe(404);
  });
});
