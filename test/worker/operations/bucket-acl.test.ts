import { describe, expect, it } from "vitest";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import {
  ALL_USERS,
  AUTHENTICATED_USERS,
  aclDocument,
  getAcl,
  granteeNames,
  LOG_DELIVERY,
  putAcl,
  setOwnership,
  setPublicAccessBlock,
} from "../../support/acl.ts";
import { expectError } from "../../support/errors.ts";
import { createUser } from "../../support/iam.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { putObject, type SendOptions, STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";

describeRefusals("GetBucketAcl", { query: "acl", success: 200 });
describeRefusals("PutBucketAcl", { method: "PUT", query: "acl", headers: { "x-amz-acl": "private" }, success: 200 });

const OTHER = "f".repeat(64);
const MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema";

describe("GetBucketAcl", () => {
  it.each(STYLES)("GetBucketAcl shows the owner's full control by default, %s style", async (style) => {
    const { canonicalId, displayName } = await rootAccount();
    expect(await getAcl({ bucket: await createBucket(), style })).toEqual({
      owner: { id: canonicalId, displayName },
      grants: [`${canonicalId} FULL_CONTROL`],
    });
  });

  it("GetBucketAcl returns the owner's full control where ACLs are disabled, even if an ACL was set before", async () => {
    const { canonicalId } = await rootAccount();
    const bucket = await createBucket({ headers: { "x-amz-acl": "private" } });
    await putAcl({ bucket, body: aclDocument(canonicalId, [[canonicalId, "READ"]]) });
    expect((await getAcl({ bucket })).grants).toEqual([`${canonicalId} READ`]);
    await setOwnership(bucket, "BucketOwnerEnforced");
    expect((await getAcl({ bucket })).grants).toEqual([`${canonicalId} FULL_CONTROL`]);
    await setOwnership(bucket, "ObjectWriter");
    expect((await getAcl({ bucket })).grants).toEqual([`${canonicalId} READ`]);
  });
});

describe("display names", () => {
  it("GetBucketAcl returns the display names of all grantees that are accounts", async () => {
    const { canonicalId } = await rootAccount();
    const [bucket, other] = await Promise.all([createBucket(), createAccount("Ana & Bo")]);
    const body = aclDocument(canonicalId, [
      [ALL_USERS, "READ"],
      [canonicalId, "FULL_CONTROL"],
      [other.canonicalId, "READ"],
      [OTHER, "READ"],
    ]);
    expect((await putAcl({ bucket, body })).status).toBe(200);
    expect(await granteeNames({ bucket })).toEqual([undefined, "root", "Ana & Bo", undefined]);
  });
});

