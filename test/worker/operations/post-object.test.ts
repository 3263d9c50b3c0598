import { env } from "cloudflare:workers";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { expectError } from "../../support/errors.ts";
import { checksumOf, noise } from "../../support/multipart.ts";
import {
  BOUNDARY,
  encodeForm,
  type FormEntry,
  type FormFile,
  type PolicyOptions,
  policySignature,
  signPolicy,
  tomorrow,
} from "../../support/post-form.ts";
import { encode, handDirectly, STYLES, type Style, send, urlOf } from "../../support/request.ts";
import { createBucket, type Key, ROOT, testEnv } from "../../support/s3.ts";
import { configureWebsite } from "../../support/website.ts";
import { handleRequest } from "../../support/worker.ts";
import { documentOf, fields as fieldsOf, readXml, texts } from "../../support/xml.ts";

const MIB = 1024 * 1024;
const md5 = (data: string | Uint8Array) => createHash("md5").update(data).digest("hex");

interface Upload {
  readonly bucket: string;
  readonly style?: Style;
  /** Fields before the file, `key` among them. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly file?: string | Uint8Array | FormFile;
  readonly after?: readonly FormEntry[];
  /** Null: the form is not signed. */
  readonly as?: Key | null;
  /** In addition to the conditions for bucket and fields. */
  readonly conditions?: readonly unknown[];
  /** Fields without a condition. */
  readonly uncovered?: readonly string[];
  readonly policy?: Partial<PolicyOptions>;
  /** Changes of the fields after signing; undefined removes a field. */
  readonly change?: (fields: Readonly<Record<string, string>>) => Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: Uint8Array | string;
  readonly via?: (request: Request) => Promise<Response>;
}

function signedFields(upload: Upload): Record<string, string> {
  const { bucket, fields = { key: "k" }, as = ROOT, conditions = [], uncovered = [] } = upload;
  if (as === null) return { ...fields };
  const covering = Object.entries(fields)
    .filter(([name]) => !uncovered.includes(name))
    .map(([name]) => ["starts-with", `$${name}`, ""]);
  const own = uncovered.includes("bucket") ? [] : [{ bucket }];
  const document = (signing: readonly object[]) => ({
    expiration: tomorrow(),
    conditions: [...own, ...covering, ...signing, ...conditions],
  });
  return { ...fields, ...signPolicy({ key: as, document, ...upload.policy }) };
}

