import { beforeAll, describe, expect, it } from "vitest";
import { enableLogging, loggingDocument, putLogging } from "../../support/access-logs.ts";
import { createAccount } from "../../support/accounts.ts";
import { setOwnership } from "../../support/acl.ts";
import { expectError } from "../../support/errors.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";

const EMPTY = `<BucketLoggingStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>`;
const NONE = `<?xml version="1.0" encoding="UTF-8"?>\n${EMPTY}`;
const LOG_DELIVERY =
  `<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group">` +
  `<URI>http://acs.amazonaws.com/groups/s3/LogDelivery</URI></Grantee>`;
// AWS accepts READ_ACP here (LocalStack's recordings, 2026-02).
const GRANTS =
  `<TargetGrants><Grant>${LOG_DELIVERY}<Permission>WRITE</Permission></Grant>` +
  `<Grant>${LOG_DELIVERY}<Permission>READ_ACP</Permission></Grant></TargetGrants>`;
const partitioned = (source: string) =>
  `<TargetObjectKeyFormat><PartitionedPrefix>${source}</PartitionedPrefix></TargetObjectKeyFormat>`;

let target: string;

beforeAll(async () => {
  target = await createBucket();
});

async function loggingOf(bucket: string): Promise<string> {
  const response = await send({ bucket, query: "logging" });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/xml"]);
  return response.text();
}

