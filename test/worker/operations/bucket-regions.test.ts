/** The region is the same in the signature, the constraint, answers and listings. Also: the settings of new buckets. */
import { AwsClient } from "aws4fetch";
import { describe, expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import { createAccount } from "../../support/accounts.ts";
import { expectError } from "../../support/errors.ts";
import { HOST, handDirectly, presign, type SendOptions, STYLES, send, urlOf } from "../../support/request.ts";
import { createBucket, type Key, ROOT, testEnv } from "../../support/s3.ts";
import { all, documentOf, fields } from "../../support/xml.ts";

let made = 0;
const newName = () => `region-bucket-${made++}`;

async function sendFrom(region: string, options: SendOptions): Promise<Response> {
  const { method = "GET", headers = {}, body, as = ROOT } = options;
  const client = new AwsClient({ ...(as as Key), service: "s3", region, retries: 0 });
  const init = { method, headers: { ...headers }, ...(body !== undefined && { body }) };
  return handDirectly(await client.sign(urlOf(options), init), options.env);
}

function constrained(constraint: string | undefined): { body?: string } {
  if (constraint === undefined) return {};
  return {
    body: `<CreateBucketConfiguration><LocationConstraint>${constraint}</LocationConstraint></CreateBucketConfiguration>`,
  };
}

describe("CreateBucket", () => {
  it.each([
    ["us-east-1", undefined, "us-east-1", ""],
    ["us-east-1", "ap-south-1", "ap-south-1", "ap-south-1"],
    ["eu-central-1", "eu-central-1", "eu-central-1", "eu-central-1"],
    ["auto", "auto", "auto", "auto"],
    ["auto", undefined, "us-east-1", ""],
    ["eu-west-1", "EU", "eu-west-1", "EU"],
  ])("signed for %s with the constraint %s creates a bucket in %s", async (signed, constraint, region, location) => {
    const bucket = newName();
    const as = await createAccount();
    const created = await sendFrom(signed, { method: "PUT", bucket, as, ...constrained(constraint) });
    expect([created.status, await created.text()]).toEqual([200, ""]);
    expect(created.headers.get("x-amz-bucket-arn")).toBe(`arn:aws:s3:::${bucket}`);
    const host = `http://${bucket}.${HOST}/`;
    expect(created.headers.get("location")).toBe(region === "us-east-1" ? `/${bucket}` : host);

    const head = await sendFrom(signed, { method: "HEAD", bucket, as });
    expect(head.headers.get("x-amz-bucket-region")).toBe(region);
    expect(head.headers.get("x-amz-bucket-arn")).toBe(`arn:aws:s3:::${bucket}`);
    const root = await documentOf(await send({ bucket, query: "location", as }), "LocationConstraint");
    expect(root.text).toBe(location);
    for (const query of ["", "list-type=2"]) {
      expect((await send({ bucket, query, as })).headers.get("x-amz-bucket-region")).toBe(region);
    }
    const listed = async (query: string) => {
      const document = await documentOf(await sendFrom(signed, { query, as }), "ListAllMyBucketsResult");
      return all(document, "Buckets").flatMap((buckets) => buckets.children.map(fields));
    };
    const row = expect.objectContaining({ Name: bucket, BucketRegion: region, BucketArn: `arn:aws:s3:::${bucket}` });
    expect(await listed("")).toEqual([row]);
    expect(await listed(`bucket-region=${region}`)).toEqual([row]);
    expect(await listed("bucket-region=us-west-2")).toEqual([]);

    expect((await send({ method: "PUT", bucket, key: "k", body: "content", as })).status).toBe(200);
    expect(await (await send({ bucket, key: "k", as })).text()).toBe("content");
  });

  it.each([
    ["us-east-1", "us-east-1", "InvalidLocationConstraint", "The specified location-constraint is not valid"],
    ["us-east-1", "eu-nowhere-1", "InvalidLocationConstraint", "The specified location-constraint is not valid"],
    [
      "eu-west-1",
      "eu-central-1",
      "IllegalLocationConstraintException",
      "The eu-central-1 location constraint is incompatible for the region specific endpoint this request was sent to.",
    ],
    [
      "eu-west-1",
      undefined,
      "IllegalLocationConstraintException",
      "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.",
    ],
  ])("signed for %s with the constraint %s is %s", async (signed, constraint, code, message) => {
    const bucket = newName();
    const details = code === "InvalidLocationConstraint" ? { details: { LocationConstraint: constraint ?? "" } } : {};
    const response = await sendFrom(signed, { method: "PUT", bucket, ...constrained(constraint) });
    await expectError(response, 400, code, { message, ...details });
    expect((await send({ method: "HEAD", bucket })).status).toBe(404);
  });

  it("on an IP address returns a path as Location", async () => {
    const bucket = newName();
    const client = new AwsClient({ ...ROOT, service: "s3", region: "eu-west-3", retries: 0 });
    const init = { method: "PUT", ...constrained("eu-west-3") };
    const response = await handDirectly(await client.sign(`http://127.0.0.1:8787/${bucket}`, init));
    expect([response.status, response.headers.get("location")]).toEqual([200, `/${bucket}`]);
  });
});

it("ListBuckets refuses an unknown region with InvalidArgument", async () => {
  await expectError(await send({ query: "bucket-region=eu-east-1" }), 400, "InvalidArgument", {
    message: "Argument value eu-east-1 is not a valid AWS Region",
    details: { ArgumentName: "bucket-region" },
  });
});

// Region discovery of AWS's Go SDKs and of botocore.
describe.each(STYLES)("a refused HeadBucket returns the region, %s style", (style) => {
  it("to anonymous callers, other accounts and callers with a wrong signature", async () => {
    const bucket = await createBucket();
    const probe = { method: "HEAD", bucket, style };
    const forged = { ...ROOT, secretAccessKey: "x".repeat(40) };
    const expired = await presign({ ...probe, expiresInSeconds: 0 });
    for (const response of [
      await send({ ...probe, as: null }),
      await send({ ...probe, as: await createAccount() }),
      await send({ ...probe, as: forged }),
      await handDirectly(new Request(expired, { method: "HEAD" })),
    ]) {
      expect([response.status, response.headers.get("x-amz-bucket-region")]).toEqual([403, "us-east-1"]);
    }
  });

  it("but not for a bucket that does not exist", async () => {
    const response = await send({ method: "HEAD", bucket: "no-bucket-of-this-name", style, as: null });
    expect([response.status, response.headers.get("x-amz-bucket-region")]).toEqual([404, null]);
  });
});

describe("NEW_BUCKETS=aws", () => {
  const env: Env = { ...testEnv, DB: new Proxy(testEnv.DB, bound()), NEW_BUCKETS: "aws" };
  const put = (bucket: string, headers: Record<string, string> = {}) => send({ method: "PUT", bucket, headers, env });

  /** Another deployment on the same storage. */
  function bound(): ProxyHandler<D1Database> {
    return {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    };
  }

  it("gives new buckets AWS's defaults", async () => {
    const bucket = newName();
    expect((await put(bucket)).status).toBe(200);
    const ownership = await (await send({ bucket, query: "ownershipControls", env })).text();
    expect(ownership).toContain("<ObjectOwnership>BucketOwnerEnforced</ObjectOwnership>");
    const block = await documentOf(
      await send({ bucket, query: "publicAccessBlock", env }),
      "PublicAccessBlockConfiguration",
    );
    expect(Object.values(fields(block))).toEqual(["true", "true", "true", "true"]);
    const acl = { method: "PUT", bucket, query: "acl", headers: { "x-amz-acl": "public-read" }, env };
    await expectError(await send(acl), 400, "AccessControlListNotSupported", {
      message: "The bucket does not allow ACLs",
    });
  });

  it("keeps the ownership that the request names, but no public ACL", async () => {
    const [bucket, open] = [newName(), newName()];
    const writer = { "x-amz-object-ownership": "ObjectWriter" };
    expect((await put(bucket, writer)).status).toBe(200);
    const ownership = await (await send({ bucket, query: "ownershipControls", env })).text();
    expect(ownership).toContain("<ObjectOwnership>ObjectWriter</ObjectOwnership>");
    await expectError(
      await put(open, { ...writer, "x-amz-acl": "public-read" }),
      400,
      "InvalidBucketAclWithBlockPublicAccessError",
      { message: "Bucket cannot have public ACLs set with BlockPublicAccess enabled" },
    );
    await expectError(await put(open, { "x-amz-acl": "public-read" }), 400, "InvalidBucketAclWithObjectOwnership", {
      message: "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
    });
    expect((await put(newName(), { "x-amz-acl": "private" })).status).toBe(200);
  });
});