function post(upload: Upload): Promise<Response> {
  const { bucket, style = "path", file = "content", after = [], headers = {}, query } = upload;
  const signed = signedFields(upload);
  const sent = Object.entries({ ...signed, ...upload.change?.(signed) }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const part: FormFile = typeof file === "string" || file instanceof Uint8Array ? { content: file, name: "f" } : file;
  const body = upload.body ?? encodeForm([...sent, ["file", part], ...after]);
  const url = urlOf({ bucket, style, ...(query !== undefined && { query }) });
  const type = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
  const request = new Request(url, { method: "POST", headers: { ...type, ...headers }, body, redirect: "manual" });
  return (upload.via ?? ((one) => handDirectly(one)))(request);
}

async function stored(bucket: string, key = "k"): Promise<Uint8Array> {
  const response = await send({ bucket, key });
  if (response.status !== 200) throw new Error(`GetObject ${key}: ${response.status} ${await response.text()}`);
  return response.bytes();
}

async function keysIn(bucket: string): Promise<string[]> {
  return texts(await documentOf(await send({ bucket }), "ListBucketResult"), "Contents", "Key");
}

async function expectRefusal(
  upload: Upload,
  status: number,
  code: string,
  { message, details }: { message?: string | RegExp; details?: Record<string, string> } = {},
): Promise<void> {
  await expectError(await post(upload), status, code, {
    ...(message !== undefined && { message }),
    ...(details && { details }),
  });
  expect(await keysIn(upload.bucket)).toEqual([]);
}

describe.each(STYLES)("PostObject, %s style", (style) => {
  it("PostObject stores the file and answers 204 with its ETag and Location", async () => {
    const bucket = await createBucket();
    const response = await post({ bucket, style, fields: { key: "a/ü b.txt" }, file: "hello" });
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(response.headers.get("etag")).toBe(`"${md5("hello")}"`);
    // Slashes are encoded too (seen on AWS).
    const origin = urlOf({ bucket, style }).replace(/\/$/, "");
    expect(response.headers.get("location")).toBe(`${origin}/a%2F%C3%BC%20b.txt`);
    expect(response.headers.get("content-type")).toBeNull();
    expect(new TextDecoder().decode(await stored(bucket, "a/ü b.txt"))).toBe("hello");
  });

  it("PostObject answers 201 with a PostResponse", async () => {
    const bucket = await createBucket();
    const fields = { key: "a/b&c", success_action_status: "201" };
    const response = await post({ bucket, style, fields, file: "hello" });
    const location = `${urlOf({ bucket, style }).replace(/\/$/, "")}/a%2Fb%26c`;
    expect([response.status, response.headers.get("content-type")]).toEqual([201, "application/xml"]);
    expect(response.headers.get("location")).toBe(location);
    const root = readXml(await response.text());
    expect([root.name, root.attributes, fieldsOf(root)]).toEqual([
      "PostResponse",
      "",
      { Location: location, Bucket: bucket, Key: "a/b&c", ETag: `"${md5("hello")}"` },
    ]);
  });

  it.each([
    ["200", 200],
    ["204", 204],
    ["404", 204],
  ])("PostObject answers success_action_status %s with an empty %i", async (value, status) => {
    const bucket = await createBucket();
    const response = await post({ bucket, style, fields: { key: "k", success_action_status: value } });
    expect([response.status, await response.text()]).toEqual([status, ""]);
    expect(response.headers.get("location")).not.toBeNull();
  });

  it("PostObject redirects with bucket, key and etag", async () => {
    const bucket = await createBucket();
    const url = "https://example.com/done?a=b";
    const response = await post({ bucket, style, fields: { key: "a/b c", success_action_redirect: url }, file: "x" });
    expect([response.status, await response.text()]).toEqual([303, ""]);
    expect(response.headers.get("location")).toBe(`${url}&bucket=${bucket}&key=a%2Fb%20c&etag=%22${md5("x")}%22`);
  });

  it("PostObject ignores a redirect that it cannot interpret", async () => {
    const bucket = await createBucket();
    for (const url of ["/wrong/relative", "javascript:alert(1)", "http://a/\r\nSet-Cookie: x=y"]) {
      const response = await post({ bucket, style, fields: { key: "k", success_action_redirect: url } });
      expect(response.status).toBe(204);
      expect(response.headers.get("set-cookie")).toBeNull();
    }
  });

  it("PostObject refuses a bucket that does not exist with NoSuchBucket", async () => {
    const bucket = "no-bucket-of-this-name";
    await expectError(await post({ bucket, style }), 404, "NoSuchBucket", {
      details: { BucketName: bucket },
    });
  });

  it("PostObject refuses an anonymous form with AccessDenied", async () => {
    await expectRefusal({ bucket: await createBucket(), style, as: null }, 403, "AccessDenied");
  });

  // A website does not change the API (AWS "Key differences between a website endpoint and a REST API endpoint").
  it("PostObject decides on an anonymous form to a bucket with a website by the bucket's ACL and policy", async () => {
    const refused = await createBucket();
    await configureWebsite(refused, { error: "error.html" });
    await expectRefusal({ bucket: refused, style, as: null }, 403, "AccessDenied");

    const byAcl = await createBucket({ headers: { "x-amz-acl": "public-read-write" } });
    const byPolicy = await createBucket();
    const allow = { Effect: "Allow", Principal: "*", Action: "s3:PutObject", Resource: `arn:aws:s3:::${byPolicy}/*` };
    const policy = JSON.stringify({ Version: "2012-10-17", Statement: allow });
    expect((await send({ method: "PUT", bucket: byPolicy, query: "policy", body: policy })).status).toBe(204);
    for (const bucket of [byAcl, byPolicy]) {
      await configureWebsite(bucket);
      const fields = { key: "k", acl: "bucket-owner-full-control" };
      const response = await post({ bucket, style, fields: bucket === byAcl ? fields : { key: "k" }, as: null });
      expect([response.status, await response.text()]).toEqual([204, ""]);
      expect(await keysIn(bucket)).toEqual(["k"]);
    }
  });

  it("PostObject refuses another account's form with AccessDenied", async () => {
    const [bucket, as] = await Promise.all([createBucket(), createAccount()]);
    await expectRefusal({ bucket, style, as }, 403, "AccessDenied");
  });
});

describe("PostObject's fields", () => {
  it("PostObject stores what PutObject stores from headers", async () => {
    const bucket = await createBucket();
    const properties = {
      "Cache-Control": "max-age=60",
      "Content-Disposition": 'attachment; filename="a.txt"',
      "Content-Encoding": "identity",
      "Content-Language": "de",
      "Content-Type": "text/x-test",
      Expires: "Wed, 21 Oct 2037 07:28:00 GMT",
      "x-amz-storage-class": "STANDARD_IA",
      "x-amz-website-redirect-location": "/other",
      "X-Amz-Meta-Color": "green",
    };
    const response = await post({
      bucket,
      fields: { key: "k", ...properties },
      file: { content: "x", name: "f", type: "image/png" },
    });
    expect([response.status, await response.text()]).toEqual([204, ""]);
    const { headers } = await send({ method: "HEAD", bucket, key: "k" });
    for (const [name, value] of Object.entries(properties)) expect([name, headers.get(name)]).toEqual([name, value]);
  });

  it("PostObject does not use the file part's Content-Type for the object", async () => {
    const bucket = await createBucket();
    await post({ bucket, file: { content: "x", name: "f.html", type: "text/html" } });
    const { headers } = await send({ method: "HEAD", bucket, key: "k" });
    expect(headers.get("content-type")).toBe("binary/octet-stream");
  });

  it("PostObject stores metadata unchanged, encoded words included", async () => {
    const bucket = await createBucket();
    const fields = { key: "k", "x-amz-meta-a": "ÄMÄZÕÑ S3", "x-amz-meta-b": "=?UTF-8?B?YWJj?=", "x-amz-meta-c": "Ã©" };
    expect((await post({ bucket, fields })).status).toBe(204);
    const { headers } = await send({ method: "HEAD", bucket, key: "k" });
    expect(["x-amz-meta-a", "x-amz-meta-b", "x-amz-meta-c"].map((name) => headers.get(name))).toEqual([
      "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=",
      "=?UTF-8?B?YWJj?=",
      "=?UTF-8?B?w4PCqQ==?=",
    ]);
  });

  it("PostObject inserts the file's name into the key before the policy is evaluated", async () => {
    const bucket = await createBucket();
    const key = `in/\${filename}`;
    const file = { content: "x", name: "C:\\dir\\photo.jpg" };
    const upload = { bucket, fields: { key }, uncovered: ["key"], file };
    expect((await post({ ...upload, conditions: [{ key: "in/photo.jpg" }] })).status).toBe(204);
    expect(await keysIn(bucket)).toEqual(["in/photo.jpg"]);
    await expectError(await post({ ...upload, conditions: [{ key }] }), 403, "AccessDenied", {
      message: `Invalid according to Policy: Policy Condition failed: ["eq", "$key", "in/\${filename}"]`,
    });
  });

  it("PostObject sets the tags of the tagging field", async () => {
    const bucket = await createBucket();
    const tag = (key: string, value: string) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`;
    const tagging = `<Tagging><TagSet>${tag("a", "1")}${tag("b", "2")}</TagSet></Tagging>`;
    expect((await post({ bucket, fields: { key: "k", tagging } })).status).toBe(204);
    const answer = await (await send({ bucket, key: "k", query: "tagging" })).text();
    expect(answer).toContain(`<TagSet>${tag("a", "1")}${tag("b", "2")}</TagSet>`);
  });

  it("PostObject refuses malformed tagging with MalformedXML", async () => {
    const bucket = await createBucket();
    await expectRefusal({ bucket, fields: { key: "k", tagging: "a=1" } }, 400, "MalformedXML");
  });

  it("PostObject stores no tags if the tagging field is another document", async () => {
    const bucket = await createBucket();
    expect((await post({ bucket, fields: { key: "k", tagging: "<Other/>" } })).status).toBe(204);
    expect(await (await send({ bucket, key: "k", query: "tagging" })).text()).toContain("<TagSet/>");
  });

  it("PostObject sets the ACL of the acl field", async () => {
    const bucket = await createBucket();
    expect((await post({ bucket, fields: { key: "k", acl: "private" } })).status).toBe(204);
    expect((await post({ bucket, fields: { key: "k", acl: "no-such-acl" } })).status).toBe(400);
  });

  it("PostObject refuses an unknown storage class with InvalidStorageClass", async () => {
    const bucket = await createBucket();
    const upload = { bucket, fields: { key: "k", "x-amz-storage-class": "FakeClass" } };
    await expectRefusal(upload, 400, "InvalidStorageClass", {
      message: /storage class/,
      details: { StorageClassRequested: "FakeClass" },
    });
  });

  it("PostObject refuses fields of features that are not offered with NotImplemented", async () => {
    const bucket = await createBucket();
    const name = "x-amz-object-lock-event-hold";
    await expectRefusal({ bucket, fields: { key: "k", [name]: "ON" } }, 501, "NotImplemented", {
      message: "A header you provided implies functionality that is not implemented",
      details: { Header: name },
    });
  });

  it("PostObject ignores a copy source in a field or header", async () => {
    const bucket = await createBucket();
    const copy = { "x-amz-copy-source": "/other-bucket/secret" };
    expect((await post({ bucket, fields: { key: "k", ...copy }, headers: copy, file: "own" })).status).toBe(204);
    expect(new TextDecoder().decode(await stored(bucket))).toBe("own");
  });

  it("PostObject ignores object properties in headers, which no policy covers", async () => {
    const bucket = await createBucket();
    const headers = { "x-amz-meta-a": "b", "x-amz-acl": "public-read", "cache-control": "max-age=60" };
    expect((await post({ bucket, headers })).status).toBe(204);
    const head = (await send({ method: "HEAD", bucket, key: "k" })).headers;
    expect([head.get("x-amz-meta-a"), head.get("cache-control")]).toEqual([null, null]);
    expect((await send({ bucket, key: "k", as: null })).status).toBe(403);
  });

  it("PostObject verifies the expected bucket owner", async () => {
    const headers = { "x-amz-expected-bucket-owner": "000000000000" };
    await expectRefusal({ bucket: await createBucket(), headers }, 403, "AccessDenied");
  });
});

describe("PostObject's form", () => {
  it("PostObject ignores fields after the file", async () => {
    const bucket = await createBucket();
    const after: FormEntry[] = [
      ["key", "other"],
      ["uncovered", "x"],
      ["file", { content: "second", name: "g" }],
    ];
    expect((await post({ bucket, after })).status).toBe(204);
    expect(await keysIn(bucket)).toEqual(["k"]);
    expect(new TextDecoder().decode(await stored(bucket))).toBe("content");
  });

  it("PostObject stores an empty file and one without a name", async () => {
    const bucket = await createBucket();
    expect((await post({ bucket, file: { content: "", name: "" } })).status).toBe(204);
    expect((await stored(bucket)).length).toBe(0);
    expect((await post({ bucket, file: { content: "x" } })).status).toBe(204);
    expect((await stored(bucket)).length).toBe(1);
  });

  it.each<[string, string, string, Record<string, string>?]>([
    ["an empty body", "", "MalformedPOSTRequest"],
    ["a body that is not a form", "key=k&file=x", "MalformedPOSTRequest"],
    [
      "a form without an end",
      new TextDecoder().decode(encodeForm([["key", "k"]], BOUNDARY, "\r\n")),
      "MalformedPOSTRequest",
    ],
    [
      "a form without a file",
      new TextDecoder().decode(encodeForm([["key", "k"]])),
      "InvalidArgument",
      { ArgumentName: "file", ArgumentValue: "0" },
    ],
    [
      "a form without a key",
      new TextDecoder().decode(encodeForm([["file", { content: "x" }]])),
      "InvalidArgument",
      { ArgumentName: "key", ArgumentValue: "" },
    ],
  ])("PostObject refuses %s", async (_what, body, code, details) => {
    const bucket = await createBucket();
    await expectRefusal({ bucket, body }, 400, code, { message: /POST/, ...(details && { details }) });
  });

  it("PostObject refuses a form without its closing boundary, even if the file is complete", async () => {
    const bucket = await createBucket();
    for (const size of [10, 2 * MIB]) {
      const body = encodeForm(
        [
          ...Object.entries(signedFields({ bucket })),
          ["file", { content: new Uint8Array(size), name: "f" }],
          ["submit", "x"],
        ],
        BOUNDARY,
        "\r\n",
      );
      await expectRefusal({ bucket, body }, 400, "MalformedPOSTRequest", { message: /well-formed/ });
    }
    expect((await env.STORE.list({ prefix: "~b/" })).objects).toEqual([]);
  });

  it("PostObject refuses more than 20 KB of fields with MaxPostPreDataLengthExceededError", async () => {
    const bucket = await createBucket();
    const fields = { key: "k", "x-ignore-a": "x".repeat(20_480) };
    await expectRefusal({ bucket, fields }, 400, "MaxPostPreDataLengthExceededError", {
      message: "Your POST request fields preceding the upload file were too large.",
      details: { MaxPostPreDataLengthBytes: "20480" },
    });
  });

  it("PostObject refuses more than 20 KB after the file", async () => {
    const bucket = await createBucket();
    for (const size of [10, 2 * MIB]) {
      const upload = { bucket, file: new Uint8Array(size), after: [["a", "x".repeat(20_480)]] as const };
      await expectRefusal(upload, 400, "MaxPostPreDataLengthExceededError", {
        message: "Your POST request fields following the upload file were too large.",
        details: { MaxPostPreDataLengthBytes: "20480" },
      });
    }
    expect((await env.STORE.list({ prefix: "~b/" })).objects).toEqual([]);
  });

  it("PostObject refuses a Content-Type without a boundary", async () => {
    const headers = { "content-type": "multipart/form-data" };
    await expectRefusal({ bucket: await createBucket(), headers }, 400, "MalformedPOSTRequest", { message: /POST/ });
  });

  it("PostObject reads a refused form to its end, so that the client receives the refusal", async () => {
    const bucket = await createBucket();
    let wasRead = false;
    const via = async (request: Request) => {
      const bytes = await request.bytes();
      const pieces = [bytes.subarray(0, 5000), bytes.subarray(5000, 1_000_000), bytes.subarray(1_000_000)];
      const body = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            const piece = pieces.shift();
            if (piece !== undefined) return controller.enqueue(piece);
            wasRead = true;
            controller.close();
          },
        },
        { highWaterMark: 0 },
      );
      const headers = new Headers(request.headers);
      headers.set("content-length", String(bytes.length));
      return handleRequest(new Request(request.url, { method: "POST", headers, body }), testEnv);
    };
    const file = new Uint8Array(2 * MIB);
    for (const upload of [
      { as: null },
      { conditions: [["content-length-range", 0, 1]] },
      { conditions: [{ key: "x" }] },
    ]) {
      wasRead = false;
      expect([400, 403]).toContain((await post({ bucket, file, via, ...upload })).status);
      expect(wasRead).toBe(true);
    }
  });

  it("PostObject requires the length of the form", async () => {
    const bucket = await createBucket();
    const via = (request: Request) => {
      const headers = new Headers(request.headers);
      headers.delete("content-length");
      const init = { method: "POST", headers, body: request.body };
      return handleRequest(new Request(request.url, init), testEnv);
    };
    await expectRefusal({ bucket, via }, 411, "MissingContentLength", { message: /Content-Length/ });
  });
});

describe("PostObject's signature", () => {
  it("PostObject refuses a signature of another secret with SignatureDoesNotMatch", async () => {
    const bucket = await createBucket();
    let policy = "";
    let signature = "";
    const change = (fields: Readonly<Record<string, string>>) => {
      policy = fields.policy ?? "";
      signature = fields["x-amz-signature"] ?? "";
      return {};
    };
    const response = await post({ bucket, policy: { secretAccessKey: "another" }, change });
    await expectError(response, 403, "SignatureDoesNotMatch", {
      message:
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
      details: {
        AWSAccessKeyId: ROOT.accessKeyId,
        StringToSign: policy,
        SignatureProvided: signature,
        StringToSignBytes: Buffer.from(policy)
          .toString("hex")
          .replaceAll(/(..)(?=.)/g, "$1 "),
      },
    });
    expect(await keysIn(bucket)).toEqual([]);
  });

  it.each<[string, (fields: Readonly<Record<string, string>>) => Record<string, string>]>([
    ["of a policy that was changed", ({ policy = "" }) => ({ policy: btoa(`${atob(policy)} `) })],
    ["in upper case", (fields) => ({ "x-amz-signature": (fields["x-amz-signature"] ?? "").toUpperCase() })],
    ["that is empty", () => ({ "x-amz-signature": "" })],
    [
      "of the policy's text instead of its base64",
      (fields) => {
        const day = (fields["x-amz-date"] ?? "").slice(0, 8);
        return { "x-amz-signature": policySignature(atob(fields.policy ?? ""), ROOT.secretAccessKey, day) };
      },
    ],
    [
      "for another region",
      (fields) => {
        const day = (fields["x-amz-date"] ?? "").slice(0, 8);
        return { "x-amz-signature": policySignature(fields.policy ?? "", ROOT.secretAccessKey, day, "eu-west-1/s3") };
      },
    ],
  ])("PostObject refuses a signature %s", async (_what, change) => {
    const bucket = await createBucket();
    const response = await post({ bucket, change });
    expect([response.status, /<Code>(\w+)/.exec(await response.text())?.[1]]).toEqual([403, "SignatureDoesNotMatch"]);
    expect(await keysIn(bucket)).toEqual([]);
  });

  it("PostObject refuses an unknown key with InvalidAccessKeyId", async () => {
    const as = { accessKeyId: "AKIANOBODY", secretAccessKey: "x" };
    await expectRefusal({ bucket: await createBucket(), as }, 403, "InvalidAccessKeyId", {
      message: "The AWS Access Key Id you provided does not exist in our records.",
      details: { AWSAccessKeyId: "AKIANOBODY" },
    });
  });

  it("PostObject refuses an invalid token with InvalidToken", async () => {
    const fields = { key: "k", "x-amz-security-token": "token" };
    await expectRefusal({ bucket: await createBucket(), fields }, 400, "InvalidToken", {
      message: "The provided token is malformed or otherwise invalid.",
      details: { "Token-0": "token" },
    });
  });

  it("PostObject reads the signing fields in any case", async () => {
    const bucket = await createBucket();
    const change = (fields: Readonly<Record<string, string>>) => ({
      ...Object.fromEntries(Object.keys(fields).map((name) => [name, undefined])),
      ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.toUpperCase(), value])),
    });
    expect((await post({ bucket, change })).status).toBe(204);
  });

  it("PostObject refuses an incomplete signature with InvalidArgument", async () => {
    const bucket = await createBucket();
    await expectRefusal({ bucket, change: () => ({ "x-amz-signature": undefined }) }, 400, "InvalidArgument", {
      message:
        "Bucket POST must contain a field named 'X-Amz-Signature'.  If it is specified, please check the order of the fields.",
      details: { ArgumentName: "X-Amz-Signature", ArgumentValue: "" },
    });
  });

  it("PostObject refuses an unsigned policy with AccessDenied", async () => {
    await expectRefusal(
      { bucket: await createBucket(), as: null, fields: { key: "k", policy: "e30=" } },
      403,
      "AccessDenied",
    );
  });

  it("PostObject refuses another signature of Version 2 with SignatureDoesNotMatch", async () => {
    const fields = { key: "k", AWSAccessKeyId: ROOT.accessKeyId, policy: "e30=", signature: "x" };
    await expectRefusal({ bucket: await createBucket(), as: null, fields }, 403, "SignatureDoesNotMatch", {
      message:
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
      details: {
        AWSAccessKeyId: ROOT.accessKeyId,
        StringToSign: "e30=",
        SignatureProvided: "x",
        StringToSignBytes: "65 33 30 3d",
      },
    });
  });

  it.each<[string, Pick<Upload, "headers" | "query">]>([
    [
      "an Authorization header",
      { headers: { authorization: "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=b, Signature=c" } },
    ],
    ["a presigned query", { query: `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=${encode("x")}` }],
    ["Version 2's query", { query: "AWSAccessKeyId=a&Signature=b&Expires=1" }],
  ])("PostObject refuses %s together with a form, signed or not", async (_what, extra) => {
    const bucket = await createBucket();
    for (const as of [ROOT, null]) {
      const message = /^Only one auth mechanism allowed/;
      const details = { ArgumentName: "Authorization", ArgumentValue: extra.headers?.authorization ?? "" };
      await expectRefusal({ bucket, as, ...extra }, 400, "InvalidArgument", { message, details });
    }
  });
});

describe("PostObject's policy", () => {
  const denied = (reason: string) => ({ message: `Invalid according to Policy: ${reason}` });

  it("PostObject refuses an expired policy with AccessDenied", async () => {
    const document = (signing: readonly object[]) => ({
      expiration: new Date(Date.now() - 1000).toISOString(),
      conditions: [["starts-with", "$key", ""], ["starts-with", "$bucket", ""], ...signing],
    });
    const upload = { bucket: await createBucket(), policy: { document } };
    await expectRefusal(upload, 403, "AccessDenied", denied("Policy expired."));
  });

  it("PostObject refuses a condition that does not hold with AccessDenied", async () => {
    const upload = { bucket: await createBucket(), conditions: [["eq", "$key", "other"]] };
    await expectRefusal(upload, 403, "AccessDenied", denied('Policy Condition failed: ["eq", "$key", "other"]'));
  });

  it("PostObject refuses a field without a condition with AccessDenied", async () => {
    const fields = { key: "k", "X-Amz-Meta-A": "1" };
    const upload = { bucket: await createBucket(), fields, uncovered: ["X-Amz-Meta-A"] };
    await expectRefusal(upload, 403, "AccessDenied", denied("Extra input fields: x-amz-meta-a"));
  });

  it("PostObject stores into the addressed bucket, even if a field names another", async () => {
    const [bucket, other] = await Promise.all([createBucket(), createBucket()]);
    const policy = {
      document: (signing: readonly object[]) => ({
        expiration: tomorrow(),
        conditions: [{ bucket: other }, ["starts-with", "$key", ""], ...signing],
      }),
    };
    // A policy for one bucket is invalid for another, even if the form names the first.
    await expectRefusal(
      { bucket, policy, fields: { key: "k", bucket: other } },
      403,
      "AccessDenied",
      denied(`Policy Condition failed: ["eq", "$bucket", "${other}"]`),
    );
    expect(
      (await post({ bucket, fields: { key: "k", bucket: other }, uncovered: ["bucket"], conditions: [{ bucket }] }))
        .status,
    ).toBe(204);
    expect([await keysIn(bucket), await keysIn(other)]).toEqual([["k"], []]);
  });

  it("PostObject refuses an invalid policy with InvalidPolicyDocument", async () => {
    const upload = { bucket: await createBucket(), policy: { document: '{"expiration": 1' } };
    await expectRefusal(upload, 400, "InvalidPolicyDocument", { message: "Invalid Policy: Invalid JSON." });
  });

  it("PostObject reveals nothing about the policy to an unknown key or a wrong signature", async () => {
    const upload = { bucket: await createBucket(), policy: { document: "{}", secretAccessKey: "another" } };
    const response = await post(upload);
    expect(/<Code>(\w+)/.exec(await response.text())?.[1]).toBe("SignatureDoesNotMatch");
  });

  const range = [["content-length-range", 5, 10]];
  it.each([5, 10])("PostObject accepts %i bytes where 5 to 10 are allowed", async (size) => {
    const bucket = await createBucket();
    expect((await post({ bucket, file: "x".repeat(size), conditions: range })).status).toBe(204);
  });

  it("PostObject refuses fewer with EntityTooSmall and more with EntityTooLarge", async () => {
    const bucket = await createBucket();
    await expectRefusal({ bucket, file: "1234", conditions: range }, 400, "EntityTooSmall", {
      message: "Your proposed upload is smaller than the minimum allowed size",
      details: { ProposedSize: "4", MinSizeAllowed: "5" },
    });
    await expectRefusal({ bucket, file: "x".repeat(12), conditions: range }, 400, "EntityTooLarge", {
      message: "Your proposed upload exceeds the maximum allowed size",
      details: { ProposedSize: "12", MaxSizeAllowed: "10" },
    });
  });

  it("PostObject enforces the range while it streams, and keeps nothing of a refused file", async () => {
    const bucket = await createBucket();
    const size = 2 * MIB;
    const upload = { bucket, file: noise(size) };
    // Only the first of these is known to be too large before the file is read.
    for (const max of [10, size - 30_000, size - 1]) {
      const conditions = [["content-length-range", 0, max]];
      await expectRefusal({ ...upload, conditions }, 400, "EntityTooLarge", {
        message: "Your proposed upload exceeds the maximum allowed size",
        details: { ProposedSize: String(size), MaxSizeAllowed: String(max) },
      });
    }
    const conditions = [["content-length-range", size + 1, 10 * MIB]];
    await expectRefusal({ ...upload, conditions }, 400, "EntityTooSmall", {
      message: "Your proposed upload is smaller than the minimum allowed size",
      details: { ProposedSize: String(size), MinSizeAllowed: String(size + 1) },
    });
    expect((await env.STORE.list({ prefix: "~b/" })).objects).toEqual([]);
    expect((await post({ ...upload, conditions: [["content-length-range", size, size]] })).status).toBe(204);
  });
});

describe("PostObject's file", () => {
  it.each([1, 64 * 1024, MIB - 1000, MIB, MIB + 1, 3 * MIB + 12_345])(
    "PostObject stores %i bytes as they are",
    async (size) => {
      const bucket = await createBucket();
      const file = noise(size, size);
      const response = await post({ bucket, file });
      expect([response.status, response.headers.get("etag")]).toEqual([204, `"${md5(file)}"`]);
      const got = await send({ method: "HEAD", bucket, key: "k" });
      expect([got.headers.get("etag"), got.headers.get("content-length")]).toEqual([`"${md5(file)}"`, String(size)]);
      expect(md5(await stored(bucket))).toBe(md5(file));
      expect(got.headers.get("x-amz-mp-parts-count")).toBeNull();
    },
  );

  it("PostObject's large file can be read in ranges and is listed with its size", async () => {
    const bucket = await createBucket();
    const file = noise(2 * MIB);
    await post({ bucket, file });
    for (const [first, last] of [
      [0, 10],
      [2 * MIB - 25_000, 2 * MIB - 1],
      [2 * MIB - 20_490, 2 * MIB - 20_000],
    ] as const) {
      const response = await send({ bucket, key: "k", headers: { range: `bytes=${first}-${last}` } });
      expect(response.status).toBe(206);
      expect(md5(await response.bytes())).toBe(md5(file.subarray(first, last + 1)));
    }
    const root = await documentOf(await send({ bucket }), "ListBucketResult");
    expect([texts(root, "Contents", "Size"), texts(root, "Contents", "ETag")]).toEqual([
      [String(2 * MIB)],
      [`"${md5(file)}"`],
    ]);
  });

  it("PostObject's large file may be followed by fields", async () => {
    const bucket = await createBucket();
    const file = noise(2 * MIB);
    for (const filler of [0, 1, 10_000, 20_000]) {
      const response = await post({ bucket, file, after: [["a", "x".repeat(filler)]] });
      expect([filler, response.status]).toEqual([filler, 204]);
      expect(md5(await stored(bucket))).toBe(md5(file));
    }
  });

  it.each(["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"])(
    "PostObject verifies and stores %s",
    async (algorithm) => {
      const bucket = await createBucket();
      const name = `x-amz-checksum-${algorithm.toLowerCase()}`;
      for (const size of [100, MIB + 1]) {
        const file = noise(size);
        const value = await checksumOf(algorithm, file);
        const response = await post({ bucket, fields: { key: "k", [name]: value }, file });
        expect([response.status, response.headers.get(name)]).toEqual([204, value]);
        const head = await send({ method: "HEAD", bucket, key: "k", headers: { "x-amz-checksum-mode": "ENABLED" } });
        expect([head.headers.get(name), head.headers.get("x-amz-checksum-type")]).toEqual([value, "FULL_OBJECT"]);

        const other = await createBucket();
        const wrong = { key: "k", [name]: `${value.startsWith("A") ? "B" : "A"}${value.slice(1)}` };
        await expectRefusal({ bucket: other, fields: wrong, file }, 400, "BadDigest", {
          message: `The ${algorithm} you specified did not match the calculated checksum.`,
        });
      }
    },
  );

  it("PostObject verifies Content-MD5 of the file part and as a field", async () => {
    const bucket = await createBucket();
    const file = noise(2 * MIB);
    const digest = createHash("md5").update(file).digest("base64");
    expect((await post({ bucket, fields: { key: "k", "Content-MD5": digest }, file })).status).toBe(204);
    const other = await createBucket();
    const upload = { bucket: other, fields: { key: "k", "Content-MD5": digest }, file: "x" };
    await expectRefusal(upload, 400, "BadDigest", {
      message: "The Content-MD5 you specified did not match what we received.",
      details: {
        ExpectedDigest: Buffer.from(digest, "base64").toString("hex"),
        CalculatedDigest: createHash("md5").update("x").digest("base64"),
      },
    });
    const headers = { "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==" };
    expect((await post({ bucket, headers })).status).toBe(204);
  });

  it("PostObject refuses two checksums and an invalid one with InvalidRequest", async () => {
    const bucket = await createBucket();
    const sha1 = await checksumOf("SHA1", "content");
    const sha256 = await checksumOf("SHA256", "content");
    await expectRefusal(
      { bucket, fields: { key: "k", "x-amz-checksum-sha1": sha1, "x-amz-checksum-sha256": sha256 } },
      400,
      "InvalidRequest",
      { message: "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed." },
    );
    await expectRefusal(
      { bucket, fields: { key: "k", "x-amz-checksum-sha256": "sailorjerry" } },
      400,
      "InvalidRequest",
      {
        message: "Value for x-amz-checksum-sha256 header is invalid.",
      },
    );
  });

  it("PostObject needs one R2 call up to 1 MiB and three above, and no D1 call once the isolate is warm", async () => {
    const bucket = await createBucket();
    const { env: counted, counts, reset } = countingEnv(testEnv);
    const via = (request: Request) => handDirectly(request, counted);
    await post({ bucket, via });
    for (const [size, r2] of [
      [1000, 1],
      [2 * MIB, 3],
    ] as const) {
      reset();
      expect((await post({ bucket, file: noise(size), via })).status).toBe(204);
      expect([size, counts.r2, counts.d1, counts.durableObject]).toEqual([size, r2, 0, 0]);
    }
  });
});
