/** CORS for the console's origin, on every surface, and for no other origin. */
import { beforeAll, describe, expect, it } from "vitest";
import { CONSOLE_ORIGIN, consoleEnv } from "../../support/console.ts";
import { signedFetch } from "../../support/control.ts";
import { configureCors, corsHeadersOf, VARY } from "../../support/cors.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { post } from "../../support/iam.ts";
import { HOST, handDirectly, presign, putObject, type SendOptions, STYLES, send } from "../../support/request.ts";
import { createBucket, ROOT, s3 } from "../../support/s3.ts";

const GRANTED = {
  "access-control-allow-origin": CONSOLE_ORIGIN,
  "access-control-expose-headers": "*",
  vary: "Origin",
};
const NOTHING = { vary: "Origin" };
const FROM_CONSOLE = { origin: CONSOLE_ORIGIN };
const MD5_OF_CONTENT = "9a0364b9e99bb480dd25e1f0284c8555";
const WRONG_SECRET = { ...ROOT, secretAccessKey: "wrong" };

/** Origins that a careless comparison would take for the console's. */
const NEAR_MISSES = [
  "http://console.example.com",
  "https://console.example.com:443",
  "https://console.example.com:8443",
  "https://Console.example.com",
  "HTTPS://console.example.com",
  "https://console.example.com.",
  "https://console.example.com/",
  "https://console.example.com.evil.example",
  "https://evil.example/https://console.example.com",
  "https://evilconsole.example.com",
  "https://a.console.example.com",
  "https://console.example",
  "https://example.com",
  "https://console.example.com https://evil.example",
  "https://console.example.com, https://console.example.com",
  "null",
  "*",
  "",
];

let bucket = "";
let account = "";
beforeAll(async () => {
  bucket = await createBucket();
  await putObject(bucket, "k", "content", { headers: { "x-amz-meta-colour": "red" } });
  account =
    (await (await s3("/-/admin/accounts")).json<{ accounts: { accountId: string }[] }>()).accounts[0]?.accountId ?? "";
});

const S3_ANSWERS: [what: string, status: number, request: SendOptions][] = [
  ["GetObject", 200, { key: "k" }],
  ["a range", 206, { key: "k", headers: { range: "bytes=0-1" } }],
  ["HeadObject", 200, { method: "HEAD", key: "k" }],
  ["PutObject", 200, { method: "PUT", key: "new", body: "x" }],
  ["DeleteObject", 204, { method: "DELETE", key: "absent" }],
  ["ListObjectsV2", 200, { query: "list-type=2" }],
  ["NoSuchKey", 404, { key: "missing" }],
  ["NoSuchBucket", 404, { bucket: "no-bucket-of-this-name", key: "k" }],
  ["AccessDenied", 403, { key: "k", as: null }],
  ["SignatureDoesNotMatch", 403, { key: "k", as: WRONG_SECRET }],
  ["InvalidAccessKeyId", 403, { key: "k", as: { accessKeyId: "AKIANOBODYNOBODYNOBO", secretAccessKey: "x" } }],
  ["InvalidArgument", 400, { query: "max-keys=x" }],
  ["NotModified", 304, { key: "k", headers: { "if-none-match": `"${MD5_OF_CONTENT}"` } }],
  ["NotImplemented", 501, { key: "k", query: "torrent" }],
];

describe.each(STYLES)("answers of S3 to the console, %s style", (style) => {
  it.each(S3_ANSWERS)("can be read: %s", async (_what, status, request) => {
    const options = { bucket, style, ...request, headers: { ...request.headers, ...FROM_CONSOLE }, env: consoleEnv };
    const response = await send(options);
    expect([response.status, corsHeadersOf(response)]).toEqual([status, GRANTED]);
    await response.body?.cancel();
  });
});

