/**
 * PutBucketInventoryConfiguration, GetBucketInventoryConfiguration, ListBucketInventoryConfigurations,
 * DeleteBucketInventoryConfiguration.
 */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { MAX_INVENTORIES } from "../../../src/storage/d1/inventories.ts";
import { expectError } from "../../support/errors.ts";
import { createUser } from "../../support/iam.ts";
import { configureInventory, type InventoryOptions, inventoryDocument, putInventory } from "../../support/inventory.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { setVersioning } from "../../support/versions.ts";
import { all, documentOf, type Element } from "../../support/xml.ts";

const TO = { destination: "reports-of-others" };

/** `name=text` of all elements without children, in order. */
function leaves({ name, text, children }: Element): string[] {
  return children.length === 0 ? [`${name}=${text}`] : children.flatMap(leaves);
}

async function idsOf(bucket: string, token = "") {
  const query = `inventory${token === "" ? "" : `&continuation-token=${encodeURIComponent(token)}`}`;
  const root = await documentOf(await send({ bucket, query }), "ListInventoryConfigurationsResult");
  const ids = all(root, "InventoryConfiguration").map((each) => all(each, "Id")[0]?.text);
  const isTruncated = all(root, "IsTruncated")[0]?.text;
  return { ids, isTruncated, next: all(root, "NextContinuationToken")[0]?.text };
}

describeRefusals("PutBucketInventoryConfiguration", {
  method: "PUT",
  query: "inventory&id=all",
  body: inventoryDocument(TO),
  success: 204,
});

describe.each(STYLES)("an inventory configuration, %s style", (style) => {
  // LocalStack's recording test_s3_inventory_report_crud.
  it("is read, listed and deleted as it was put", async () => {
    const bucket = await createBucket();
    const options = { ...TO, id: "test-inventory", versions: "All", fields: ["Size", "ETag"] };
    const put = await putInventory(bucket, options, { style });
    expect([put.status, await put.text()]).toEqual([204, ""]);
    const expected = [
      "Id=test-inventory",
      "IsEnabled=true",
      "Format=CSV",
      "Bucket=arn:aws:s3:::reports-of-others",
      "Frequency=Daily",
      "IncludedObjectVersions=All",
      "Field=Size",
      "Field=ETag",
    ];
    const get = { bucket, style, query: "inventory&id=test-inventory" };
    expect(leaves(await documentOf(await send(get), "InventoryConfiguration"))).toEqual(expected);
    const list = await documentOf(
      await send({ bucket, style, query: "inventory" }),
      "ListInventoryConfigurationsResult",
    );
    expect(leaves(list)).toEqual([...expected, "IsTruncated=false"]);
    expect((await send({ ...get, method: "DELETE" })).status).toBe(204);
    await expectError(await send(get), 404, "NoSuchConfiguration", {
      message: "The specified configuration does not exist.",
    });
    expect(await idsOf(bucket)).toEqual({ ids: [], isTruncated: "false", next: undefined });
  });
});

