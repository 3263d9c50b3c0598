/** The checks of customers' keys (SSE-C), with the codes and messages that AWS was recorded with (LocalStack's recordings). */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { expectError, expectHeadError } from "../../support/errors.ts";
import { type CustomerKey, customerKey, keyHeaders } from "../../support/keyed-r2.ts";
import { envWith } from "../../support/lifecycle.ts";
import { putPart } from "../../support/multipart.ts";
import { putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { documentOf, textIn } from "../../support/xml.ts";

const env = envWith({ CUSTOMER_KEYS_OVER_HTTP: "true" });
const KEY = customerKey(1);
const OTHER = customerKey(2);
const HEADER = "x-amz-server-side-encryption";
const NAME = `${HEADER}-customer-`;

/** A copy's source is in the bucket of the request. */
function call({ headers = {}, ...options }: SendOptions): Promise<Response> {
  const source = headers["x-amz-copy-source"]?.replace("SOURCE", options.bucket ?? "");
  const own = source === undefined ? headers : { ...headers, "x-amz-copy-source": source };
  return send({ key: "k", env, ...options, headers: own });
}

async function encrypted(key: CustomerKey = KEY): Promise<string> {
  const bucket = await createBucket();
  await putObject(bucket, "k", "content", { headers: keyHeaders(key), env });
  return bucket;
}

function without(name: string): Record<string, string> {
  const { [`${NAME}${name}`]: _, ...others } = keyHeaders(KEY);
  return others;
}

const short = Buffer.alloc(10, 1);
const SHORT = { key: short.toString("base64"), md5: createHash("md5").update(short).digest("base64") };

/** The base64 of a key in place of the key, as botocore sends it without an MD5. */
const long = Buffer.from(KEY.key);
const LONG = { key: long.toString("base64"), md5: createHash("md5").update(long).digest("base64") };

const ALGORITHM_NEEDED =
  "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.";
const KEY_NEEDED =
  "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.";
const KEY_INVALID = "The secret key was invalid for the specified algorithm.";
const MD5_NEEDED =
  "Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.";
const MD5_WRONG = "The calculated MD5 hash of the key did not match the hash that was provided.";
const STORED_WITH_KEY =
  "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.";
const KEY_WRONG =
  "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.";
const NOT_APPLICABLE = "The encryption parameters are not applicable to this object.";
const PART_NEEDS_KEY =
  "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.";
const PART_KEY_WRONG = "The provided encryption parameters did not match the ones used originally.";

/** Headers that no operation accepts. */
const INVALID: readonly [what: string, headers: Record<string, string>, message: string][] = [
  ["no algorithm", without("algorithm"), ALGORITHM_NEEDED],
  ["no key", without("key"), KEY_NEEDED],
  ["no MD5", without("key-md5"), MD5_NEEDED],
  ["a key of 10 bytes", keyHeaders(SHORT), KEY_INVALID],
  ["a key that is no base64", { ...keyHeaders(KEY), [`${NAME}key`]: "?".repeat(44) }, KEY_INVALID],
  ["the MD5 of another key", { ...keyHeaders(KEY), [`${NAME}key-md5`]: OTHER.md5 }, MD5_WRONG],
  ["an MD5 that is none", { ...keyHeaders(KEY), [`${NAME}key-md5`]: "x" }, MD5_WRONG],
];

const CALLS: readonly [name: string, options: SendOptions][] = [
  ["PutObject", { method: "PUT", body: "content" }],
  ["GetObject", {}],
  ["GetObjectAttributes", { query: "attributes", headers: { "x-amz-object-attributes": "ETag" } }],
  ["CopyObject", { method: "PUT", headers: { "x-amz-copy-source": "/SOURCE/other" } }],
  ["CreateMultipartUpload", { method: "POST", query: "uploads" }],
  ["UploadPart", { method: "PUT", query: "partNumber=1&uploadId=x", body: "content" }],
  [
    "UploadPartCopy",
    { method: "PUT", query: "partNumber=1&uploadId=x", headers: { "x-amz-copy-source": "/SOURCE/k" } },
  ],
  ["CompleteMultipartUpload", { method: "POST", query: "uploadId=x", body: "<CompleteMultipartUpload/>" }],
  ["ListParts", { query: "uploadId=x" }],
];

describe.each(CALLS)("%s", (name, options) => {
  it(`${name} with a malformed customer key is InvalidArgument`, async () => {
    const bucket = await createBucket();
    for (const [what, headers, message] of INVALID) {
      const response = await call({ bucket, ...options, headers: { ...options.headers, ...headers } });
      expect(response.status, what).toBe(400);
      await expectError(response, 400, "InvalidArgument", { message, details: { ArgumentName: HEADER } });
    }
  });

  it(`${name} with another algorithm is InvalidEncryptionAlgorithmError`, async () => {
    const bucket = await createBucket();
    const headers = { ...options.headers, ...keyHeaders(KEY), [`${NAME}algorithm`]: "KMS" };
    await expectError(await call({ bucket, ...options, headers }), 400, "InvalidEncryptionAlgorithmError", {
      message: "The Encryption request you specified is not valid. Supported value: AES256.",
      details: { ArgumentName: HEADER, ArgumentValue: "KMS" },
    });
  });

  it(`${name} with a key over plain HTTP is InvalidRequest`, async () => {
    const bucket = await createBucket();
    for (const of of ["target", "source"] as const) {
      const headers = { ...options.headers, ...keyHeaders(KEY, of) };
      await expectError(await send({ bucket, key: "k", ...options, headers }), 400, "InvalidRequest", {
        message:
          "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.",
      });
    }
  });
});

describe("a write with a key", () => {
  it("PutObject with another algorithm is AccessDenied where a policy denies it", async () => {
    const bucket = await createBucket();
    const statement = {
      Effect: "Deny",
      Principal: "*",
      Action: "s3:PutObject",
      Resource: `arn:aws:s3:::${bucket}/*`,
      Condition: { StringNotEquals: { "s3:x-amz-server-side-encryption-customer-algorithm": "AES256" } },
    };
    const body = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    await (await send({ method: "PUT", bucket, query: "policy", body, env })).text();
    const headers = { [`${NAME}algorithm`]: "AES192" };
    const message = /with an explicit deny in a resource-based policy|Access Denied/;
    await expectError(await call({ bucket, method: "PUT", body: "content", headers }), 403, "AccessDenied", {
      message,
    });
    expect((await call({ bucket, method: "PUT", body: "content", headers: keyHeaders(KEY) })).status).toBe(200);
  });

  it.each(CALLS.filter(([name]) => /^(Put|Copy|Create)/.test(name)))(
    "%s with a key and another encryption is InvalidArgument",
    async (_, options) => {
      const bucket = await createBucket();
      const headers = { ...options.headers, ...keyHeaders(KEY), [HEADER]: "AES256" };
      await expectError(await call({ bucket, ...options, headers }), 400, "InvalidArgument", {
        message:
          "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
        details: { ArgumentName: HEADER, ArgumentValue: "AES256" },
      });
    },
  );

  it("PutObject with a key of 44 bytes is InvalidArgument", async () => {
    const bucket = await createBucket();
    const response = await call({ bucket, method: "PUT", body: "content", headers: keyHeaders(LONG) });
    await expectError(response, 400, "InvalidArgument", { message: KEY_INVALID, details: { ArgumentName: HEADER } });
  });

  it("PutObject over HTTPS needs no setting", async () => {
    const bucket = await createBucket();
    const secure = { bucket, key: "k", scheme: "https" } as const;
    const put = await send({ ...secure, method: "PUT", body: "content", headers: keyHeaders(KEY) });
    expect([put.status, put.headers.get(`${NAME}key-md5`)]).toEqual([200, KEY.md5]);
    expect(await (await send({ ...secure, headers: keyHeaders(KEY) })).text()).toBe("content");
  });
});

describe("a read of an object that has a key", () => {
  const ATTRIBUTES = { query: "attributes", headers: { "x-amz-object-attributes": "ETag" } };
  const copy = (bucket: string, headers: Record<string, string>) =>
    call({ bucket, method: "PUT", key: "copy", headers: { "x-amz-copy-source": `/${bucket}/k`, ...headers } });

  it("GetObject, GetObjectAttributes and CopyObject without a key are InvalidRequest", async () => {
    const bucket = await encrypted();
    await expectError(await call({ bucket }), 400, "InvalidRequest", { message: STORED_WITH_KEY });
    await expectError(await call({ bucket, ...ATTRIBUTES }), 400, "InvalidRequest", { message: STORED_WITH_KEY });
    await expectError(await copy(bucket, keyHeaders(KEY)), 400, "InvalidRequest", { message: STORED_WITH_KEY });
    await expectHeadError(await call({ bucket, method: "HEAD" }), 400);
  });

  it("GetObject, GetObjectAttributes and CopyObject with another key are AccessDenied", async () => {
    const bucket = await encrypted();
    const headers = keyHeaders(OTHER);
    await expectError(await call({ bucket, headers }), 403, "AccessDenied", { message: KEY_WRONG });
    const attributes = { ...ATTRIBUTES, headers: { ...ATTRIBUTES.headers, ...headers } };
    await expectError(await call({ bucket, ...attributes }), 403, "AccessDenied", { message: KEY_WRONG });
    const copied = await copy(bucket, keyHeaders(OTHER, "source"));
    await expectError(copied, 403, "AccessDenied", { message: KEY_WRONG });
    await expectHeadError(await call({ bucket, method: "HEAD", headers }), 403);
  });

  it("GetObject and HeadObject with a key of 44 bytes are AccessDenied", async () => {
    const bucket = await encrypted();
    const headers = keyHeaders(LONG);
    await expectError(await call({ bucket, headers }), 403, "AccessDenied", { message: KEY_WRONG });
    await expectHeadError(await call({ bucket, method: "HEAD", headers }), 403);
  });

  it("GetObject evaluates the key before conditions and ranges", async () => {
    const bucket = await encrypted();
    const headers = { "if-none-match": "*", range: "bytes=100-" };
    await expectError(await call({ bucket, headers }), 400, "InvalidRequest", { message: STORED_WITH_KEY });
  });

  it("GetObject of an absent object is NoSuchKey, with any key", async () => {
    const response = await call({ bucket: await encrypted(), key: "absent", headers: keyHeaders(OTHER) });
    await expectError(response, 404, "NoSuchKey", { details: { Key: "absent" } });
  });

  it("GetObject, HeadObject and CopyObject with a key of an object that has none are InvalidRequest", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content");
    const headers = keyHeaders(KEY);
    await expectError(await call({ bucket, headers }), 400, "InvalidRequest", { message: NOT_APPLICABLE });
    await expectHeadError(await call({ bucket, method: "HEAD", headers }), 400);
    const copied = await copy(bucket, keyHeaders(KEY, "source"));
    await expectError(copied, 400, "InvalidRequest", { message: NOT_APPLICABLE });
  });

  it("CopyObject with a malformed key of the source is refused", async () => {
    const bucket = await encrypted();
    for (const [what, headers, message] of INVALID) {
      const named = Object.entries(headers).map(([name, value]) => [
        name.replace("x-amz-", "x-amz-copy-source-"),
        value,
      ]);
      const copied = await copy(bucket, Object.fromEntries(named));
      expect(copied.status, what).toBe(400);
      await expectError(copied, 400, "InvalidArgument", { message, details: { ArgumentName: HEADER } });
    }
    await expectError(await copy(bucket, keyHeaders(LONG, "source")), 403, "AccessDenied", { message: KEY_WRONG });
    const wrong = {
      ...keyHeaders(KEY, "source"),
      "x-amz-copy-source-server-side-encryption-customer-algorithm": "KMS",
    };
    await expectError(await copy(bucket, wrong), 400, "InvalidEncryptionAlgorithmError", {
      message: "The Encryption request you specified is not valid. Supported value: AES256.",
      details: { ArgumentName: HEADER, ArgumentValue: "KMS" },
    });
  });
});