async function bucketIn(region: string): Promise<string> {
  const bucket = `in-${region}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
  const body = `<CreateBucketConfiguration><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`;
  const response = await send({ method: "PUT", bucket, body });
  if (response.status !== 200) throw new Error(await response.text());
  return bucket;
}

describeRefusals("PutBucketLogging", { method: "PUT", query: "logging", body: EMPTY, success: 200 });
describeRefusals("GetBucketLogging", { query: "logging", success: 200 });

describe("PutBucketLogging", () => {
  it.each([
    ["a target and a prefix", ""],
    ["grants", GRANTS],
    ["simple keys", "<TargetObjectKeyFormat><SimplePrefix/></TargetObjectKeyFormat>"],
    ["partitioned keys by delivery", partitioned("<PartitionDateSource>DeliveryTime</PartitionDateSource>")],
    ["partitioned keys by event", partitioned("<PartitionDateSource>EventTime</PartitionDateSource>")],
    ["partitioned keys without a source", partitioned("")],
  ])("GetBucketLogging returns what was put with %s, and an empty document removes it", async (_what, more) => {
    const bucket = await createBucket();
    expect(await loggingOf(bucket)).toBe(NONE);
    const document = loggingDocument(target, { more });
    const response = await putLogging(bucket, document);
    expect([response.status, await response.text()]).toEqual([200, ""]);
    const [start = "", end = ""] = loggingDocument(target).split("<TargetPrefix>");
    const shown = more.replace("<PartitionedPrefix></PartitionedPrefix>", "<PartitionedPrefix/>");
    expect(await loggingOf(bucket)).toBe(
      `<?xml version="1.0" encoding="UTF-8"?>\n${start}${shown}<TargetPrefix>${end}`,
    );
    for (let repeated = 0; repeated < 2; repeated++) {
      expect((await putLogging(bucket, EMPTY)).status).toBe(200);
      expect(await loggingOf(bucket)).toBe(NONE);
    }
  });

  it("accepts the bucket itself as its target, and an empty prefix", async () => {
    const bucket = await createBucket();
    await enableLogging(bucket, loggingDocument(bucket, { prefix: "" }));
    expect(await loggingOf(bucket)).toContain(`<TargetBucket>${bucket}</TargetBucket><TargetPrefix/>`);
  });

  it("refuses a target that does not exist with InvalidTargetBucketForLogging", async () => {
    const response = await putLogging(await createBucket(), loggingDocument("there-is-no-such-target"));
    await expectError(response, 400, "InvalidTargetBucketForLogging", {
      message: "The target bucket for logging does not exist",
      details: { TargetBucket: "there-is-no-such-target" },
    });
  });

  it("refuses a target of another account with InvalidTargetBucketForLogging", async () => {
    const foreign = await createBucket({ key: await createAccount() });
    await expectError(
      await putLogging(await createBucket(), loggingDocument(foreign)),
      400,
      "InvalidTargetBucketForLogging",
      {
        message: "The owner for the bucket to be logged and the target bucket must be the same.",
        details: { TargetBucket: foreign },
      },
    );
  });

  it("refuses a target in another region with CrossLocationLoggingProhibitted", async () => {
    const [west, east] = [await bucketIn("us-west-2"), await bucketIn("us-east-2")];
    const message = "Cross S3 location logging not allowed. ";
    await expectError(
      await putLogging(await createBucket(), loggingDocument(west)),
      403,
      "CrossLocationLoggingProhibitted",
      { message, details: { TargetBucketLocation: "us-west-2" } },
    );
    await expectError(await putLogging(east, loggingDocument(west)), 403, "CrossLocationLoggingProhibitted", {
      message,
      details: { SourceBucketLocation: "us-east-2", TargetBucketLocation: "us-west-2" },
    });
  });

  it("refuses grants for a target whose ACLs are off with AccessControlListNotSupported", async () => {
    const enforced = await createBucket();
    await setOwnership(enforced, "BucketOwnerEnforced");
    const bucket = await createBucket();
    await expectError(
      await putLogging(bucket, loggingDocument(enforced, { more: GRANTS })),
      400,
      "AccessControlListNotSupported",
      { message: "Target grants not allowed for bucket owner enforced buckets" },
    );
    expect((await putLogging(bucket, loggingDocument(enforced))).status).toBe(200);
  });

  it.each([
    ["", "MalformedXML"],
    ["<Anything/>", "MalformedXML"],
    ["<BucketLoggingStatus><Novelty/></BucketLoggingStatus>", "MalformedXML"],
    ["<BucketLoggingStatus><LoggingEnabled/></BucketLoggingStatus>", "MalformedXML"],
    [
      "<BucketLoggingStatus><LoggingEnabled><TargetBucket>b</TargetBucket></LoggingEnabled></BucketLoggingStatus>",
      "MalformedXML",
    ],
    [loggingDocument("b", { prefix: "p".repeat(801) }), "MalformedXML"],
    [loggingDocument("b", { more: partitioned("<PartitionDateSource>kaboom</PartitionDateSource>") }), "MalformedXML"],
    [loggingDocument("b", { more: "<TargetObjectKeyFormat/>" }), "MalformedXML"],
    [loggingDocument("b", { more: "<LoggingType>Journal</LoggingType>" }), "MalformedXML"],
    [loggingDocument("b", { more: GRANTS.replaceAll("WRITE", "ALL") }), "MalformedXML"],
  ])("refuses %j with %s", async (body, code) => {
    await expectError(await putLogging(await createBucket(), body), 400, code);
  });

  it("refuses unknown groups and e-mail addresses as grantees", async () => {
    const bucket = await createBucket();
    const unknown = loggingDocument(target, { more: GRANTS.replaceAll("LogDelivery", "Nobody") });
    await expectError(await putLogging(bucket, unknown), 400, "InvalidArgument", {
      message: /.+/,
      details: { ArgumentName: "Group/URI", ArgumentValue: "http://acs.amazonaws.com/groups/s3/Nobody" },
    });
    const byMail = GRANTS.replaceAll('"Group"', '"AmazonCustomerByEmail"').replaceAll(
      /<URI>[^<]*<\/URI>/g,
      "<EmailAddress>a@example.com</EmailAddress>",
    );
    const response = await putLogging(bucket, loggingDocument(target, { more: byMail }));
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining("UnresolvableGrantByEmail"),
    ]);
  });
});
