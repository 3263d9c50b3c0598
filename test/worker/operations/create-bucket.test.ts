import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { expectError } from "../../support/errors.ts";
import { type SendOptions, STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";

let made = 0;
const newName = () => `create-bucket-${made++}`;

function create(options: SendOptions): Promise<Response> {
  return send({ method: "PUT", ...options });
}

function configuration(inner: string): string {
  return `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</CreateBucketConfiguration>`;
}

async function exists(bucket: string): Promise<boolean> {
  return (await send({ method: "HEAD", bucket })).status === 200;
}

describe("CreateBucket", () => {
  it.each(STYLES)("CreateBucket creates a bucket and answers with its Location, %s style", async (style) => {
    const bucket = newName();
    const response = await create({ bucket, style });
    expect(response.status).toBe(200);
    expect(response.headers.get("location")).toBe(`/${bucket}`);
    expect(await response.text()).toBe("");
    expect(await exists(bucket)).toBe(true);
  });

  it("CreateBucket creates buckets for any account, which then owns them", async () => {
    const as = await createAccount();
    const bucket = newName();
    expect((await create({ bucket, as })).status).toBe(200);
    expect((await send({ method: "HEAD", bucket, as })).status).toBe(200);
    expect((await send({ method: "HEAD", bucket })).status).toBe(403);
  });

  it.each([
    ["an empty LocationConstraint", "<LocationConstraint/>"],
    ["an empty configuration", ""],
  ])("CreateBucket accepts %s", async (_name, inner) => {
    const bucket = newName();
    expect((await create({ bucket, body: configuration(inner) })).status).toBe(200);
    expect(await exists(bucket)).toBe(true);
  });

  it("CreateBucket creates an empty bucket under a name used before", async () => {
    const bucket = newName();
    await create({ bucket });
    await send({ method: "PUT", bucket, key: "k", body: "x" });
    await send({ method: "DELETE", bucket, key: "k" });
    expect((await send({ method: "DELETE", bucket })).status).toBe(204);
    expect((await create({ bucket })).status).toBe(200);
    expect(await (await send({ bucket })).text()).not.toContain("<Contents>");
  });

  it("CreateBucket succeeds for exactly one of many accounts", async () => {
    const bucket = newName();
    const accounts = await Promise.all(Array.from({ length: 4 }, () => createAccount()));
    const statuses = await Promise.all(accounts.map(async (as) => (await create({ bucket, as })).status));
    expect(statuses.sort()).toEqual([200, 409, 409, 409]);
  });

  // API_CreateBucket, BucketAlreadyOwnedByYou: "in us-east-1 ... Amazon S3 returns 200 OK".
  it("CreateBucket answers 200 for the caller's own bucket in us-east-1 and does not change it", async () => {
    const bucket = await createBucket();
    await send({ method: "PUT", bucket, key: "k", body: "content" });
    expect((await create({ bucket })).status).toBe(200);
    expect(await (await send({ bucket, key: "k" })).text()).toBe("content");
  });

  it.each(STYLES)("CreateBucket refuses an anonymous caller with AccessDenied, %s style", async (style) => {
    const bucket = newName();
    await expectError(await create({ bucket, style, as: null }), 403, "AccessDenied");
    expect(await exists(bucket)).toBe(false);
  });

  it("CreateBucket refuses tags for the caller's own bucket with BucketAlreadyOwnedByYou", async () => {
    const bucket = await createBucket();
    const body = configuration("<Tags><Tag><Key>k</Key><Value>v</Value></Tag></Tags>");
    await expectError(await create({ bucket, body }), 409, "BucketAlreadyOwnedByYou", {
      message: "Your previous request to create the named bucket succeeded and you already own it.",
      details: { BucketName: bucket },
    });
    expect((await send({ bucket, query: "tagging" })).status).toBe(404);
  });

  it("CreateBucket refuses the name of another account's bucket with BucketAlreadyExists", async () => {
    const bucket = await createBucket();
    await expectError(await create({ bucket, as: await createAccount() }), 409, "BucketAlreadyExists", {
      message:
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
      details: { BucketName: bucket },
    });
  });

  // "General purpose bucket naming rules" (bucketnamingrules).
  it.each([
    "ab",
    "a".repeat(64),
    "Upper-case",
    "under_score",
    "-hyphen-first",
    "hyphen-last-",
    ".dot-first",
    "dot-last.",
    "two..dots",
    "192.168.5.4",
    "xn--prefix",
    "sthree-prefix",
    "amzn-s3-demo-prefix",
    "suffix-s3alias",
    "suffix--ol-s3",
    "suffix.mrap",
    "suffix--x-s3",
    "suffix--table-s3",
    "bücket",
    "with space",
  ])("CreateBucket refuses the name %s with InvalidBucketName", async (bucket) => {
    await expectError(await create({ bucket }), 400, "InvalidBucketName", {
      details: { BucketName: bucket },
    });
  });

  // The shortest, the longest, dots, digits and hyphens.
  it.each(["abc", "b".repeat(63), "a.b-c.d", "123", "1.2.3", "a--b", "a.-b"])(
    "CreateBucket accepts the name %s",
    async (bucket) => {
      expect((await create({ bucket })).status).toBe(200);
      expect(await exists(bucket)).toBe(true);
    },
  );

  it("CreateBucket refuses an unknown region with InvalidLocationConstraint", async () => {
    const bucket = newName();
    const body = configuration("<LocationConstraint>eu-nowhere-1</LocationConstraint>");
    await expectError(await create({ bucket, body }), 400, "InvalidLocationConstraint", {
      message: "The specified location-constraint is not valid",
      details: { LocationConstraint: "eu-nowhere-1" },
    });
    expect(await exists(bucket)).toBe(false);
  });

  it.each([
    ["text", "us-east-1"],
    ["another document", "<Delete/>"],
    ["an unclosed element", "<CreateBucketConfiguration><LocationConstraint>"],
    ["an unknown element", configuration("<Surprise/>")],
    ["two LocationConstraints", configuration("<LocationConstraint/><LocationConstraint/>")],
    ["a DTD", `<!DOCTYPE x [<!ENTITY e "us-east-1">]>${configuration("<LocationConstraint>&e;</LocationConstraint>")}`],
  ])("CreateBucket refuses %s with MalformedXML", async (_name, body) => {
    const bucket = newName();
    await expectError(await create({ bucket, body }), 400, "MalformedXML");
    expect(await exists(bucket)).toBe(false);
  });

  it("CreateBucket refuses a document of more than 64 KiB with MaxMessageLengthExceeded", async () => {
    const bucket = newName();
    const body = configuration(" ".repeat(64 * 1024));
    await expectError(await create({ bucket, body }), 400, "MaxMessageLengthExceeded", {
      message: "Your request was too big.",
      details: { MaxMessageLengthBytes: "65536" },
    });
  });

  it.each([
    ["Location", "<Location><Name>use1-az4</Name><Type>AvailabilityZone</Type></Location>", "Directory buckets"],
    ["Bucket", "<Bucket><Type>Directory</Type></Bucket>", "Directory buckets"],
  ])("CreateBucket refuses %s with NotImplemented", async (_name, inner, subject) => {
    const bucket = newName();
    await expectError(await create({ bucket, body: configuration(inner) }), 501, "NotImplemented", {
      message: `${subject} are not implemented.`,
    });
    expect(await exists(bucket)).toBe(false);
  });

  it("CreateBucket stores the tags of the request", async () => {
    const bucket = newName();
    const body = configuration("<Tags><Tag><Key>k</Key><Value>v w</Value></Tag></Tags>");
    expect((await create({ bucket, body })).status).toBe(200);
    const tagging = await (await send({ bucket, query: "tagging" })).text();
    expect(tagging).toContain("<Tag><Key>k</Key><Value>v w</Value></Tag>");
  });

  it("CreateBucket refuses a reserved tag with InvalidTag", async () => {
    const bucket = newName();
    const body = configuration("<Tags><Tag><Key>aws:k</Key><Value>v</Value></Tag></Tags>");
    await expectError(await create({ bucket, body }), 400, "InvalidTag", {
      message:
        'User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags. Remove "aws:" from your tag keys and try again.',
    });
  });

  it.each([
    ["x-amz-acl", "aws-exec-read"],
    ["x-amz-bucket-namespace", "account-regional"],
  ])("CreateBucket refuses %s: %s with NotImplemented", async (name, value) => {
    const bucket = newName();
    await expectError(await create({ bucket, headers: { [name]: value } }), 501, "NotImplemented", {
      message: "A header you provided implies functionality that is not implemented",
      details: { Header: name },
    });
    expect(await exists(bucket)).toBe(false);
  });

  it.each([
    ["x-amz-acl", "private"],
    ["x-amz-object-ownership", "BucketOwnerEnforced"],
    ["x-amz-bucket-object-lock-enabled", "false"],
  ])("CreateBucket accepts %s: %s, which is the default", async (name, value) => {
    expect((await create({ bucket: newName(), headers: { [name]: value } })).status).toBe(200);
  });

  it("CreateBucket refuses a configuration that does not match Content-MD5 with BadDigest", async () => {
    const bucket = newName();
    const headers = { "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==" };
    const body = configuration("");
    const calculated = createHash("md5").update(body).digest("base64");
    const response = await create({ bucket, headers, body });
    await expectError(response, 400, "BadDigest", {
      message: "The Content-MD5 you specified did not match what we received.",
      details: { ExpectedDigest: "0".repeat(32), CalculatedDigest: calculated },
    });
    expect(await exists(bucket)).toBe(false);
  });
});
