/** "OPTIONS object" (RESTOPTIONSobject); errors as LocalStack's tests recorded them on AWS. */
import { beforeAll, describe, expect, it } from "vitest";
import { configureCors, corsHeadersOf, VARY } from "../../support/cors.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { expectError } from "../../support/errors.ts";
import { handDirectly, presign, putObject, type SendOptions, STYLES, send, urlOf } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";

const SITE = "http://www.example.com";
const ORIGIN = "Origin";
const METHOD = "Access-Control-Request-Method";
const HEADERS = "Access-Control-Request-Headers";
const NOT_ALLOWED =
  "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.";

const preflight = (options: SendOptions) => send({ ...options, method: "OPTIONS", as: null });

describe.each(STYLES)("a preflight, %s style", (style) => {
  let bucket = "";
  let plain = "";
  beforeAll(async () => {
    [bucket, plain] = await Promise.all([createBucket(), createBucket()]);
    await configureCors(
      bucket,
      `<AllowedOrigin>${SITE}</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedMethod>POST</AllowedMethod>
       <AllowedHeader>x-amz-*</AllowedHeader><AllowedHeader>Content-Type</AllowedHeader>
       <ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-amz-request-id</ExposeHeader><MaxAgeSeconds>3000</MaxAgeSeconds>`,
      "<AllowedOrigin>https://*.example.com</AllowedOrigin><AllowedMethod>GET</AllowedMethod>",
      "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>HEAD</AllowedMethod>",
    );
  });
  const granted = {
    "access-control-allow-origin": SITE,
    "access-control-allow-methods": "PUT, POST",
    "access-control-expose-headers": "ETag, x-amz-request-id",
    "access-control-max-age": "3000",
    "access-control-allow-credentials": "true",
    vary: VARY,
  };

  it.each<[why: string, headers: Record<string, string>, expected: Record<string, string>]>([
    ["a method", { [ORIGIN]: SITE, [METHOD]: "PUT" }, granted],
    ["another method of the rule", { [ORIGIN]: SITE, [METHOD]: "POST" }, granted],
    [
      "headers, as browsers write them",
      { [ORIGIN]: SITE, [METHOD]: "PUT", [HEADERS]: "content-type,x-amz-meta-a" },
      { ...granted, "access-control-allow-headers": "content-type, x-amz-meta-a" },
    ],
    [
      "headers in other cases, with blanks",
      { [ORIGIN]: SITE, [METHOD]: "PUT", [HEADERS]: "X-Amz-Date , CONTENT-TYPE" },
      { ...granted, "access-control-allow-headers": "x-amz-date, content-type" },
    ],
    ["an empty list of headers", { [ORIGIN]: SITE, [METHOD]: "PUT", [HEADERS]: "" }, granted],
    [
      "an origin with a *",
      { [ORIGIN]: "https://a.example.com", [METHOD]: "GET" },
      {
        "access-control-allow-origin": "https://a.example.com",
        "access-control-allow-methods": "GET",
        "access-control-allow-credentials": "true",
        vary: VARY,
      },
    ],
    [
      "any origin, which has no credentials",
      { [ORIGIN]: "null", [METHOD]: "HEAD" },
      { "access-control-allow-origin": "*", "access-control-allow-methods": "HEAD", vary: VARY },
    ],
  ])("is answered for a key and for the bucket: %s", async (_why, headers, expected) => {
    for (const key of ["dir/k e y", undefined]) {
      const response = await preflight({ bucket, style, headers, ...(key !== undefined && { key }) });
      expect([response.status, await response.text()]).toEqual([200, ""]);
      expect(corsHeadersOf(response)).toEqual(expected);
      expect(response.headers.get("x-amz-request-id")).toMatch(/^[0-9A-F]{16}$/);
    }
  });

  it.each<[why: string, headers: Record<string, string>]>([
    ["another origin", { [ORIGIN]: "http://evil.example.org", [METHOD]: "PUT" }],
    ["another scheme", { [ORIGIN]: "https://www.example.com", [METHOD]: "PUT" }],
    ["a port", { [ORIGIN]: `${SITE}:80`, [METHOD]: "PUT" }],
    ["the origin of one rule, the method of another", { [ORIGIN]: SITE, [METHOD]: "GET" }],
    ["a method of no rule", { [ORIGIN]: SITE, [METHOD]: "DELETE" }],
    ["a header of no rule", { [ORIGIN]: SITE, [METHOD]: "PUT", [HEADERS]: "x-amz-date,authorization" }],
    ["a header where the rule has none", { [ORIGIN]: "https://a.example.com", [METHOD]: "GET", [HEADERS]: "range" }],
  ])("is refused for a key and for the bucket with AccessForbidden: %s", async (_why, headers) => {
    for (const key of ["k", undefined]) {
      const target = { bucket, style, ...(key !== undefined && { key }) };
      const response = await preflight({ ...target, headers });
      expect(corsHeadersOf(response)).toEqual({ vary: VARY });
      await expectError(response, 403, "AccessForbidden", {
        message: NOT_ALLOWED,
        details: { Method: headers[METHOD] ?? "", ResourceType: key === undefined ? "BUCKET" : "OBJECT" },
      });
    }
  });

  it.each<[why: string, headers: Record<string, string>, message: string]>([
    ["no Origin", { [METHOD]: "PUT" }, "Insufficient information. Origin request header needed."],
    ["no header at all", {}, "Insufficient information. Origin request header needed."],
    ["an unsupported method", { [ORIGIN]: SITE, [METHOD]: "PATCH" }, "Invalid Access-Control-Request-Method: PATCH"],
    ["OPTIONS itself", { [ORIGIN]: SITE, [METHOD]: "OPTIONS" }, "Invalid Access-Control-Request-Method: OPTIONS"],
    ["a method in lower case", { [ORIGIN]: SITE, [METHOD]: "put" }, "Invalid Access-Control-Request-Method: put"],
    ["no method", { [ORIGIN]: SITE }, "Invalid Access-Control-Request-Method: null"],
    [
      "an invalid header name",
      { [ORIGIN]: SITE, [METHOD]: "PUT", "access-control-request-headers": "x-amz-date, two words" },
      'Access-Control-Request-Headers "two words" contains invalid character.',
    ],
  ])("is refused with BadRequest: %s", async (_why, headers, message) => {
    const target = { bucket, key: "k", style };
    const response = await preflight({ ...target, headers });
    expect(corsHeadersOf(response)).toEqual({ vary: VARY });
    await expectError(response, 400, "BadRequest", { message });
  });

  it.each([
    ["PUT", "PUT"],
    [undefined, "OPTIONS"],
  ])("is refused with AccessForbidden by a bucket without rules, for %s", async (method, named) => {
    const target = { bucket: plain, key: "k", style };
    const headers = { [ORIGIN]: SITE, ...(method !== undefined && { [METHOD]: method }) };
    const response = await preflight({ ...target, headers });
    expect(corsHeadersOf(response)).toEqual({});
    await expectError(response, 403, "AccessForbidden", {
      message: "CORSResponse: CORS is not enabled for this bucket.",
      details: { Method: named, ResourceType: "BUCKET" },
    });
  });

  it.each(["no-bucket-of-this-name", "not_a_name"])(
    "is refused with AccessForbidden if the bucket does not exist: %s",
    async (name) => {
      const target = { bucket: name, key: "k", style };
      const response = await preflight({ ...target, headers: { [ORIGIN]: SITE, [METHOD]: "PUT" } });
      await expectError(response, 403, "AccessForbidden", {
        message: "CORSResponse: Bucket not found",
        details: { Method: "PUT", ResourceType: "BUCKET" },
      });
    },
  );
});

