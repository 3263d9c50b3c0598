/**
 * Settings that are not set, as AWS answers (recorded by LocalStack in 2026; API pages of the operations):
 * DeleteBucketAnalyticsConfiguration, DeleteBucketIntelligentTieringConfiguration, DeleteBucketInventoryConfiguration,
 * DeleteBucketMetricsConfiguration, GetBucketAnalyticsConfiguration,
 * GetBucketIntelligentTieringConfiguration, GetBucketInventoryConfiguration,
 * GetBucketMetadataConfiguration, GetBucketMetadataTableConfiguration, GetBucketMetricsConfiguration,
 * ListBucketAnalyticsConfigurations,
 * ListBucketIntelligentTieringConfigurations, ListBucketInventoryConfigurations, ListBucketMetricsConfigurations.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import { createUser } from "../../support/iam.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { putObject, type SendOptions, STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { documentOf, readXml } from "../../support/xml.ts";

const NOT_FOUND: readonly (readonly [query: string, code: string, message: string])[] = [
  ["lifecycle", "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"],
  ["website", "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"],
  ["cors", "NoSuchCORSConfiguration", "The CORS configuration does not exist"],
  ["tagging", "NoSuchTagSet", "The TagSet does not exist"],
  ["policy", "NoSuchBucketPolicy", "The bucket policy does not exist"],
  ["policyStatus", "NoSuchBucketPolicy", "The bucket policy does not exist"],
  ["replication", "ReplicationConfigurationNotFoundError", "The replication configuration was not found"],
  ["ownershipControls", "OwnershipControlsNotFoundError", "The bucket ownership controls were not found"],
  ["publicAccessBlock", "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"],
  ["metadataConfiguration", "MetadataConfigurationNotFound", "The metadata configuration was not found"],
  ["metadataTable", "MetadataConfigurationNotFound", "The metadata configuration was not found"],
];

const EMPTY_LIST = "<IsTruncated>false</IsTruncated>";
const DEFAULTS: readonly (readonly [query: string, root: string, inner: string])[] = [
  ["logging", "BucketLoggingStatus", ""],
  ["accelerate", "AccelerateConfiguration", ""],
  ["notification", "NotificationConfiguration", ""],
  ["versioning", "VersioningConfiguration", ""],
  ["requestPayment", "RequestPaymentConfiguration", "<Payer>BucketOwner</Payer>"],
  ["abac", "AbacStatus", "<Status>Disabled</Status>"],
  [
    "encryption",
    "ServerSideEncryptionConfiguration",
    "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule>",
  ],
  ["analytics", "ListBucketAnalyticsConfigurationResult", EMPTY_LIST],
  ["intelligent-tiering", "ListBucketIntelligentTieringConfigurationsOutput", EMPTY_LIST],
  ["inventory", "ListInventoryConfigurationsResult", EMPTY_LIST],
  ["metrics", "ListMetricsConfigurationsResult", EMPTY_LIST],
];

const BY_ID = ["analytics", "intelligent-tiering", "inventory", "metrics"];

let bucket = "";

beforeAll(async () => {
  bucket = await createBucket();
  await putObject(bucket, "k");
});

for (const query of [...NOT_FOUND.map(([name]) => name), ...BY_ID.map((name) => `${name}&id=x`)]) {
  describeRefusals(`GET ?${query}`, { query, success: 404 });
}
for (const [query] of DEFAULTS) describeRefusals(`GET ?${query}`, { query, success: 200 });
for (const query of ["legal-hold", "retention"])
  describeRefusals(`GET key?${query}`, { key: "k", query, success: 400 });
for (const query of BY_ID.map((name) => `${name}&id=x`)) {
  describeRefusals(`DELETE ?${query}`, { method: "DELETE", query, success: 404 });
}

describe.each(STYLES)("a setting that is not set, %s style", (style) => {
  it.each(NOT_FOUND)("?%s is %s", async (query, code, message) => {
    await expectError(await send({ bucket, query, style }), 404, code, { message, details: { BucketName: bucket } });
  });

  it.each(DEFAULTS)("?%s is %s", async (query, root, inner) => {
    const response = await send({ bucket, query, style });
    const expected = inner === "" ? "" : readXml(`<x>${inner}</x>`).children;
    const found = await documentOf(response, root);
    expect(inner === "" ? found.text : found.children).toEqual(expected);
    expect(inner === "" ? found.children : []).toEqual([]);
  });

  it.each(BY_ID)("?%s with an id is NoSuchConfiguration, for reading and deleting", async (name) => {
    for (const method of ["GET", "DELETE"]) {
      const response = await send({ method, bucket, query: `${name}&id=x`, style });
      await expectError(response, 404, "NoSuchConfiguration", {
        message: "The specified configuration does not exist.",
      });
    }
  });

  it.each(BY_ID)("?%s has no second page", async (name) => {
    const response = await send({ bucket, query: `${name}&continuation-token=x`, style });
    await expectError(response, 400, "InvalidArgument", {
      message: "The continuation token provided is incorrect",
      details: { ArgumentName: "continuation-token" },
    });
  });
});

// Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".
describe("reading a setting requires its own permission", () => {
  it.each<[action: string, options: SendOptions, status: number]>([
    ["s3:GetLifecycleConfiguration", { query: "lifecycle" }, 404],
    ["s3:PutLifecycleConfiguration", { method: "DELETE", query: "lifecycle" }, 204],
    ["s3:GetBucketLogging", { query: "logging" }, 200],
    ["s3:GetAccelerateConfiguration", { query: "accelerate" }, 200],
    ["s3:GetBucketRequestPayment", { query: "requestPayment" }, 200],
    ["s3:GetEncryptionConfiguration", { query: "encryption" }, 200],
    ["s3:PutEncryptionConfiguration", { method: "DELETE", query: "encryption" }, 204],
    ["s3:GetBucketAbac", { query: "abac" }, 200],
    ["s3:GetAnalyticsConfiguration", { query: "analytics" }, 200],
    ["s3:GetAnalyticsConfiguration", { query: "analytics&id=x" }, 404],
    ["s3:PutAnalyticsConfiguration", { method: "DELETE", query: "analytics&id=x" }, 404],
    ["s3:GetIntelligentTieringConfiguration", { query: "intelligent-tiering" }, 200],
    ["s3:GetInventoryConfiguration", { query: "inventory" }, 200],
    ["s3:GetMetricsConfiguration", { query: "metrics" }, 200],
    ["s3:GetBucketMetadataTableConfiguration", { query: "metadataConfiguration" }, 404],
  ])("%s", async (action, options, status) => {
    const resource = `arn:aws:s3:::${bucket}${options.key === undefined ? "" : "/*"}`;
    const [allowed, denied] = await Promise.all([
      createUser([{ Effect: "Allow", Action: action, Resource: resource }]),
      createUser([
        { Effect: "Allow", Action: "s3:*", Resource: "*" },
        { Effect: "Deny", Action: action, Resource: resource },
      ]),
    ]);
    expect((await send({ ...options, bucket, as: allowed.key })).status).toBe(status);
    expect((await send({ ...options, bucket, as: denied.key })).status).toBe(403);
  });
});
