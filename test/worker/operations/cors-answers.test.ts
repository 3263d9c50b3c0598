/** CORS headers on the answers to actual requests, successful or not. */
import { beforeAll, describe, expect, it } from "vitest";
import { configureCors, corsHeadersOf, VARY } from "../../support/cors.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { handDirectly, presign, putObject, type SendOptions, STYLES, send } from "../../support/request.ts";
import { createBucket, ROOT, testEnv } from "../../support/s3.ts";

const SITE = "https://app.example.com";
const RULES = [
  `<AllowedOrigin>${SITE}</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>
   <AllowedMethod>POST</AllowedMethod><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds>`,
  "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>HEAD</AllowedMethod>",
];
const GRANTED = {
  "access-control-allow-origin": SITE,
  "access-control-allow-methods": "GET, PUT, POST",
  "access-control-expose-headers": "ETag",
  "access-control-max-age": "60",
  "access-control-allow-credentials": "true",
  vary: VARY,
};
const ANY = { "access-control-allow-origin": "*", "access-control-allow-methods": "HEAD", vary: VARY };
const WRONG_SECRET = { ...ROOT, secretAccessKey: "wrong" };
const NOBODY = { accessKeyId: "AKIANOBODYNOBODYNOBO", secretAccessKey: "x" };

describe.each(STYLES)("answers to cross-origin requests, %s style", (style) => {
  let bucket = "";
  let plain = "";
  let etag = "";
  beforeAll(async () => {
    [bucket, plain] = await Promise.all([createBucket(), createBucket()]);
    await configureCors(bucket, ...RULES);
    etag = await putObject(bucket, "k", "content");
    await putObject(plain, "k", "content");
  });

  it.each<[why: string, status: number, request: SendOptions]>([
    ["GetObject", 200, { key: "k" }],
    ["a range", 206, { key: "k", headers: { range: "bytes=0-1" } }],
    ["ListObjectsV2", 200, { query: "list-type=2" }],
    ["GetBucketCors", 200, { query: "cors" }],
    ["PutObject", 200, { method: "PUT", key: "new", body: "x" }],
    ["NoSuchKey", 404, { key: "missing" }],
    ["InvalidRange", 416, { key: "k", headers: { range: "bytes=100-" } }],
    ["PreconditionFailed", 412, { key: "k", headers: { "if-match": '"other"' } }],
    ["AccessDenied, to an anonymous caller", 403, { key: "k", as: null }],
    ["AccessDenied, to an anonymous writer", 403, { method: "PUT", key: "k", body: "x", as: null }],
    ["SignatureDoesNotMatch", 403, { key: "k", as: WRONG_SECRET }],
    ["InvalidAccessKeyId", 403, { key: "k", as: NOBODY }],
    ["InvalidArgument", 400, { query: "max-keys=x" }],
    ["NoSuchUpload", 404, { key: "k", query: "uploadId=none" }],
    ["NoSuchLifecycleConfiguration", 404, { query: "lifecycle" }],
    ["NotImplemented", 501, { key: "k", query: "torrent" }],
  ])("have the headers of the rule: %s", async (_why, status, request) => {
    const response = await send({ ...request, bucket, style, headers: { ...request.headers, origin: SITE } });
    expect(response.status).toBe(status);
    expect(corsHeadersOf(response)).toEqual(GRANTED);
    await response.body?.cancel();
  });

  it("have them on 304, which has no body", async () => {
    const headers = { origin: SITE, "if-none-match": `"${etag}"` };
    const response = await send({ bucket, key: "k", style, headers });
    expect([response.status, await response.text()]).toEqual([304, ""]);
    expect(corsHeadersOf(response)).toEqual(GRANTED);
  });

  it.each([
    ["k", 200],
    ["missing", 404],
  ])("have them on HEAD, by the rule for HEAD: %s", async (key, status) => {
    const response = await send({ method: "HEAD", bucket, key, style, headers: { origin: "http://anybody" } });
    expect(response.status).toBe(status);
    expect(corsHeadersOf(response)).toEqual(ANY);
  });

  it.each<[why: string, request: SendOptions]>([
    ["another origin", { headers: { origin: "https://evil.example.org" } }],
    ["another method", { method: "DELETE", key: "gone", headers: { origin: SITE } }],
    ["no origin", {}],
    [
      "a requested method that no rule allows",
      { headers: { origin: SITE, "access-control-request-method": "DELETE" } },
    ],
    [
      "a requested header that no rule allows",
      { headers: { origin: SITE, "access-control-request-headers": "range" } },
    ],
  ])("have only Vary, and are otherwise the same: %s", async (_why, request) => {
    const response = await send({ key: "k", ...request, bucket, style });
    expect(response.status).toBe(request.method === "DELETE" ? 204 : 200);
    expect(corsHeadersOf(response)).toEqual({ vary: VARY });
    await response.body?.cancel();
  });

  // ceph/s3-tests, test_cors_origin_response.
  it("use Access-Control-Request-Method where the client sends it", async () => {
    const headers = { origin: "http://anybody", "access-control-request-method": "HEAD" };
    const response = await send({ method: "PUT", bucket, key: "k", style, headers, body: "x", as: null });
    expect(response.status).toBe(403);
    expect(corsHeadersOf(response)).toEqual(ANY);
  });

  it("have no CORS headers if the bucket has no rules or does not exist", async () => {
    const headers = { origin: SITE };
    for (const [name, status] of [
      [plain, 200],
      ["no-bucket-of-this-name", 404],
    ] as const) {
      const response = await send({ bucket: name, key: "k", style, headers });
      expect(response.status).toBe(status);
      expect(corsHeadersOf(response)).toEqual({});
      await response.body?.cancel();
    }
  });

  it("have them for presigned URLs", async () => {
    const url = await presign({ method: "PUT", bucket, key: "presigned", style });
    const request = new Request(url, { method: "PUT", headers: { origin: SITE }, body: "x" });
    const response = await handDirectly(request);
    expect(response.status).toBe(200);
    expect(corsHeadersOf(response)).toEqual(GRANTED);
    const expired = await handDirectly(new Request(`${url}0`, { method: "PUT", headers: { origin: SITE }, body: "x" }));
    expect(expired.status).toBe(403);
    expect(corsHeadersOf(expired)).toEqual(GRANTED);
  });
});