describe("PutBucketInventoryConfiguration", () => {
  it("keeps every element", async () => {
    const bucket = await createBucket();
    await configureInventory(bucket, {
      ...TO,
      isEnabled: "false",
      frequency: "Weekly",
      arn: "arn:aws-us-gov:s3:::reports-of-others",
      filter: "<Filter><Prefix>a&amp;b/</Prefix></Filter>",
      ofDestination:
        "<AccountId>123456789012</AccountId><Prefix>to/</Prefix><Encryption><SSE-S3></SSE-S3></Encryption>",
    });
    const root = await documentOf(await send({ bucket, query: "inventory&id=all" }), "InventoryConfiguration");
    expect(leaves(root)).toEqual([
      "Id=all",
      "IsEnabled=false",
      "Prefix=a&b/",
      "Format=CSV",
      "AccountId=123456789012",
      "Bucket=arn:aws-us-gov:s3:::reports-of-others",
      "Prefix=to/",
      "SSE-S3=",
      "Frequency=Weekly",
      "IncludedObjectVersions=Current",
    ]);
  });

  it("replaces the configuration of the id", async () => {
    const bucket = await createBucket();
    await configureInventory(bucket, { ...TO, fields: ["Size"] });
    await configureInventory(bucket, { ...TO, frequency: "Weekly" });
    const root = await documentOf(await send({ bucket, query: "inventory&id=all" }), "InventoryConfiguration");
    expect(leaves(root)).toContain("Frequency=Weekly");
    expect(leaves(root)).not.toContain("Field=Size");
  });

  // LocalStack's recording test_s3_put_inventory_report_exceptions.
  it.each<[string, Partial<InventoryOptions>]>([
    ["another Format", { format: "WRONG-FORMAT" }],
    ["another Frequency", { frequency: "Hourly" }],
    ["other IncludedObjectVersions", { versions: "Wrong" }],
    ["an unknown field", { fields: ["TestField"] }],
    ["another IsEnabled", { isEnabled: "yes" }],
    ["two kinds of encryption", { ofDestination: "<Encryption><SSE-S3/><SSE-KMS/></Encryption>" }],
    ["an unknown encryption", { ofDestination: "<Encryption><Other/></Encryption>" }],
    ["an unknown element", { filter: "<Other/>" }],
  ])("refuses %s with MalformedXML", async (_, options) => {
    const bucket = await createBucket();
    await expectError(await putInventory(bucket, { ...TO, ...options }), 400, "MalformedXML", {
      message: "The XML you provided was not well-formed or did not validate against our published schema",
    });
    expect((await idsOf(bucket)).ids).toEqual([]);
  });

  it("refuses an id that is not the document's with IdMismatch", async () => {
    const response = await putInventory(await createBucket(), TO, { query: "inventory&id=other" });
    await expectError(response, 400, "IdMismatch", {
      message: "Document ID does not match the specified configuration ID.",
    });
  });

  it.each(["reports-of-others", "arn:aws:s3:::no_name", "arn:aws:sqs:::queue"])(
    "refuses the destination %s with InvalidS3DestinationBucket",
    async (arn) => {
      const response = await putInventory(await createBucket(), { ...TO, arn });
      await expectError(response, 400, "InvalidS3DestinationBucket", { message: "Invalid bucket ARN." });
    },
  );

  it.each<[string, argument: string, value: string, Partial<InventoryOptions>]>([
    ["ORC", "Format", "ORC", { format: "ORC" }],
    ["Parquet", "Format", "Parquet", { format: "Parquet" }],
    [
      "a field that no object has",
      "OptionalFields",
      "IntelligentTieringReferenceDate",
      { fields: ["IntelligentTieringReferenceDate"] },
    ],
    ["an account that is none", "AccountId", "1", { ofDestination: "<AccountId>1</AccountId>" }],
    [
      "a prefix that leaves no room for the names of a report",
      "Prefix",
      "p".repeat(256),
      { ofDestination: `<Prefix>${"p".repeat(841)}</Prefix>` },
    ],
    ["a long prefix", "Prefix", "ä".repeat(256), { ofDestination: `<Prefix>${"ä".repeat(513)}</Prefix>` }],
    ["an id with a slash", "id", "a/b", { id: "a/b" }],
    ["a long id", "id", "i".repeat(65), { id: "i".repeat(65) }],
  ])("refuses %s with InvalidArgument", async (_, name, value, options) => {
    const response = await putInventory(await createBucket(), { ...TO, ...options });
    await expectError(response, 400, "InvalidArgument", {
      message: /./,
      details: { ArgumentName: name, ArgumentValue: value },
    });
  });

  it("refuses SSE-KMS with NotImplemented", async () => {
    const ofDestination = "<Encryption><SSE-KMS><KeyId>k</KeyId></SSE-KMS></Encryption>";
    const response = await putInventory(await createBucket(), { ...TO, ofDestination });
    await expectError(response, 501, "NotImplemented", { message: /SSE-KMS/ });
  });

  it("refuses one configuration more than a bucket can have with TooManyConfigurations", async () => {
    const bucket = await createBucket();
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
       INSERT INTO inventories (bucket_id, id, body, is_enabled, revision, due_at, worked_at)
       SELECT b.id, 'n' || i, '{}', 0, 'r', 0, 0 FROM n JOIN buckets b ON b.name = ?1`,
    )
      .bind(bucket, MAX_INVENTORIES)
      .run();
    await expectError(await putInventory(bucket, TO), 400, "TooManyConfigurations", {
      message: /1,000-configuration limit/,
    });
    // Those that it has can be replaced.
    expect((await putInventory(bucket, { ...TO, id: "n5", isEnabled: "false" })).status).toBe(204);
  });

  // "Control S3 Inventory report configuration creation" of AWS's policy examples.
  it("lets policies restrict the optional fields by s3:InventoryAccessibleOptionalFields", async () => {
    const bucket = await createBucket();
    const { key } = await createUser([
      { Effect: "Allow", Action: "s3:*", Resource: "*" },
      {
        Effect: "Deny",
        Action: "s3:PutInventoryConfiguration",
        Resource: `arn:aws:s3:::${bucket}`,
        Condition: {
          "ForAnyValue:StringNotEquals": { "s3:InventoryAccessibleOptionalFields": ["Size", "StorageClass"] },
        },
      },
    ]);
    const fields = (...names: string[]) => putInventory(bucket, { ...TO, fields: names }, { as: key });
    expect((await fields("Size")).status).toBe(204);
    expect((await fields()).status).toBe(204);
    await expectError(await fields("Size", "ObjectOwner"), 403, "AccessDenied");
    const root = await documentOf(await send({ bucket, query: "inventory&id=all" }), "InventoryConfiguration");
    expect(leaves(root)).not.toContain("Field=ObjectOwner");
  });
});

describe("ListBucketInventoryConfigurations", () => {
  // LocalStack's recording test_put_bucket_inventory_config_order.
  it("lists by id", async () => {
    const bucket = await createBucket();
    for (const id of ["test-1", "z-test", "a-test"]) await configureInventory(bucket, { ...TO, id });
    expect((await idsOf(bucket)).ids).toEqual(["a-test", "test-1", "z-test"]);
    await send({ method: "DELETE", bucket, query: "inventory&id=z-test" });
    expect((await idsOf(bucket)).ids).toEqual(["a-test", "test-1"]);
  });

  it("has 100 of them on a page", async () => {
    const [bucket, other] = await Promise.all([createBucket(), createBucket()]);
    const names = Array.from({ length: 101 }, (_, index) => `n${String(index).padStart(3, "0")}`);
    for (const id of names) await configureInventory(bucket, { ...TO, id, isEnabled: "false" });
    const first = await idsOf(bucket);
    expect(first).toMatchObject({ ids: names.slice(0, 100), isTruncated: "true" });
    expect(await idsOf(bucket, first.next)).toEqual({ ids: ["n100"], isTruncated: "false", next: undefined });
    const query = `inventory&continuation-token=${encodeURIComponent(first.next ?? "")}`;
    await expectError(await send({ bucket: other, query }), 400, "InvalidArgument", {
      message: "The continuation token provided is incorrect",
      details: { ArgumentName: "continuation-token" },
    });
  });
});

it("DeleteBucket removes the configurations", async () => {
  const bucket = await createBucket();
  await configureInventory(bucket, TO);
  await setVersioning(bucket, "Enabled");
  expect((await send({ method: "DELETE", bucket })).status).toBe(204);
  expect((await send({ method: "PUT", bucket })).status).toBe(200);
  expect((await idsOf(bucket)).ids).toEqual([]);
});
