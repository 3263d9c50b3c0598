/** SSE-KMS on the operations of objects. Codes and messages as AWS was recorded with (LocalStack's recordings). */
import { describe, expect, it } from "vitest";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { digestOf } from "../../support/acl.ts";
import { expectError } from "../../support/errors.ts";
import { createUser, credentialsOf, sts } from "../../support/iam.ts";
import { createKmsKey, encryptionOf, env, idOf, kms, kmsHeaders, setKmsStatus } from "../../support/kms.ts";
import { complete, type Part } from "../../support/multipart.ts";
import { BOUNDARY, encodeForm, signPolicy, tomorrow } from "../../support/post-form.ts";
import { encode, type SendOptions, send } from "../../support/request.ts";
import { createBucket, ROOT, testEnv } from "../../support/s3.ts";
import { signV2 } from "../../support/signer-v2.ts";
import { documentOf, textIn } from "../../support/xml.ts";

const call = (options: SendOptions) => send({ key: "k", env, ...options });
const put = (bucket: string, headers: Record<string, string>, more: SendOptions = {}) =>
  call({ method: "PUT", bucket, body: "content", headers, ...more });
const HEADER = "x-amz-server-side-encryption";
const { accountId } = await rootAccount();
const key = await createKmsKey(undefined, "documents");
const KMS = { "": "aws:kms", "-aws-kms-key-id": key };
const NO_KEY = "134f2428-cec1-4b25-a1ae-9048164dba47";
const arnOf = (resource: string, account = accountId, region = "us-east-1") =>
  `arn:aws:kms:${region}:${account}:${resource}`;
const base64 = (text: string) => Buffer.from(text).toString("base64");

async function ok(answer: Response | Promise<Response>, status = 200): Promise<Response> {
  const response = await answer;
  expect(response.status, response.ok ? "" : await response.clone().text()).toBe(status);
  return response;
}

async function putEncryption(bucket: string, inner: string, flag = false): Promise<void> {
  const rule = `<Rule><ApplyServerSideEncryptionByDefault>${inner}</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>${flag}</BucketKeyEnabled></Rule>`;
  const body = `<ServerSideEncryptionConfiguration>${rule}</ServerSideEncryptionConfiguration>`;
  const options = { method: "PUT", bucket, query: "encryption", body, headers: await digestOf(body) };
  await ok(send({ ...options, env }));
  const text = await (await send({ bucket, query: "encryption", env })).text();
  expect(text).toContain(rule);
}