describe("a preflight", () => {
  const rule = `<AllowedOrigin>${SITE}</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>`;
  const headers = { [ORIGIN]: SITE, [METHOD]: "PUT" };

  it("for the service is refused with AccessForbidden", async () => {
    await expectError(await preflight({ headers }), 403, "AccessForbidden", {
      message: "CORSResponse: Bucket not found",
      details: { Method: "PUT", ResourceType: "BUCKET" },
    });
  });

  it.each([
    ["a presigned URL", async (bucket: string) => presign({ method: "PUT", bucket, key: "k" })],
    ["a forged signature", async (bucket: string) => `${urlOf({ bucket, key: "k" })}?X-Amz-Signature=00`],
    ["a subresource", async (bucket: string) => `${urlOf({ bucket, key: "k" })}?acl&tagging`],
  ])("is answered by the bucket's rules regardless of the query: %s", async (_why, makeUrl) => {
    const bucket = await createBucket();
    const url = await makeUrl(bucket);
    const ask = (more: Record<string, string>) => handDirectly(new Request(url, { method: "OPTIONS", headers: more }));
    expect((await ask({})).status).toBe(400);
    expect((await ask(headers)).status).toBe(403);
    await configureCors(bucket, rule);
    expect((await ask(headers)).status).toBe(200);
  });

  it("is not authenticated: a signature, valid or not, changes nothing", async () => {
    const bucket = await createBucket();
    await configureCors(bucket, rule);
    const bad = { accessKeyId: "AKIAROOTROOTROOTROOT", secretAccessKey: "wrong" };
    expect((await send({ method: "OPTIONS", bucket, key: "k", headers })).status).toBe(200);
    expect((await send({ method: "OPTIONS", bucket, key: "k", headers, as: bad })).status).toBe(200);
    const nonsense = { ...headers, authorization: "AWS4-HMAC-SHA256 nonsense" };
    expect((await preflight({ bucket, key: "k", headers: nonsense })).status).toBe(200);
  });

  it("does nothing and returns nothing else: a body, a copy source and a missing key do not matter", async () => {
    const bucket = await createBucket();
    await configureCors(bucket, rule);
    await putObject(bucket, "k", "content");
    const copy = { ...headers, "x-amz-copy-source": `/${bucket}/k` };
    for (const key of ["k", "missing"]) {
      const response = await preflight({ bucket, key, headers: copy, body: "not looked at" });
      expect([response.status, await response.text(), response.headers.get("etag")]).toEqual([200, "", null]);
    }
    expect(await (await send({ bucket, key: "k" })).text()).toBe("content");
    expect((await send({ bucket, key: "missing" })).status).toBe(404);
  });

  it("never calls R2, and D1 only once while the bucket's row is cached", async () => {
    const bucket = await createBucket();
    await configureCors(bucket, rule);
    const { env, counts, reset } = countingEnv(testEnv);
    for (const expected of [1, 0]) {
      reset();
      expect((await preflight({ bucket, key: "k", headers, env })).status).toBe(200);
      expect(counts).toEqual({ r2: 0, d1: expected, durableObject: 0, queue: 0 });
    }
  });

  it("is answered by new rules at once, in the isolate that stored them", async () => {
    const bucket = await createBucket();
    await configureCors(bucket, rule);
    expect((await preflight({ bucket, headers })).status).toBe(200);
    await configureCors(bucket, "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>");
    expect((await preflight({ bucket, headers })).status).toBe(403);
    expect((await send({ method: "DELETE", bucket, query: "cors" })).status).toBe(204);
    expect(await (await preflight({ bucket, headers })).text()).toContain("CORS is not enabled for this bucket.");
  });
});