describe("PutBucketAcl", () => {
  it.each([
    ["private", []],
    ["public-read", [`${ALL_USERS} READ`]],
    ["public-read-write", [`${ALL_USERS} READ`, `${ALL_USERS} WRITE`]],
    ["authenticated-read", [`${AUTHENTICATED_USERS} READ`]],
    ["log-delivery-write", [`${LOG_DELIVERY} WRITE`, `${LOG_DELIVERY} READ_ACP`]],
    ["bucket-owner-read", []],
    ["bucket-owner-full-control", []],
  ])("PutBucketAcl sets %s", async (name, added) => {
    const { canonicalId } = await rootAccount();
    const bucket = await createBucket();
    const response = await putAcl({ bucket, headers: { "x-amz-acl": name } });
    expect([response.status, await response.text()]).toEqual([200, ""]);
    expect((await getAcl({ bucket })).grants).toEqual([`${canonicalId} FULL_CONTROL`, ...added]);
    expect((await putAcl({ bucket, headers: { "x-amz-acl": "private" } })).status).toBe(200);
    expect((await getAcl({ bucket })).grants).toEqual([`${canonicalId} FULL_CONTROL`]);
  });

  it("PutBucketAcl sets the grants of the headers, and none for the owner", async () => {
    const bucket = await createBucket();
    const headers = {
      "x-amz-grant-write": `id="${OTHER}", uri="${LOG_DELIVERY}"`,
      "x-amz-grant-read-acp": `uri=${ALL_USERS}`,
    };
    expect((await putAcl({ bucket, headers })).status).toBe(200);
    expect((await getAcl({ bucket })).grants).toEqual([
      `${OTHER} WRITE`,
      `${LOG_DELIVERY} WRITE`,
      `${ALL_USERS} READ_ACP`,
    ]);
  });

  it("PutBucketAcl sets the grants of a document, or none; the owner can still change them", async () => {
    const { canonicalId } = await rootAccount();
    const bucket = await createBucket();
    const body = aclDocument(canonicalId, [
      [OTHER, "READ"],
      [AUTHENTICATED_USERS, "READ"],
      [canonicalId, "FULL_CONTROL"],
    ]);
    expect((await putAcl({ bucket, body })).status).toBe(200);
    expect((await getAcl({ bucket })).grants).toEqual([
      `${OTHER} READ`,
      `${AUTHENTICATED_USERS} READ`,
      `${canonicalId} FULL_CONTROL`,
    ]);
    expect((await putAcl({ bucket, body: aclDocument(canonicalId, []) })).status).toBe(200);
    expect((await getAcl({ bucket })).grants).toEqual([]);
    expect((await putAcl({ bucket, body: aclDocument(canonicalId, [[canonicalId, "FULL_CONTROL"]]) })).status).toBe(
      200,
    );
    expect((await getAcl({ bucket })).grants).toEqual([`${canonicalId} FULL_CONTROL`]);
  });

  it("PutBucketAcl refuses an owner other than the bucket's with AccessDenied", async () => {
    const bucket = await createBucket();
    await expectError(await putAcl({ bucket, body: aclDocument(OTHER, []) }), 403, "AccessDenied");
  });

  it("PutBucketAcl refuses a request without any ACL with MissingSecurityHeader", async () => {
    const bucket = await createBucket();
    await expectError(await putAcl({ bucket }), 400, "MissingSecurityHeader", {
      message: "Your request was missing a required header",
      details: { MissingHeaderName: "x-amz-acl" },
    });
  });

  it("PutBucketAcl refuses headers together with a document with UnexpectedContent", async () => {
    const { canonicalId } = await rootAccount();
    const bucket = await createBucket();
    const body = aclDocument(canonicalId, []);
    await expectError(await putAcl({ bucket, headers: { "x-amz-acl": "private" }, body }), 400, "UnexpectedContent", {
      message: "This request does not support content",
    });
  });

  it("PutBucketAcl refuses a canned ACL together with grants with InvalidRequest", async () => {
    const bucket = await createBucket();
    const headers = { "x-amz-acl": "private", "x-amz-grant-read": `uri="${LOG_DELIVERY}"` };
    await expectError(await putAcl({ bucket, headers }), 400, "InvalidRequest", {
      message: "Specifying both Canned ACLs and Header Grants is not allowed",
    });
  });

  it.each([
    [{ "x-amz-acl": "fake-acl" }, "", "x-amz-acl", "fake-acl"],
    [{ "x-amz-grant-write": 'id="wrong-id"' }, "Invalid id", "id", "wrong-id"],
    [{ "x-amz-grant-write": 'uri="http://x/"' }, "Invalid group uri", "uri", "http://x/"],
    [
      { "x-amz-grant-write": 'fakekey="1234"' },
      "Argument format not recognized",
      "x-amz-grant-write",
      'fakekey="1234"',
    ],
  ])("PutBucketAcl refuses %j with InvalidArgument", async (headers, message, name, value) => {
    const bucket = await createBucket();
    const sent = Object.fromEntries(Object.entries(headers).filter(([, text]) => text !== undefined));
    await expectError(await putAcl({ bucket, headers: sent }), 400, "InvalidArgument", {
      message,
      details: { ArgumentName: name, ArgumentValue: value },
    });
  });

  it("PutBucketAcl refuses a grantee by e-mail with UnresolvableGrantByEmailAddress", async () => {
    const bucket = await createBucket();
    const headers = { "x-amz-grant-read": 'emailAddress="a@b.example"' };
    await expectError(await putAcl({ bucket, headers }), 400, "UnresolvableGrantByEmailAddress", {
      message: "The e-mail address you provided does not match any account on record.",
    });
  });

  it.each([
    ["no document", "private"],
    ["an empty policy", "<AccessControlPolicy/>"],
    ["an unknown permission", aclDocument(OTHER, [[OTHER, "DELETE"]])],
  ])("PutBucketAcl refuses %s with MalformedACLError", async (_name, body) => {
    const bucket = await createBucket();
    await expectError(await putAcl({ bucket, body }), 400, "MalformedACLError", {
      message: MALFORMED,
    });
  });

  it.each(["private", "public-read", "bucket-owner-full-control"])(
    "PutBucketAcl refuses %s with AccessControlListNotSupported where ACLs are disabled",
    async (name) => {
      const bucket = await createBucket();
      await setOwnership(bucket, "BucketOwnerEnforced");
      const response = await putAcl({ bucket, headers: { "x-amz-acl": name } });
      await expectError(response, 400, "AccessControlListNotSupported", {
        message: "The bucket does not allow ACLs",
      });
    },
  );

  it.each(["public-read", "public-read-write", "authenticated-read"])(
    "PutBucketAcl refuses %s with AccessDenied where public ACLs are blocked",
    async (name) => {
      const bucket = await createBucket();
      await setPublicAccessBlock(bucket, "BlockPublicAcls");
      const response = await putAcl({ bucket, headers: { "x-amz-acl": name } });
      await expectError(response, 403, "AccessDenied");
      expect((await putAcl({ bucket, headers: { "x-amz-grant-read": `id=${OTHER}` } })).status).toBe(200);
    },
  );

  it("PutBucketAcl requires WRITE_ACP and GetBucketAcl READ_ACP", async () => {
    const { canonicalId } = await rootAccount();
    const [bucket, as] = await Promise.all([createBucket(), createAccount()]);
    const body = aclDocument(canonicalId, [[as.canonicalId, "WRITE_ACP"]]);
    expect((await putAcl({ bucket, body })).status).toBe(200);
    await expectError(await send({ bucket, query: "acl", as }), 403, "AccessDenied");
    const wider = aclDocument(canonicalId, [
      [as.canonicalId, "WRITE_ACP"],
      [as.canonicalId, "READ_ACP"],
    ]);
    expect((await putAcl({ bucket, body: wider, as })).status).toBe(200);
    expect(await getAcl({ bucket, as })).toEqual({
      owner: { id: canonicalId, displayName: "root" },
      grants: [`${as.canonicalId} WRITE_ACP`, `${as.canonicalId} READ_ACP`],
    });
  });
});