describe("an object under aws:kms", () => {
  it.each([
    ["its key's id", idOf(key)],
    ["its key's ARN", key],
    ["an alias", "alias/documents"],
    ["an alias's ARN", arnOf("alias/documents")],
  ])("is written with %s and read, and answers with the key's ARN", async (_what, name) => {
    const bucket = await createBucket();
    const written = await ok(put(bucket, kmsHeaders(name)));
    expect(encryptionOf(written)).toEqual(KMS);
    expect(written.headers.get("etag")).not.toBe('"9a0364b9e99bb480dd25e1f0284c8555"');
    const read = await ok(call({ bucket }));
    expect([await read.text(), encryptionOf(read)]).toEqual(["content", KMS]);
    expect(read.headers.get("etag")).toBe(written.headers.get("etag"));
    expect(encryptionOf(await call({ method: "HEAD", bucket }))).toEqual(KMS);
    const range = await ok(call({ bucket, headers: { range: "bytes=2-4" } }), 206);
    expect(await range.text()).toBe("nte");
  });

  it("uses the account's default key, the same for all buckets", async () => {
    const [first, second] = [await createBucket(), await createBucket()];
    const one = encryptionOf(await ok(put(first, kmsHeaders())));
    expect(one).toEqual(encryptionOf(await ok(put(second, kmsHeaders("alias/aws/s3")))));
    const { body } = await kms("GET");
    const listed = (body.keys as { arn: string; alias: string }[]).filter(({ alias }) => alias === "aws/s3");
    expect(listed).toEqual([expect.objectContaining({ arn: one["-aws-kms-key-id"], status: "Enabled", accountId })]);
  });

  it("has the encryption context and the bucket key that it was written with", async () => {
    const bucket = await createBucket();
    const context = base64(JSON.stringify({ department: "10103.0", ä: "ö" }));
    const written = await ok(put(bucket, kmsHeaders(key, { context, "bucket-key-enabled": "true" })));
    const shown = { ...KMS, "-bucket-key-enabled": "true" };
    expect(encryptionOf(written)).toEqual({ ...shown, "-context": context });
    const read = await ok(call({ bucket }));
    expect([await read.text(), encryptionOf(read)]).toEqual(["content", shown]);
  });

  it("is uploaded in parts under the key of its creation", async () => {
    const bucket = await createBucket();
    const target = { bucket, key: "k", env };
    const created = await ok(send({ ...target, method: "POST", query: "uploads", headers: kmsHeaders(key) }));
    expect(encryptionOf(created)).toEqual(KMS);
    const uploadId = textIn(await documentOf(created, "InitiateMultipartUploadResult"), "UploadId") ?? "";
    await put(bucket, {}, { key: "source", body: "copied" });
    const parts: Part[] = [];
    for (const [index, options] of [
      { body: "x".repeat(5 * 1024 * 1024), headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } },
      { headers: { "x-amz-copy-source": `/${bucket}/source` } },
    ].entries()) {
      const query = `partNumber=${index + 1}&uploadId=${encode(uploadId)}`;
      const answer = await ok(send({ ...target, method: "PUT", query, ...options }));
      expect(encryptionOf(answer)).toEqual(KMS);
      const etag = /[0-9a-f]{32}/.exec(answer.headers.get("etag") ?? (await answer.text()))?.[0] ?? "";
      parts.push({ partNumber: index + 1, etag });
    }
    await setKmsStatus(key, "Disabled");
    const query = `partNumber=3&uploadId=${encode(uploadId)}`;
    await expectError(await send({ ...target, method: "PUT", query, body: "x" }), 400, "KMS.DisabledException", {
      message: `${key} is disabled.`,
    });
    await setKmsStatus(key, "Enabled");
    await complete(target, uploadId, parts);
    const head = await ok(call({ method: "HEAD", bucket }));
    expect([head.headers.get("content-length"), encryptionOf(head)]).toEqual([String(5 * 1024 * 1024 + 6), KMS]);
    const part = await ok(call({ bucket, query: "partNumber=2" }), 206);
    expect(await part.text()).toBe("copied");
  });

  it("is written by a form", async () => {
    const bucket = await createBucket();
    const fields = { key: "k", [HEADER]: "aws:kms", [`${HEADER}-aws-kms-key-id`]: idOf(key) };
    const conditions = Object.entries({ bucket, ...fields }).map(([name, value]) => ({ [name]: value }));
    const signed = signPolicy({
      key: ROOT,
      document: (signing) => ({ expiration: tomorrow(), conditions: [...signing, ...conditions] }),
    });
    const body = encodeForm([...Object.entries({ ...fields, ...signed }), ["file", { content: "content" }]] as never);
    const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
    const answer = await send({ method: "POST", bucket, body, headers, as: null, env });
    expect(encryptionOf(await ok(answer, 204))).toEqual(KMS);
    expect(await (await call({ bucket })).text()).toBe("content");
  });

  it("is kept as a version, and read by its id", async () => {
    const bucket = await createBucket();
    const body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    await ok(send({ method: "PUT", bucket, query: "versioning", body, headers: await digestOf(body), env }));
    const first = await ok(put(bucket, kmsHeaders(key)));
    await ok(put(bucket, {}, { body: "later" }));
    const read = await ok(call({ bucket, query: `versionId=${first.headers.get("x-amz-version-id")}` }));
    expect([await read.text(), encryptionOf(read)]).toEqual(["content", KMS]);
  });
});