describe("CORS on real requests", () => {
  it("do not apply to ListBuckets", async () => {
    const response = await send({ headers: { origin: SITE } });
    expect(response.status).toBe(200);
    expect(corsHeadersOf(response)).toEqual({});
    await response.body?.cancel();
  });

  it("use the rules of the addressed bucket, not those of the copy source", async () => {
    const [from, to] = await Promise.all([createBucket(), createBucket()]);
    await configureCors(from, ...RULES);
    await putObject(from, "k", "content");
    const headers = { origin: SITE, "x-amz-copy-source": `/${from}/k` };
    const response = await send({ method: "PUT", bucket: to, key: "k", headers });
    expect(response.status).toBe(200);
    expect(corsHeadersOf(response)).toEqual({});
  });

  it("do not affect access: refused requests do nothing, allowed ones succeed for any origin", async () => {
    const bucket = await createBucket();
    await configureCors(bucket, ...RULES);
    const refused = await send({ method: "PUT", bucket, key: "a", body: "x", as: null, headers: { origin: SITE } });
    expect(refused.status).toBe(403);
    expect((await send({ bucket, key: "a" })).status).toBe(404);
    const evil = { origin: "https://evil.example.org" };
    expect((await send({ method: "PUT", bucket, key: "b", body: "x", headers: evil })).status).toBe(200);
    expect((await send({ bucket, key: "b" })).status).toBe(200);
  });

  it("need no additional call", async () => {
    const bucket = await createBucket();
    await configureCors(bucket, ...RULES);
    await putObject(bucket, "k", "content");
    const { env, counts, reset } = countingEnv(testEnv);
    const get = async () => (await send({ bucket, key: "k", headers: { origin: SITE }, env })).text();
    await get();
    reset();
    expect(await get()).toBe("content");
    expect(counts).toEqual({ r2: 1, d1: 0, durableObject: 0, queue: 0 });
  });
});