describe("answers of other surfaces to the console can be read", () => {
  it("ListBuckets", async () => {
    const response = await send({ headers: FROM_CONSOLE, env: consoleEnv });
    expect([response.status, corsHeadersOf(response)]).toEqual([200, GRANTED]);
    await response.body?.cancel();
  });

  it("a presigned URL", async () => {
    const url = await presign({ bucket, key: "k" });
    const response = await handDirectly(new Request(url, { headers: FROM_CONSOLE }), consoleEnv);
    expect([response.status, corsHeadersOf(response)]).toEqual([200, GRANTED]);
    await response.body?.cancel();
  });

  it.each([
    ["iam", "Action=ListUsers&Version=2010-05-08", 200],
    ["iam", "Action=NoSuchAction&Version=2010-05-08", 400],
    ["sts", "Action=GetCallerIdentity&Version=2011-06-15", 200],
    ["sns", "Action=ListTopics&Version=2010-03-31", 200],
    ["sns", "Action=GetTopicAttributes&Version=2010-03-31", 400],
  ] as const)("%s: %s", async (service, body, status) => {
    const response = await post({ service, body, headers: FROM_CONSOLE, env: consoleEnv });
    expect([response.status, corsHeadersOf(response)]).toEqual([status, GRANTED]);
    await response.body?.cancel();
  });

  it.each([
    ["an unsigned call of IAM", null, 403],
    ["a call with a wrong secret", WRONG_SECRET, 403],
  ])("%s", async (_what, as, status) => {
    const body = "Action=ListUsers&Version=2010-05-08";
    const response = await post({ body, as, headers: FROM_CONSOLE, env: consoleEnv });
    expect(corsHeadersOf(response)).toEqual(GRANTED);
    expect(response.status).toBe(as === null ? response.status : status);
    await response.body?.cancel();
  });

  it.each([
    ["/-/health", 200],
    ["/-/admin/accounts", 200],
    ["/-/admin/nothing", 404],
  ])("the admin API: %s", async (path, status) => {
    const response = await s3(path, { headers: FROM_CONSOLE, env: consoleEnv });
    expect([response.status, corsHeadersOf(response)]).toEqual([status, GRANTED]);
    await response.body?.cancel();
  });

  it("the admin API's refusal", async () => {
    const response = await s3("/-/admin/accounts", { headers: FROM_CONSOLE, key: null, env: consoleEnv });
    expect([response.status, corsHeadersOf(response)]).toEqual([403, GRANTED]);
  });

  it.each([
    ["ListTagsForResource", account, 200],
    ["its refusal", "000000000000", 403],
  ])("S3 Control: %s", async (_what, _account, status) => {
    const options = status === 200 ? {} : { accountId: "000000000000" };
    const response = await signedFetch({ bucket, ...options, headers: FROM_CONSOLE, env: consoleEnv });
    expect([response.status, corsHeadersOf(response)]).toEqual([status, GRANTED]);
    await response.body?.cancel();
  });
});

describe("preflights of the console", () => {
  const preflight = (path: string, headers: Record<string, string> = {}) => {
    const init = {
      method: "OPTIONS",
      headers: { ...FROM_CONSOLE, "access-control-request-method": "PUT", ...headers },
    };
    return new Request(`https://${HOST}${path}`, init);
  };

  it.each(["/", "/no-bucket-of-this-name/k", "/-/admin/accounts", "/v20180820/tags/x", "/b/k?uploads", "/%zz"])(
    "are answered without a look at anything stored: %s",
    async (path) => {
      const { env, counts } = countingEnv(consoleEnv);
      const headers = { "access-control-request-headers": "Authorization, x-amz-date,x-amz-meta-a" };
      const response = await handDirectly(preflight(path, headers), env);
      expect([response.status, await response.text(), corsHeadersOf(response)]).toEqual([
        204,
        "",
        {
          ...GRANTED,
          "access-control-allow-headers": "authorization, x-amz-date, x-amz-meta-a",
          "access-control-allow-methods": "GET, HEAD, PUT, POST, DELETE, PATCH",
          "access-control-max-age": "7200",
        },
      ]);
      expect(counts).toEqual({ r2: 0, d1: 0, durableObject: 0, queue: 0 });
    },
  );

  it("allow no header with an invalid name, and no more than a hundred", async () => {
    const bad = await handDirectly(preflight("/", { "access-control-request-headers": "a b, x-amz-date" }), consoleEnv);
    expect(bad.headers.get("access-control-allow-headers")).toBe("x-amz-date");
    const names = Array.from({ length: 101 }, (_, index) => `x-${index}`).join(",");
    const many = await handDirectly(preflight("/", { "access-control-request-headers": names }), consoleEnv);
    expect(many.headers.has("access-control-allow-headers")).toBe(false);
  });
});

