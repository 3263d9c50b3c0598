/**
 * RenameObject under policies with conditions on the headers of a write. A rename has none of them: the object that is renamed
 * decides, since it is written as it is.
 */
import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import { createUser } from "../../support/iam.ts";
import { createKmsKey, encryptionOf, env as kmsEnv, kmsHeaders } from "../../support/kms.ts";
import { rename } from "../../support/rename.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";

async function renamed(...parameters: Parameters<typeof rename>): Promise<void> {
  const response = await rename(...parameters);
  expect([response.status, await response.text()]).toEqual([200, ""]);
}

async function prepared(): Promise<string> {
  const bucket = await createBucket();
  await putObject(bucket, "source", "content");
  return bucket;
}

describe("conditions of policies on headers of writes", () => {
  const SSE = "s3:x-amz-server-side-encryption";
  const ACL = "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";
  const allowed = { Effect: "Allow", Action: ["s3:*", "kms:*"], Resource: "*" };
  const denying = (Condition: object, Action: string | string[] = "s3:PutObject") =>
    createUser([allowed, { Effect: "Deny", Action, Resource: "*", Condition }]);

  it("RenameObject of an object under SSE-KMS passes a policy that asks for it, without any header", async () => {
    const bucket = await createBucket();
    const key = await createKmsKey();
    const only = await createUser([
      { Effect: "Allow", NotAction: "s3:PutObject", Resource: "*" },
      {
        ...allowed,
        Action: "s3:PutObject",
        Condition: { StringEquals: { [SSE]: "aws:kms", [`${SSE}-aws-kms-key-id`]: key } },
      },
    ]);
    const required = await denying({ StringNotEquals: { [SSE]: "aws:kms" } });
    for (const user of [only, required]) {
      await putObject(bucket, "source", "content", { env: kmsEnv, headers: kmsHeaders(key) });
      await renamed(bucket, "k", "source", { as: user.key, env: kmsEnv });
      expect(encryptionOf(await send({ method: "HEAD", bucket, key: "k" }))["-aws-kms-key-id"]).toBe(key);
      await putObject(bucket, "source", "content");
      await expectError(await rename(bucket, "k", "source", { as: user.key }), 403, "AccessDenied");
    }
  });

  it("RenameObject of an object that only R2 encrypts has AES256 for conditions", async () => {
    const bucket = await prepared();
    const user = await denying({ StringNotEquals: { [SSE]: "AES256" } });
    await renamed(bucket, "k", "source", { as: user.key });
  });

  it.each([
    ["s3:x-amz-storage-class", { "x-amz-storage-class": "STANDARD_IA" }, "STANDARD_IA", "STANDARD"],
    ["s3:x-amz-website-redirect-location", { "x-amz-website-redirect-location": "/there" }, "/there", "/here"],
  ])("RenameObject decides %s by the object, and not by a header", async (name, headers, own, other) => {
    const bucket = await createBucket();
    await putObject(bucket, "source", "content", { headers });
    const [denied, passed] = [
      await denying({ StringEquals: { [name]: own } }),
      await denying({ StringEquals: { [name]: other } }),
    ];
    const claim = { [name.slice(3)]: other };
    await expectError(await rename(bucket, "k", "source", { as: denied.key, headers: claim }), 403, "AccessDenied");
    await renamed(bucket, "k", "source", { as: passed.key, headers: claim });
  });

  it("RenameObject decides s3:x-amz-acl and s3:x-amz-grant-* by the object's ACL, and not by a header", async () => {
    const bucket = await createBucket();
    await send({ method: "PUT", bucket, query: "ownershipControls", body: ACL });
    const writes = ["s3:PutObject", "s3:PutObjectAcl"];
    const noPublic = await denying({ StringEquals: { "s3:x-amz-acl": ["public-read", "public-read-write"] } }, writes);
    const noReaders = await denying({ Null: { "s3:x-amz-grant-read": "false" } }, writes);
    await putObject(bucket, "source", "content", { headers: { "x-amz-acl": "public-read" } });
    const claim = { "x-amz-acl": "private" };
    const refused = await rename(bucket, "k", "source", { as: noPublic.key, headers: claim });
    await expectError(refused, 403, "AccessDenied");
    await renamed(bucket, "k", "source", { as: noReaders.key });
    const grant = { "x-amz-grant-read": `uri="http://acs.amazonaws.com/groups/global/AuthenticatedUsers"` };
    await putObject(bucket, "source", "content", { headers: grant });
    await expectError(await rename(bucket, "k", "source", { as: noReaders.key }), 403, "AccessDenied");
    await renamed(bucket, "k", "source", { as: noPublic.key });
  });

  it("RenameObject of an object without an ACL has s3:x-amz-acl only if it names one that means the same", async () => {
    const bucket = await prepared();
    const name = "bucket-owner-full-control";
    const user = await denying({ StringNotEquals: { "s3:x-amz-acl": name } });
    const headers = { "x-amz-acl": name };
    for (const wrong of [{}, { "x-amz-acl": "public-read" }]) {
      const answer = await rename(bucket, "k", "source", { as: user.key, headers: wrong });
      await expectError(answer, 403, "AccessDenied");
    }
    await renamed(bucket, "k", "source", { as: user.key, headers });
  });

  it("RenameObject decides s3:RequestObjectTag by the object's tags", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "source", "content", { headers: { "x-amz-tagging": "class=secret" } });
    const user = await denying({ StringEquals: { "s3:RequestObjectTag/class": "secret" } });
    const headers = { "x-amz-tagging": "class=public" };
    await expectError(await rename(bucket, "k", "source", { as: user.key, headers }), 403, "AccessDenied");
    expect((await send({ bucket, key: "source" })).status).toBe(200);
  });
});
