import { describe, expect, it } from "vitest";
import { digestOf } from "../../support/acl.ts";
import { expectError } from "../../support/errors.ts";
import { createUpload, putPart, sendCompletion } from "../../support/multipart.ts";
import { BOUNDARY, encodeForm, signPolicy, tomorrow } from "../../support/post-form.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { putObject, type SendOptions, STYLES, send } from "../../support/request.ts";
import { createBucket, ROOT } from "../../support/s3.ts";

const document = (inner: string) =>
  `<ServerSideEncryptionConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</ServerSideEncryptionConfiguration>`;
const rule = (algorithm: string, more = "") =>
  `<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>${algorithm}</SSEAlgorithm></ApplyServerSideEncryptionByDefault>${more}</Rule>`;
const withKey = (flag: boolean) => `<BucketKeyEnabled>${flag}</BucketKeyEnabled>`;
const AES256 = document(rule("AES256"));
const PUT = { method: "PUT", query: "encryption" } as const;

describeRefusals("PutBucketEncryption", { ...PUT, body: AES256, headers: await digestOf(AES256), success: 200 });
describeRefusals("DeleteBucketEncryption", { method: "DELETE", query: "encryption", success: 204 });

async function put(bucket: string, body: string, options: SendOptions = {}): Promise<Response> {
  return send({ ...PUT, ...options, bucket, body, headers: await digestOf(body) });
}

async function read(bucket: string): Promise<string> {
  const text = await (await send({ bucket, query: "encryption" })).text();
  return text.slice(text.indexOf("<Rule>"), text.indexOf("</Server"));
}

describe("PutBucketEncryption", () => {
  it.each(STYLES)("is set, read, replaced and deleted, %s style", async (style) => {
    const bucket = await createBucket();
    for (const [body, flag] of [
      [AES256, false],
      [document(rule("AES256", withKey(true))), true],
      [document(rule("AES256", withKey(false))), false],
      [document(`<Rule>${withKey(true)}</Rule>`), true],
      [
        document(
          rule("AES256", "<BlockedEncryptionTypes><EncryptionType>NONE</EncryptionType></BlockedEncryptionTypes>"),
        ),
        false,
      ],
    ] as const) {
      const response = await put(bucket, body, { style });
      expect([response.status, await response.text()]).toEqual([200, ""]);
      expect(await read(bucket)).toBe(rule("AES256", withKey(flag)));
    }
    await put(bucket, document(rule("AES256", withKey(true))));
    for (let time = 0; time < 2; time++) {
      expect((await send({ method: "DELETE", bucket, query: "encryption", style })).status).toBe(204);
      expect(await read(bucket)).toBe(rule("AES256", withKey(false)));
    }
  });

  it.each([
    ["no rule", document("")],
    ["two rules", document(rule("AES256").repeat(2))],
    ["an unknown algorithm", document(rule("AES128"))],
    ["an invalid flag", document(rule("AES256", "<BucketKeyEnabled>1</BucketKeyEnabled>"))],
    ["no document", ""],
  ])("refuses %s with MalformedXML", async (_what, body) => {
    await expectError(await put(await createBucket(), body), 400, "MalformedXML");
  });

  it.each([
    rule("aws:kms:dsse"),
    rule("AES256", "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>"),
  ])("refuses %s with NotImplemented", async (inner) => {
    const bucket = await createBucket();
    await expectError(await put(bucket, document(inner)), 501, "NotImplemented", { message: /not implemented/ });
    expect(await read(bucket)).toBe(rule("AES256", withKey(false)));
  });

  it("refuses a key for AES256 with InvalidArgument", async () => {
    const body = document(rule("AES256").replace("</Apply", "<KMSMasterKeyID>k</KMSMasterKeyID></Apply"));
    await expectError(await put(await createBucket(), body), 400, "InvalidArgument", {
      message: "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
      details: { ArgumentName: "ApplyServerSideEncryptionByDefault" },
    });
  });
});

describe("x-amz-server-side-encryption of an object", () => {
  const encrypted = (response: Response) => [response.status, response.headers.get("x-amz-server-side-encryption")];

  it("is AES256 when it is written, copied and read", async () => {
    const bucket = await createBucket();
    const target = { bucket, key: "k" };
    const asked = { "x-amz-server-side-encryption": "AES256" };
    expect(encrypted(await send({ ...target, method: "PUT", body: "content" }))).toEqual([200, "AES256"]);
    expect(encrypted(await send({ ...target, method: "PUT", body: "content", headers: asked }))).toEqual([
      200,
      "AES256",
    ]);
    expect(encrypted(await send(target))).toEqual([200, "AES256"]);
    expect(encrypted(await send({ ...target, headers: { range: "bytes=0-1" } }))).toEqual([206, "AES256"]);
    expect(encrypted(await send({ ...target, method: "HEAD" }))).toEqual([200, "AES256"]);
    const copy = { ...asked, "x-amz-copy-source": `/${bucket}/k` };
    expect(encrypted(await send({ bucket, key: "copy", method: "PUT", headers: copy }))).toEqual([200, "AES256"]);
  });

  it("is AES256 when it is uploaded in parts", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content");
    const target = { bucket, key: "m" };
    expect(encrypted(await send({ ...target, method: "POST", query: "uploads" }))).toEqual([200, "AES256"]);
    const uploadId = await createUpload(target);
    const query = `partNumber=1&uploadId=${uploadId}`;
    expect(encrypted(await send({ ...target, method: "PUT", query, body: "part" }))).toEqual([200, "AES256"]);
    const headers = { "x-amz-copy-source": `/${bucket}/k` };
    expect(encrypted(await send({ ...target, method: "PUT", query, headers }))).toEqual([200, "AES256"]);
    const part = await putPart(target, uploadId, 1, "part");
    expect(encrypted(await sendCompletion(target, uploadId, [part]))).toEqual([200, "AES256"]);
    expect(encrypted(await send({ ...target, method: "HEAD" }))).toEqual([200, "AES256"]);
  });

  it("is AES256 when it is uploaded by a form", async () => {
    const bucket = await createBucket();
    const fields = { key: "f", "x-amz-server-side-encryption": "AES256" };
    const conditions = Object.entries({ bucket, ...fields }).map(([name, value]) => ({ [name]: value }));
    const policy = signPolicy({
      key: ROOT,
      document: (signing) => ({ expiration: tomorrow(), conditions: [...conditions, ...signing] }),
    });
    const entries = [...Object.entries({ ...fields, ...policy }), ["file", { content: "x", name: "f" }] as const];
    const response = await send({
      method: "POST",
      bucket,
      as: null,
      headers: { "content-type": `multipart/form-data; boundary=${BOUNDARY}` },
      body: encodeForm(entries),
    });
    expect(encrypted(response)).toEqual([204, "AES256"]);
  });

  it("is visible to policies, and absent where the request has none", async () => {
    const bucket = await createBucket();
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Principal: "*", Action: "s3:PutObject", Resource: `arn:aws:s3:::${bucket}/*` },
        {
          Effect: "Deny",
          Principal: "*",
          Action: "s3:PutObject",
          Resource: `arn:aws:s3:::${bucket}/*`,
          Condition: { Null: { "s3:x-amz-server-side-encryption": "true" } },
        },
      ],
    });
    expect((await send({ method: "PUT", bucket, query: "policy", body: policy })).status).toBe(204);
    const write = { method: "PUT", bucket, key: "k", body: "x", as: null };
    expect((await send({ ...write, headers: { "x-amz-server-side-encryption": "AES256" } })).status).toBe(200);
    expect((await send(write)).status).toBe(403);
  });
});