describe("a copy", () => {
  it.each([
    ["of an object under aws:kms shares its bytes and is read under its own name and key", "copy"],
    ["onto itself keeps the bytes", "k"],
  ])("%s", async (_what, name) => {
    const bucket = await createBucket();
    const other = await createKmsKey();
    const source = { "x-amz-copy-source": `/${bucket}/k` };
    const written = await ok(put(bucket, kmsHeaders(key)));
    const copied = await ok(call({ method: "PUT", bucket, key: name, headers: { ...source, ...kmsHeaders(other) } }));
    const shown = { "": "aws:kms", "-aws-kms-key-id": other };
    expect(encryptionOf(copied)).toEqual(shown);
    // Shared bytes have the ETag of the source.
    expect(await copied.text()).toContain(written.headers.get("etag")?.slice(1, -1));
    await setKmsStatus(key, "Disabled");
    const read = await ok(call({ bucket, key: name }));
    expect([await read.text(), encryptionOf(read)]).toEqual(["content", shown]);
    await setKmsStatus(key, "Enabled");
  });

  it("onto itself may do nothing but lose the encryption, once", async () => {
    const bucket = await createBucket();
    const target = { method: "PUT", bucket, headers: { "x-amz-copy-source": `/${bucket}/k` } };
    await ok(put(bucket, kmsHeaders(key, { "bucket-key-enabled": "true" })));
    const copied = await ok(call(target));
    expect([encryptionOf(copied), await copied.text()]).toEqual([
      { "": "AES256" },
      expect.stringContaining("9a0364b9e99bb480dd25e1f0284c8555"),
    ]);
    await expectError(await call(target), 400, "InvalidRequest", { message: /without changing the object's metadata/ });
  });

  it("has the encryption of its request or bucket, not of its source", async () => {
    const bucket = await createBucket();
    await ok(put(bucket, kmsHeaders(key)));
    const plain = { method: "PUT", bucket, key: "plain", headers: { "x-amz-copy-source": `/${bucket}/k` } };
    expect(encryptionOf(await ok(call(plain)))).toEqual({ "": "AES256" });
    expect(await (await call({ bucket, key: "plain" })).text()).toBe("content");
    await putEncryption(bucket, `<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>${key}</KMSMasterKeyID>`);
    const back = { ...plain, headers: { "x-amz-copy-source": `/${bucket}/plain` }, key: "back" };
    expect(encryptionOf(await ok(call(back)))).toEqual(KMS);
    expect(await (await call({ bucket, key: "back" })).text()).toBe("content");
  });
});

describe("the default encryption of a bucket", () => {
  it("applies to writes that name none", async () => {
    const bucket = await createBucket();
    await ok(put(bucket, {}, { key: "before" }));
    await putEncryption(
      bucket,
      `<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>${idOf(key)}</KMSMasterKeyID>`,
      true,
    );
    const withKey = { ...KMS, "-bucket-key-enabled": "true" };
    expect(encryptionOf(await ok(put(bucket, {})))).toEqual(withKey);
    expect(encryptionOf(await ok(put(bucket, { [`${HEADER}-bucket-key-enabled`]: "false" })))).toEqual(KMS);
    expect(encryptionOf(await ok(put(bucket, { [HEADER]: "AES256" })))).toEqual({ "": "AES256" });
    expect(encryptionOf(await ok(call({ method: "HEAD", bucket, key: "before" })))).toEqual({ "": "AES256" });
    const chosen = encryptionOf(await ok(put(bucket, kmsHeaders())));
    expect(chosen).toMatchObject({ "-bucket-key-enabled": "true" });
    expect(chosen["-aws-kms-key-id"]).not.toBe(key);
  });

  it("is a default key without a name, and may name a key that does not exist", async () => {
    const bucket = await createBucket();
    await putEncryption(bucket, "<SSEAlgorithm>aws:kms</SSEAlgorithm>");
    expect(encryptionOf(await ok(put(bucket, {})))).toEqual(encryptionOf(await ok(put(bucket, kmsHeaders()))));
    await putEncryption(bucket, "<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>none</KMSMasterKeyID>");
    await expectError(await put(bucket, {}), 400, "KMS.NotFoundException", { message: "Invalid keyId 'none'" });
  });

  it("does not hide from a policy that a request names no encryption", async () => {
    const bucket = await createBucket();
    await putEncryption(bucket, `<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>${key}</KMSMasterKeyID>`);
    const deny = (condition: object) => ({
      Effect: "Deny",
      Principal: "*",
      Action: "s3:PutObject",
      Resource: `arn:aws:s3:::${bucket}/*`,
      Condition: condition,
    });
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        deny({ Null: { [`s3:${HEADER}`]: "true" } }),
        deny({ StringNotEquals: { [`s3:${HEADER}`]: "aws:kms" } }),
        deny({ StringNotEqualsIfExists: { [`s3:${HEADER}-aws-kms-key-id`]: key } }),
      ],
    });
    await ok(send({ method: "PUT", bucket, query: "policy", body: policy, headers: await digestOf(policy), env }), 204);
    for (const headers of [{}, { [HEADER]: "AES256" }, { [HEADER]: "AES192" }, kmsHeaders(idOf(key))]) {
      await expectError(await put(bucket, headers), 403, "AccessDenied");
    }
    await ok(put(bucket, kmsHeaders(key)));
    // An upload is decided about when it is created: its parts do not name the encryption.
    await expectError(await call({ method: "POST", bucket, query: "uploads" }), 403, "AccessDenied");
    const created = await ok(call({ method: "POST", bucket, query: "uploads", headers: kmsHeaders(key) }));
    const uploadId = textIn(await documentOf(created, "InitiateMultipartUploadResult"), "UploadId") ?? "";
    await ok(call({ method: "PUT", bucket, query: `partNumber=1&uploadId=${encode(uploadId)}`, body: "x" }));
  });
});

