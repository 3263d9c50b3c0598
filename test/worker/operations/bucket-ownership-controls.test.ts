import { describe, expect, it } from "vitest";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { ALL_USERS, digestOf, getAcl, putAcl, setOwnership } from "../../support/acl.ts";
import { expectError } from "../../support/errors.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { putObject, STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { documentOf, textIn } from "../../support/xml.ts";

const QUERY = "ownershipControls";
const document = (...ownerships: string[]) =>
  `<OwnershipControls xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${ownerships
    .map((ownership) => `<Rule><ObjectOwnership>${ownership}</ObjectOwnership></Rule>`)
    .join("")}</OwnershipControls>`;

const PUT = { method: "PUT", query: QUERY } as const;
const body = document("ObjectWriter");

describeRefusals("PutBucketOwnershipControls", { ...PUT, body, headers: await digestOf(body), success: 200 });
describeRefusals("DeleteBucketOwnershipControls", { method: "DELETE", query: QUERY, success: 204 });

async function put(bucket: string, text: string): Promise<Response> {
  return send({ ...PUT, bucket, body: text, headers: await digestOf(text) });
}

async function ownershipOf(bucket: string): Promise<string | undefined> {
  const root = await documentOf(await send({ bucket, query: QUERY }), "OwnershipControls");
  return textIn(root, "Rule", "ObjectOwnership");
}

async function expectNone(bucket: string): Promise<void> {
  await expectError(await send({ bucket, query: QUERY }), 404, "OwnershipControlsNotFoundError", {
    message: "The bucket ownership controls were not found",
    details: { BucketName: bucket },
  });
}