describe("an upload", () => {
  async function begin(headers: Record<string, string> = {}) {
    const bucket = await createBucket();
    const created = await call({ bucket, method: "POST", query: "uploads", headers });
    const uploadId = textIn(await documentOf(created, "InitiateMultipartUploadResult"), "UploadId") ?? "";
    return { bucket, uploadId, query: `partNumber=1&uploadId=${uploadId}` };
  }
  const source = (bucket: string) => ({ "x-amz-copy-source": `/${bucket}/k` });
  const complete = (bucket: string, uploadId: string, headers: Record<string, string> = {}) =>
    call({
      bucket,
      method: "POST",
      query: `uploadId=${uploadId}`,
      headers,
      body: "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>",
    });

  it("UploadPart and UploadPartCopy with a key to an upload without one are InvalidRequest", async () => {
    const { bucket, query } = await begin();
    const headers = keyHeaders(KEY);
    const part = await call({ bucket, method: "PUT", query, body: "content", headers });
    await expectError(part, 400, "InvalidRequest", { message: PART_NEEDS_KEY });
    const copied = await call({ bucket, method: "PUT", query, headers: { ...source(bucket), ...headers } });
    await expectError(copied, 400, "InvalidRequest", { message: PART_NEEDS_KEY });
  });

  it("UploadPart and UploadPartCopy without the upload's key, or with another, are InvalidRequest", async () => {
    const { bucket, query } = await begin(keyHeaders(KEY));
    for (const [headers, message] of [
      [{}, PART_NEEDS_KEY],
      [keyHeaders(OTHER), PART_KEY_WRONG],
    ] as const) {
      const part = await call({ bucket, method: "PUT", query, body: "content", headers });
      await expectError(part, 400, "InvalidRequest", { message });
      const copied = await call({ bucket, method: "PUT", query, headers: { ...source(bucket), ...headers } });
      await expectError(copied, 400, "InvalidRequest", { message });
    }
  });

  it("CompleteMultipartUpload and ListParts with another key are InvalidRequest", async () => {
    const { bucket, uploadId } = await begin(keyHeaders(KEY));
    const headers = keyHeaders(OTHER);
    const completed = await complete(bucket, uploadId, headers);
    await expectError(completed, 400, "InvalidRequest", { message: PART_KEY_WRONG });
    const listed = await call({ bucket, query: `uploadId=${uploadId}`, headers });
    await expectError(listed, 400, "InvalidRequest", { message: PART_KEY_WRONG });
  });

  it("CompleteMultipartUpload and ListParts need the key if the upload has a checksum algorithm", async () => {
    const { bucket, uploadId } = await begin({ ...keyHeaders(KEY), "x-amz-checksum-algorithm": "CRC32" });
    await expectError(await complete(bucket, uploadId), 400, "InvalidRequest", { message: PART_NEEDS_KEY });
    const listing = { bucket, query: `uploadId=${uploadId}` };
    await expectError(await call(listing), 400, "InvalidRequest", { message: PART_NEEDS_KEY });
    expect((await call({ ...listing, headers: keyHeaders(KEY) })).status).toBe(200);
  });

  it("UploadPart of an aborted upload is NoSuchUpload, with its key", async () => {
    const { bucket, uploadId, query } = await begin(keyHeaders(KEY));
    await call({ bucket, method: "DELETE", query: `uploadId=${uploadId}` });
    for (const headers of [keyHeaders(KEY), keyHeaders(OTHER), {}]) {
      const response = await call({ bucket, method: "PUT", query, body: "content", headers });
      expect(response.status).toBe(404);
      await response.body?.cancel();
    }
  });

  it("UploadPart of an upload without a key needs none", async () => {
    const { bucket, uploadId } = await begin();
    await putPart({ bucket, key: "k" }, uploadId, 1, "content");
  });
});