const REQUIRES_KMS = `Server Side Encryption with AWS KMS managed key requires HTTP header ${HEADER} : aws:kms`;
const NO_CONTEXT = `The header '${HEADER}-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map`;

describe("a write is refused", () => {
  const bucket = createBucket();
  const invalid = (value: string, name = HEADER) => ({ ArgumentName: name, ArgumentValue: value });

  type Invalid = readonly [
    what: string,
    headers: Record<string, string>,
    message: string,
    details: Record<string, string>,
  ];
  const INVALID: readonly Invalid[] = [
    [
      "an unknown method",
      { [HEADER]: "aes:kms" },
      "The encryption method specified is not supported",
      invalid("aes:kms"),
    ],
    ["a key without a method", { [`${HEADER}-aws-kms-key-id`]: "k" }, REQUIRES_KMS, invalid("")],
    ["a key for AES256", { [HEADER]: "AES256", [`${HEADER}-aws-kms-key-id`]: "k" }, REQUIRES_KMS, invalid("AES256")],
    ["a context without a method", { [`${HEADER}-context`]: base64("{}") }, REQUIRES_KMS, invalid("")],
    ...["?", base64("[]"), base64('{"a":1}'), base64("null"), base64("{"), "/w=="].map(
      (context) =>
        [
          `the context ${context}`,
          kmsHeaders(key, { context }),
          NO_CONTEXT,
          invalid(context, `${HEADER}-context`),
        ] satisfies Invalid,
    ),
  ];

  it.each(INVALID)("with %s: InvalidArgument", async (_what, headers, message, details) => {
    await expectError(await put(await bucket, headers), 400, "InvalidArgument", { message, details });
    await expectError(await call({ bucket: await bucket }), 404, "NoSuchKey", { details: { Key: "k" } });
  });

  it("with a context that is too long: MetadataTooLarge", async () => {
    const context = base64(JSON.stringify({ a: "x".repeat(1600) }));
    const message = "The encryption context may have 2048 characters at most.";
    await expectError(await put(await bucket, kmsHeaders(key, { context })), 400, "MetadataTooLarge", { message });
  });

  it("with dual-layer encryption: NotImplemented", async () => {
    const message = "Encryption with aws:kms:dsse is not implemented.";
    await expectError(await put(await bucket, { [HEADER]: "aws:kms:dsse" }), 501, "NotImplemented", { message });
  });

  it.each([
    ["fake-key-id", "Invalid keyId 'fake-key-id'"],
    [NO_KEY, `Key '${arnOf(`key/${NO_KEY}`)}' does not exist`],
    [arnOf(`key/${NO_KEY}`), `Key '${arnOf(`key/${NO_KEY}`)}' does not exist`],
    ["alias/none", `Alias ${arnOf("alias/none")} is not found.`],
    [key.replace("us-east-1", "us-west-2"), "Invalid arn us-west-2"],
  ])("with the key %s: KMS.NotFoundException", async (name, message) => {
    const target = { bucket: await bucket, headers: kmsHeaders(name) };
    const source = { "x-amz-copy-source": `/${await bucket}/source` };
    await ok(put(await bucket, {}, { key: "source" }));
    for (const options of [
      { method: "PUT", body: "content" },
      { method: "POST", query: "uploads" },
      { method: "PUT", headers: { ...target.headers, ...source } },
    ]) {
      await expectError(await call({ ...target, ...options }), 400, "KMS.NotFoundException", { message });
    }
  });

  it("without TLS: InvalidRequest, and so is a read", async () => {
    const made = await createBucket();
    await ok(put(made, kmsHeaders(key)));
    const message =
      "Requests specifying Server Side Encryption with AWS KMS managed keys must be made over a secure connection.";
    for (const options of [{ method: "PUT", body: "x", headers: kmsHeaders(key) }, {}]) {
      const answer = await call({ bucket: made, ...options, env: testEnv });
      await expectError(answer, 400, "InvalidRequest", { message });
    }
  });
});