describe("other origins", () => {
  it.each(NEAR_MISSES)("get nothing: %j", async (origin) => {
    const answer = await send({ bucket, key: "k", headers: { origin }, env: consoleEnv });
    expect([answer.status, corsHeadersOf(answer)]).toEqual([200, NOTHING]);
    await answer.body?.cancel();
    const admin = await s3("/-/admin/accounts", { headers: { origin }, env: consoleEnv });
    expect(corsHeadersOf(admin)).toEqual(NOTHING);
    await admin.body?.cancel();
    const init = { method: "OPTIONS", headers: { origin, "access-control-request-method": "GET" } };
    for (const path of [`/${bucket}/k`, "/-/admin/accounts", "/"]) {
      const refused = await handDirectly(new Request(`https://${HOST}${path}`, init), consoleEnv);
      expect(refused.status, path).toBeGreaterThanOrEqual(400);
      expect(corsHeadersOf(refused)).toEqual(NOTHING);
      await refused.body?.cancel();
    }
  });

  it("get nothing where no console is configured", async () => {
    const answer = await send({ bucket, key: "k", headers: FROM_CONSOLE });
    expect([answer.status, corsHeadersOf(answer)]).toEqual([200, {}]);
    await answer.body?.cancel();
  });

  it("get nothing of a website", async () => {
    const request = new Request("http://x.website.localhost/", { headers: FROM_CONSOLE });
    expect(corsHeadersOf(await handDirectly(request, consoleEnv))).toEqual({});
  });

  it("get what the rules of the bucket grant", async () => {
    const origin = "https://app.example.com";
    const own = await createBucket();
    const rule = `<AllowedOrigin>${origin}</AllowedOrigin><AllowedMethod>GET</AllowedMethod><ExposeHeader>ETag</ExposeHeader>`;
    await configureCors(own, rule);
    const answer = await send({ bucket: own, query: "list-type=2", headers: { origin }, env: consoleEnv });
    const expected = {
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET",
      "access-control-allow-origin": origin,
      "access-control-expose-headers": "ETag",
      vary: VARY,
    };
    expect(corsHeadersOf(answer)).toEqual(expected);
    await answer.body?.cancel();
    const init = { method: "OPTIONS", headers: { origin, "access-control-request-method": "GET" } };
    const allowed = await handDirectly(new Request(`https://${HOST}/${own}`, init), consoleEnv);
    expect([allowed.status, corsHeadersOf(allowed)]).toEqual([200, expected]);
  });
});

describe("rules of a bucket", () => {
  it.each(["*", CONSOLE_ORIGIN])("for %s give the console no credentials mode", async (allowed) => {
    const own = await createBucket();
    await configureCors(own, `<AllowedOrigin>${allowed}</AllowedOrigin><AllowedMethod>GET</AllowedMethod>`);
    const answer = await send({ bucket: own, query: "list-type=2", headers: FROM_CONSOLE, env: consoleEnv });
    expect(corsHeadersOf(answer)).toEqual({ ...GRANTED, vary: VARY });
    await answer.body?.cancel();
  });
});

it("a request to S3 costs the same with a console and without", async () => {
  const { env, counts, reset } = countingEnv(consoleEnv);
  await (await send({ bucket, key: "k", env })).text();
  reset();
  const response = await send({ bucket, key: "k", headers: FROM_CONSOLE, env });
  await response.text();
  expect(counts).toEqual({ r2: 1, d1: 0, durableObject: 0, queue: 0 });
});