describe("ownership controls", () => {
  it("GetBucketOwnershipControls refuses another account's key and anonymous callers with AccessDenied", async () => {
    const [bucket, other] = await Promise.all([createBucket(), createAccount()]);
    for (const as of [other, null]) {
      const response = await send({ bucket, query: QUERY, as });
      await expectError(response, 403, "AccessDenied");
    }
  });

  it.each(STYLES)("are absent, set, replaced and deleted, %s style", async (style) => {
    const bucket = await createBucket();
    await expectNone(bucket);
    for (const ownership of ["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"]) {
      const text = document(ownership);
      const response = await send({ ...PUT, bucket, style, body: text, headers: await digestOf(text) });
      expect([response.status, await response.text()]).toEqual([200, ""]);
      expect(await ownershipOf(bucket)).toBe(ownership);
    }
    for (let time = 0; time < 2; time++) {
      const response = await send({ method: "DELETE", bucket, query: QUERY, style });
      expect([response.status, await response.text()]).toEqual([204, ""]);
      await expectNone(bucket);
    }
  });

  it("PutBucketOwnershipControls refuses a document without digest with InvalidRequest", async () => {
    const bucket = await createBucket();
    await expectError(await send({ ...PUT, bucket, body }), 400, "InvalidRequest", {
      message: "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    });
  });

  it.each([
    ["several rules", document("BucketOwnerPreferred", "ObjectWriter")],
    ["an unknown value", document("RandomValue")],
    ["no rule", document()],
  ])("PutBucketOwnershipControls refuses %s with MalformedXML", async (_name, text) => {
    const bucket = await createBucket();
    await expectError(await put(bucket, text), 400, "MalformedXML");
    await expectNone(bucket);
  });

  it.each([
    [{ "x-amz-acl": "public-read" }],
    [{ "x-amz-acl": "log-delivery-write" }],
    [{ "x-amz-grant-read": `id=${"f".repeat(64)}` }],
  ])(
    "PutBucketOwnershipControls refuses to disable ACLs while %j grants access to others with InvalidBucketAclWithObjectOwnership",
    async (headers) => {
      const bucket = await createBucket();
      const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
      expect((await putAcl({ bucket, headers: sent })).status).toBe(200);
      await expectError(
        await put(bucket, document("BucketOwnerEnforced")),
        400,
        "InvalidBucketAclWithObjectOwnership",
        {
          message: "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        },
      );
      expect((await put(bucket, document("BucketOwnerPreferred"))).status).toBe(200);
      expect((await putAcl({ bucket, headers: { "x-amz-acl": "private" } })).status).toBe(200);
      expect((await put(bucket, document("BucketOwnerEnforced"))).status).toBe(200);
    },
  );
});

describe("CreateBucket with x-amz-object-ownership", () => {
  const create = (bucket: string, headers: Record<string, string>) => send({ method: "PUT", bucket, headers });
  const newName = () => `own-${crypto.randomUUID()}`;

  it.each(["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"])("CreateBucket sets %s", async (value) => {
    const bucket = newName();
    expect((await create(bucket, { "x-amz-object-ownership": value })).status).toBe(200);
    expect(await ownershipOf(bucket)).toBe(value);
  });

  it.each(["RandomValue", ""])("CreateBucket refuses %j with InvalidArgument", async (value) => {
    const bucket = newName();
    await expectError(await create(bucket, { "x-amz-object-ownership": value }), 400, "InvalidArgument", {
      message: `Invalid x-amz-object-ownership header: ${value}`,
      details: { ArgumentName: "x-amz-object-ownership" },
    });
  });

  it("CreateBucket refuses a public ACL together with disabled ACLs with InvalidBucketAclWithObjectOwnership", async () => {
    const bucket = newName();
    const headers = { "x-amz-acl": "public-read", "x-amz-object-ownership": "BucketOwnerEnforced" };
    await expectError(await create(bucket, headers), 400, "InvalidBucketAclWithObjectOwnership", {
      message: "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
    });
    expect((await send({ method: "HEAD", bucket })).status).toBe(404);
  });
});

describe("the owner of an object that another account writes", () => {
  it("is the writer with ObjectWriter, also with bucket-owner-full-control", async () => {
    const { canonicalId } = await rootAccount();
    const [bucket, as] = await Promise.all([
      createBucket({ headers: { "x-amz-acl": "public-read-write" } }),
      createAccount(),
    ]);
    await putObject(bucket, "k", "x", { as });
    expect(await getAcl({ bucket, key: "k", as })).toEqual({
      owner: { id: as.canonicalId, displayName: "somebody else" },
      grants: [`${as.canonicalId} FULL_CONTROL`],
    });
    await putObject(bucket, "k", "x", { as, headers: { "x-amz-acl": "bucket-owner-full-control" } });
    expect(await getAcl({ bucket, key: "k" })).toEqual({
      owner: { id: as.canonicalId, displayName: "somebody else" },
      grants: [`${as.canonicalId} FULL_CONTROL`, `${canonicalId} FULL_CONTROL`],
    });
  });

  it("is the bucket's owner with BucketOwnerPreferred and bucket-owner-full-control, else the writer", async () => {
    const { canonicalId } = await rootAccount();
    const [bucket, as] = await Promise.all([
      createBucket({ headers: { "x-amz-acl": "public-read-write" } }),
      createAccount(),
    ]);
    await setOwnership(bucket, "BucketOwnerPreferred");
    await putObject(bucket, "k", "x", { as, headers: { "x-amz-acl": "bucket-owner-full-control" } });
    const owned = { owner: { id: canonicalId, displayName: "root" }, grants: [`${canonicalId} FULL_CONTROL`] };
    expect(await getAcl({ bucket, key: "k" })).toEqual(owned);
    await putObject(bucket, "other", "x", { as, headers: { "x-amz-acl": "public-read" } });
    expect((await getAcl({ bucket, key: "other", as })).grants).toEqual([
      `${as.canonicalId} FULL_CONTROL`,
      `${ALL_USERS} READ`,
    ]);
  });

  it("is the common id of anonymous callers if the writer is anonymous", async () => {
    const bucket = await createBucket({ headers: { "x-amz-acl": "public-read-write" } });
    await putObject(bucket, "k", "x", { as: null });
    expect((await getAcl({ bucket, key: "k" })).grants).toEqual(["65a011a29cdf8ec533ec3d1ccaae921c FULL_CONTROL"]);
    const response = await send({ bucket, key: "k", as: null });
    await expectError(response, 403, "AccessDenied");
  });
});