it.each([
  ["GetObject", { method: "GET" }],
  ["DeleteObject", { method: "DELETE" }],
  ["UploadPart", { method: "PUT", query: "partNumber=1&uploadId=x", body: "x" }],
  ["CompleteMultipartUpload", { method: "POST", query: "uploadId=x", body: "<a/>" }],
])("%s with an encryption that was chosen before is refused with InvalidArgument", async (_name, options) => {
  const bucket = await createBucket();
  for (const header of [HEADER, `${HEADER}-aws-kms-key-id`, `${HEADER}-context`, `${HEADER}-bucket-key-enabled`]) {
    await expectError(await call({ bucket, ...options, headers: { [header]: "x" } }), 400, "InvalidArgument", {
      message: `${header} header is not supported for this operation.`,
      details: { ArgumentName: header, ArgumentValue: "x" },
    });
  }
});

describe("a key", () => {
  it("that is disabled answers KMS.DisabledException to reads and writes of bytes, until it is enabled", async () => {
    const bucket = await createBucket();
    const own = await createKmsKey();
    await ok(put(bucket, kmsHeaders(own)));
    await setKmsStatus(own, "Disabled");
    const source = { "x-amz-copy-source": `/${bucket}/k` };
    for (const options of [
      { headers: {} },
      { method: "PUT", body: "x", headers: kmsHeaders(own) },
      { method: "POST", query: "uploads", headers: kmsHeaders(own) },
      { method: "PUT", key: "copy", headers: source },
    ]) {
      await expectError(await call({ bucket, ...options }), 400, "KMS.DisabledException", {
        message: `${own} is disabled.`,
      });
    }
    expect((await call({ method: "HEAD", bucket })).status).toBe(200);
    expect((await call({ method: "HEAD", bucket, headers: { "x-amz-checksum-mode": "ENABLED" } })).status).toBe(400);
    await setKmsStatus(own, "Enabled");
    expect(await (await call({ bucket })).text()).toBe("content");
  });

  it("that another SEAL_KEY has sealed answers KMS.KMSInvalidStateException, and one that is gone NotFound", async () => {
    const bucket = await createBucket();
    const own = await createKmsKey();
    await ok(put(bucket, kmsHeaders(own)));
    const row = testEnv.DB.prepare(
      "UPDATE kms_keys SET material_sealed = (SELECT material_sealed FROM kms_keys WHERE id = ?2) WHERE id = ?1",
    );
    await row.bind(idOf(own), idOf(key)).run();
    await setKmsStatus(own, "Enabled");
    await expectError(await call({ bucket }), 400, "KMS.KMSInvalidStateException", {
      message: `${own} is unavailable.`,
    });
    await testEnv.DB.prepare("DELETE FROM kms_keys WHERE id = ?1").bind(idOf(own)).run();
    await setKmsStatus(key, "Enabled");
    await expectError(await call({ bucket }), 400, "KMS.NotFoundException", { message: `Key '${own}' does not exist` });
  });

  it("does not unseal the data key of an object in the record of another: KMS.InvalidCiphertextException", async () => {
    const [bucket, other] = [await createBucket(), await createBucket()];
    await ok(put(bucket, kmsHeaders(key)));
    await ok(put(other, kmsHeaders(key)));
    const idOfBucket = async (name: string) =>
      (await testEnv.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(name).first<{ id: string }>())?.id;
    const found = await testEnv.STORE.get(`${await idOfBucket(bucket)}/k`);
    const moved = { customMetadata: found?.customMetadata ?? {}, sha512: undefined };
    await testEnv.STORE.put(`${await idOfBucket(other)}/k`, (await found?.arrayBuffer()) ?? null, {
      customMetadata: moved.customMetadata,
    });
    await expectError(await call({ bucket: other }), 400, "KMS.InvalidCiphertextException", {
      message: "The data key of the object cannot be decrypted.",
    });
  });
});