describe("WRITE on a bucket", () => {
  it("lets other accounts create objects and overwrite their own, but not those of others", async () => {
    const [bucket, as, other] = await Promise.all([
      createBucket({ headers: { "x-amz-acl": "public-read-write" } }),
      createAccount(),
      createAccount(),
    ]);
    const put = (key: string, writer: Omit<SendOptions, "body">) =>
      send({ ...writer, method: "PUT", bucket, key, body: "x" });
    expect((await put("of-owner", {})).status).toBe(200);
    for (const writer of [{ as }, { as: null }]) {
      await expectError(await put("of-owner", writer), 403, "AccessDenied");
      const tags = { headers: { "x-amz-tagging": "a=b", "x-amz-acl": "public-read" } };
      await expectError(await put("of-owner", { ...writer, ...tags }), 403, "AccessDenied");
      const uploads = { method: "POST", bucket, key: "of-owner", query: "uploads=", ...writer } as const;
      await expectError(await send(uploads), 403, "AccessDenied");
      const headers = { "x-amz-copy-source": `/${bucket}/of-owner` };
      await expectError(await put("of-owner", { ...writer, headers }), 403, "AccessDenied");
    }
    for (const [key, writer] of [
      ["own", { as }],
      ["anonymous", { as: null }],
    ] as const) {
      expect([(await put(key, writer)).status, (await put(key, writer)).status]).toEqual([200, 200]);
      await expectError(await put(key, { as: other }), 403, "AccessDenied");
      expect((await put(key, {})).status).toBe(200);
    }
  });

  it("lets users of the bucket's own account overwrite every object", async () => {
    const [bucket, as] = await Promise.all([
      createBucket({ headers: { "x-amz-acl": "public-read-write" } }),
      createAccount(),
    ]);
    await putObject(bucket, "k", "x", { as });
    const { key } = await createUser();
    await putObject(bucket, "k", "y", { as: key });
  });
});

describe("CreateBucket", () => {
  const newName = () => `acl-${crypto.randomUUID()}`;
  const create = (bucket: string, headers: Record<string, string>) => send({ method: "PUT", bucket, headers });

  it("CreateBucket sets a canned ACL", async () => {
    const { canonicalId } = await rootAccount();
    const bucket = newName();
    expect((await create(bucket, { "x-amz-acl": "public-read" })).status).toBe(200);
    expect((await getAcl({ bucket })).grants).toEqual([`${canonicalId} FULL_CONTROL`, `${ALL_USERS} READ`]);
  });

  it("CreateBucket sets the grants of the headers", async () => {
    const bucket = newName();
    expect((await create(bucket, { "x-amz-grant-full-control": `id=${OTHER}` })).status).toBe(200);
    expect((await getAcl({ bucket })).grants).toEqual([`${OTHER} FULL_CONTROL`]);
  });

  it("CreateBucket refuses an unknown canned ACL with InvalidArgument", async () => {
    const bucket = newName();
    await expectError(await create(bucket, { "x-amz-acl": "fake-acl" }), 400, "InvalidArgument", {
      message: "",
      details: { ArgumentName: "x-amz-acl", ArgumentValue: "fake-acl" },
    });
    expect((await send({ method: "HEAD", bucket })).status).toBe(404);
  });

  it("CreateBucket does not change the ACL of an existing bucket", async () => {
    const { canonicalId } = await rootAccount();
    const bucket = await createBucket();
    await expectError(await create(bucket, { "x-amz-acl": "public-read" }), 409, "BucketAlreadyOwnedByYou", {
      message: "Your previous request to create the named bucket succeeded and you already own it.",
      details: { BucketName: bucket },
    });
    expect((await getAcl({ bucket })).grants).toEqual([`${canonicalId} FULL_CONTROL`]);
  });
});