describe("the permission to use a key", () => {
  const statement = (Effect: string, Action: string, Resource: string, Condition?: object) => ({
    Effect,
    Action,
    Resource,
    ...(Condition && { Condition }),
  });
  const S3 = statement("Allow", "s3:*", "*");
  const denial = (arn: string, action: string, reason: string) =>
    new RegExp(`^User: ${arn} is not authorized to perform: ${action} on resource: ${key} ${reason}$`);

  it.each([
    ["nothing about keys", [S3], [false, false]],
    ["kms:GenerateDataKey", [S3, statement("Allow", "kms:GenerateDataKey", key)], [true, false]],
    ["kms:Decrypt", [S3, statement("Allow", "kms:Decrypt", key)], [false, true]],
    ["both", [S3, statement("Allow", "kms:*", "*")], [true, true]],
    ["both, of another key", [S3, statement("Allow", "kms:*", arnOf(`key/${NO_KEY}`))], [false, false]],
    ["both, with a Deny", [S3, statement("Allow", "*", "*"), statement("Deny", "kms:Decrypt", "*")], [true, false]],
    [
      "both, by S3 for this object",
      [
        S3,
        statement("Allow", "kms:*", key, {
          StringEquals: { "kms:ViaService": "s3.us-east-1.amazonaws.com" },
          StringLike: { "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::*/k" },
        }),
      ],
      [true, true],
    ],
    [
      "both, with another context",
      [S3, statement("Allow", "kms:*", key, { StringEquals: { "kms:EncryptionContext:team": "red" } })],
      [false, false],
    ],
  ])("of a user whose policies allow %s", async (_what, statements, [mayWrite, mayRead]) => {
    const bucket = await createBucket();
    await ok(put(bucket, kmsHeaders(key)));
    const { key: as } = await createUser(statements);
    const arn = "arn:aws:iam::\\d{12}:user/[^ ]+";
    const reason =
      "(because no identity-based policy allows the \\S+ action|with an explicit deny in an identity-based policy)";
    const written = await put(bucket, kmsHeaders(key), { as });
    if (mayWrite) await ok(written);
    else await expectError(written, 403, "AccessDenied", { message: denial(arn, "kms:GenerateDataKey", reason) });
    const read = await call({ bucket, as });
    if (mayRead) expect(await (await ok(read)).text()).toBe("content");
    else await expectError(read, 403, "AccessDenied", { message: denial(arn, "kms:Decrypt", reason) });
    // Tags, ACL and the attributes need no key.
    await ok(call({ method: "HEAD", bucket, as }));
    await ok(call({ bucket, query: "tagging", as }));
  });

  it("is not needed for the default key, and a Deny of it wins", async () => {
    const bucket = await createBucket();
    const { key: as } = await createUser([S3]);
    await ok(put(bucket, kmsHeaders(), { as }));
    expect(await (await ok(call({ bucket, as }))).text()).toBe("content");
    const { key: denied } = await createUser([S3, statement("Deny", "kms:*", "*")]);
    const message = /kms:Decrypt on resource: \S+ with an explicit deny/;
    await expectError(await call({ bucket, as: denied }), 403, "AccessDenied", { message });
  });

  it("is needed to see checksums of the bytes: GetObjectAttributes, ListParts, and completing with a checksum", async () => {
    const bucket = await createBucket();
    const target = { bucket, key: "k", env };
    const { key: as } = await createUser([S3]);
    const attributes = (names: string) =>
      call({ bucket, query: "attributes", headers: { "x-amz-object-attributes": names }, as });
    await ok(put(bucket, kmsHeaders(key)));
    await ok(attributes("ETag,ObjectSize,StorageClass"));
    const denied = { message: /kms:Decrypt on resource/ };
    await expectError(await attributes("Checksum"), 403, "AccessDenied", denied);
    await setKmsStatus(key, "Disabled");
    const asRoot = { bucket, query: "attributes", headers: { "x-amz-object-attributes": "Checksum" } };
    await expectError(await call(asRoot), 400, "KMS.DisabledException", { message: `${key} is disabled.` });
    await setKmsStatus(key, "Enabled");
    expect(await (await ok(call(asRoot))).text()).toContain("<ChecksumCRC64NVME>");

    const headers = kmsHeaders(key);
    for (const [more, needsKey] of [
      [{}, false],
      [{ "x-amz-checksum-algorithm": "SHA256" }, true],
    ] as const) {
      const created = await ok(send({ ...target, method: "POST", query: "uploads", headers: { ...headers, ...more } }));
      const uploadId = textIn(await documentOf(created, "InitiateMultipartUploadResult"), "UploadId") ?? "";
      const sha256 = Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from("part"))).toString("base64");
      const query = `uploadId=${encode(uploadId)}`;
      const sent = needsKey ? { "x-amz-checksum-sha256": sha256 } : {};
      const part = await ok(
        send({ ...target, method: "PUT", query: `partNumber=1&${query}`, body: "part", headers: sent }),
      );
      await expectError(await send({ ...target, query, as }), 403, "AccessDenied", denied);
      await ok(send({ ...target, query }));
      const checksum = needsKey ? `<ChecksumSHA256>${sha256}</ChecksumSHA256>` : "";
      const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${part.headers.get("etag")}</ETag>${checksum}</Part></CompleteMultipartUpload>`;
      const completed = await send({ ...target, method: "POST", query, body, as });
      if (needsKey) await expectError(completed, 403, "AccessDenied", denied);
      else await ok(completed);
    }
  });

  it("is for the object's own ARN, whatever the encryption context says", async () => {
    const bucket = await createBucket();
    const here = { StringEquals: { "kms:EncryptionContext:aws:s3:arn": `arn:aws:s3:::${bucket}/allowed` } };
    const { key: as } = await createUser([S3, statement("Allow", "kms:*", key, here)]);
    for (const name of ["aws:s3:arn", "AWS:S3:ARN"]) {
      const context = base64(JSON.stringify({ [name]: `arn:aws:s3:::${bucket}/allowed` }));
      const headers = kmsHeaders(key, { context });
      await expectError(await put(bucket, headers, { as }), 403, "AccessDenied", { message: /kms:GenerateDataKey/ });
      await ok(put(bucket, headers));
      await expectError(await call({ bucket, as }), 403, "AccessDenied", { message: /kms:Decrypt/ });
      await ok(put(bucket, headers, { as, key: "allowed" }));
    }
  });

  it("is limited by the policy of a session", async () => {
    const bucket = await createBucket();
    await ok(put(bucket, kmsHeaders(key)));
    const { key: maker } = await createUser([statement("Allow", "*", "*")]);
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [S3] });
    const session = credentialsOf(await sts("GetFederationToken", { Name: "guest", Policy }, maker));
    await expectError(await call({ bucket, as: session }), 403, "AccessDenied", { message: /kms:Decrypt/ });
  });

  it("is denied to other accounts, also where the bucket's policy admits them", async () => {
    const bucket = await createBucket();
    const stranger = await createAccount();
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { AWS: stranger.accountId },
          Action: "s3:*",
          Resource: `arn:aws:s3:::${bucket}/*`,
        },
      ],
    });
    await ok(send({ method: "PUT", bucket, query: "policy", body: policy, headers: await digestOf(policy), env }), 204);
    await ok(put(bucket, kmsHeaders(key)));
    const message =
      /^User: arn:aws:iam::\d{12}:root is not authorized to perform: kms:\w+ on resource: \S+ because no resource-based policy allows the kms:\w+ action$/;
    for (const name of [key, arnOf(`key/${NO_KEY}`), arnOf("alias/documents")]) {
      const answer = await put(bucket, kmsHeaders(name), { key: "theirs", as: stranger });
      await expectError(answer, 403, "AccessDenied", { message });
    }
    await expectError(await call({ bucket, as: stranger }), 403, "AccessDenied", { message });
    // An id or alias without an account is one of the caller's own.
    const answer = await put(bucket, kmsHeaders("alias/documents"), { key: "theirs", as: stranger });
    await expectError(answer, 400, "KMS.NotFoundException", { message: /^Alias \S+ is not found\.$/ });
  });

  it("is not given to anonymous requests and those of Signature Version 2", async () => {
    const bucket = await createBucket();
    await ok(put(bucket, kmsHeaders(key)));
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: "*", Action: "s3:*Object", Resource: `arn:aws:s3:::${bucket}/*` }],
    });
    await ok(send({ method: "PUT", bucket, query: "policy", body: policy, headers: await digestOf(policy), env }), 204);
    const refusal = {
      message: "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.",
      details: { ArgumentName: "Authorization" },
    };
    await expectError(await call({ bucket, as: null }), 400, "InvalidArgument", refusal);
    await expectError(await put(bucket, kmsHeaders(), { as: null }), 400, "InvalidArgument", refusal);
    const url = `http://s3.localhost:8787/${bucket}/k`;
    const headers = signV2(ROOT, { method: "GET", url });
    const answer = await call({ bucket, as: null, headers });
    await expectError(answer, 400, "InvalidArgument", refusal);
  });
});
