/** `EDGE_CACHE = "public"`: which answers are kept in the cache of a data center, and which requests they answer. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MAX_CACHED_BYTES } from "../../src/edge-cache.ts";
import type { Env } from "../../src/env.ts";
import { configureCors } from "../support/cors.ts";
import { countingEnv } from "../support/counting-env.ts";
import { md5 } from "../support/multipart.ts";
import { presign, putObject, type SendOptions, send } from "../support/request.ts";
import { createBucket, errorOf, ROOT, testEnv } from "../support/s3.ts";
import { signV2 } from "../support/signer-v2.ts";
import { createVersionedBucket, putVersion } from "../support/versions.ts";
import { configureWebsite, makePublic, visit } from "../support/website.ts";
import { handDirectly } from "../support/worker.ts";

const PUBLIC = { "cache-control": "public, max-age=3600" };
const CONTENT = "0123456789";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const passSeconds = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);

function cachingEnv(changes: Partial<Env> = {}) {
  return countingEnv({ ...testEnv, EDGE_CACHE: "public", EDGE_CACHE_SECONDS: "600", ...changes });
}

const { env } = cachingEnv();

type Options = Omit<SendOptions, "env">;
const get = (options: Options) => send({ as: null, env, ...options });
const isHit = (response: Response) => response.headers.has("age");

async function statusAndText(response: Response): Promise<[status: number, text: string]> {
  return [response.status, await response.text()];
}

/** Waits until what earlier requests store is stored: copies end in the order in which they began. */
async function stored(): Promise<void> {
  const bucket = await createBucket();
  await putObject(bucket, "k", "x", { headers: { ...PUBLIC, "x-amz-acl": "public-read" } });
  await vi.waitFor(async () => {
    const response = await get({ bucket, key: "k" });
    await response.text();
    expect(isHit(response)).toBe(true);
  });
}

/** Sends a request and then, once it could have been stored, another. */
async function twice(first: () => Promise<Response>, second = first): Promise<[Response, Response]> {
  const one = await first();
  const body = await one.arrayBuffer();
  await stored();
  const two = await second();
  return [new Response(one.status === 304 ? null : body, { status: one.status, headers: one.headers }), two];
}

async function publicObject(headers: Record<string, string> = PUBLIC, body: string | Uint8Array = CONTENT) {
  const bucket = await createBucket();
  await putObject(bucket, "k", body, { headers: { ...headers, "x-amz-acl": "public-read" } });
  return bucket;
}

/** A bucket whose object is in the cache. */
async function cachedObject(headers: Record<string, string> = PUBLIC, body: string | Uint8Array = CONTENT) {
  const bucket = await publicObject(headers, body);
  const [, again] = await twice(() => get({ bucket, key: "k" }));
  await again.body?.cancel();
  expect(isHit(again)).toBe(true);
  return bucket;
}

describe("a public object that shared caches may keep", () => {
  it("is answered from the cache without a call to R2 or D1, with the same headers and its age", async () => {
    const bucket = await publicObject({ ...PUBLIC, "x-amz-meta-name": "värde", "content-type": "text/plain" });
    const [first, second] = await twice(() => get({ bucket, key: "k" }));
    const { counts, env: cold } = cachingEnv();
    passSeconds(5);
    const third = await send({ bucket, key: "k", as: null, env: cold });
    expect(counts).toEqual({ r2: 0, d1: 0, durableObject: 0, queue: 0 });
    const own = ["x-amz-request-id", "x-amz-id-2", "date", "age"];
    const shared = (response: Response) => [...response.headers].filter(([name]) => !own.includes(name));
    for (const hit of [second, third]) {
      expect(await statusAndText(hit)).toEqual([200, CONTENT]);
      expect(shared(hit)).toEqual(shared(first));
      expect(hit.headers.get("x-amz-request-id")).not.toBe(first.headers.get("x-amz-request-id"));
    }
    expect([first, second, third].map(({ headers }) => headers.get("age"))).toEqual([null, "0", "5"]);
  });

  it("is not kept unless it is switched on", async () => {
    const bucket = await publicObject();
    for (const { env: off } of [countingEnv(testEnv), cachingEnv({ EDGE_CACHE: "off" })]) {
      const [, second] = await twice(() => send({ bucket, key: "k", as: null, env: off }));
      expect(isHit(second)).toBe(false);
    }
  });

  it.each([
    ["its Cache-Control", "max-age=30", "600", 30],
    ["its s-maxage before its max-age", "s-maxage=20, max-age=3600", "600", 20],
    ["EDGE_CACHE_SECONDS", "max-age=3600", "45", 45],
  ])("is kept no longer than %s says", async (_name, cacheControl, EDGE_CACHE_SECONDS, seconds) => {
    const limited = cachingEnv({ EDGE_CACHE_SECONDS }).env;
    const bucket = await publicObject({ "cache-control": cacheControl });
    const request = () => send({ bucket, key: "k", as: null, env: limited });
    await (await request()).text();
    await stored();
    passSeconds(seconds - 2);
    expect(isHit(await request())).toBe(true);
    passSeconds(2);
    expect(isHit(await request())).toBe(false);
  });

  it("is kept no longer than a limit that was lowered since", async () => {
    const bucket = await cachedObject();
    passSeconds(10);
    const lowered = cachingEnv({ EDGE_CACHE_SECONDS: "5" }).env;
    expect(isHit(await send({ bucket, key: "k", as: null, env: lowered }))).toBe(false);
  });

  it.each([undefined, "public", "private, max-age=60", "no-store", "no-cache, max-age=60", "max-age=0"])(
    "is not kept with Cache-Control %s",
    async (cacheControl) => {
      const bucket = await publicObject(cacheControl === undefined ? {} : { "cache-control": cacheControl });
      const [, second] = await twice(() => get({ bucket, key: "k" }));
      expect(isHit(second)).toBe(false);
    },
  );

  it("is not kept if it is coded, empty or large", async () => {
    for (const [headers, body] of [
      [{ "content-encoding": "gzip" }, CONTENT],
      [{}, ""],
      [{}, new Uint8Array(MAX_CACHED_BYTES + 1)],
    ] as const) {
      const bucket = await publicObject({ ...PUBLIC, ...headers }, body);
      const [, second] = await twice(() => get({ bucket, key: "k" }));
      await second.body?.cancel();
      expect(isHit(second)).toBe(false);
    }
  });

  it("is answered in ranges, and HEAD without its body", async () => {
    const bucket = await cachedObject();
    for (const [range, contentRange, text] of [
      ["bytes=2-4", "bytes 2-4/10", "234"],
      ["bytes=7-", "bytes 7-9/10", "789"],
      ["bytes=-3", "bytes 7-9/10", "789"],
      ["bytes=5-99", "bytes 5-9/10", "56789"],
    ] as const) {
      const part = await get({ bucket, key: "k", headers: { range } });
      expect([isHit(part), part.headers.get("content-range")]).toEqual([true, contentRange]);
      expect(part.headers.get("content-length")).toBe(String(text.length));
      expect(await statusAndText(part)).toEqual([206, text]);
    }
    const head = await get({ method: "HEAD", bucket, key: "k" });
    expect([isHit(head), head.status, head.headers.get("content-length")]).toEqual([true, 200, "10"]);
    expect(await head.text()).toBe("");
  });

  it("is judged by S3 for ranges and conditions that are not met or not simple", async () => {
    const bucket = await cachedObject();
    const answer = async (headers: Record<string, string>, method = "GET") => {
      const response = await get({ method, bucket, key: "k", headers });
      await response.body?.cancel();
      return [isHit(response), response.status];
    };
    expect(await answer({ range: "bytes=10-" })).toEqual([false, 416]);
    expect(await answer({ range: "bytes=0-1,3-4" })).toEqual([false, 200]);
    expect(await answer({ range: "bytes=4-2" })).toEqual([false, 200]);
    expect(await answer({ range: "bytes=0-1" }, "HEAD")).toEqual([false, 206]);
    expect(await answer({ range: "bytes=0-1", "if-range": '"other"' })).toEqual([false, expect.any(Number)]);
    expect(await answer({ "if-match": '"other"' })).toEqual([false, 412]);
  });

  it("is answered with 304 where a condition says so, from the cache", async () => {
    const bucket = await cachedObject();
    const { headers } = await get({ method: "HEAD", bucket, key: "k" });
    const etag = headers.get("etag") ?? "";
    for (const condition of [{ "if-none-match": etag }, { "if-modified-since": headers.get("last-modified") ?? "" }]) {
      const response = await get({ bucket, key: "k", headers: condition });
      expect([isHit(response), response.status, response.headers.get("content-length")]).toEqual([true, 304, null]);
      expect(response.headers.get("etag")).toBe(etag);
    }
    const other = await get({ bucket, key: "k", headers: { "if-none-match": '"other"' } });
    expect([isHit(other), ...(await statusAndText(other))]).toEqual([true, 200, CONTENT]);
  });

  it("is never stored from a range, a condition or a HEAD", async () => {
    const whole = (bucket: string) => () => get({ bucket, key: "k" });
    for (const request of [
      { headers: { range: "bytes=0-1" } },
      { headers: { "if-none-match": '"other"' } },
      { headers: { "if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT" } },
      { method: "HEAD" },
    ]) {
      const bucket = await publicObject();
      const [, second] = await twice(() => get({ ...request, bucket, key: "k" }), whole(bucket));
      expect([isHit(second), ...(await statusAndText(second))]).toEqual([false, 200, CONTENT]);
    }
  });

  it("is forgotten in this data center when it is written or deleted through the same URL", async () => {
    const bucket = await cachedObject();
    await putObject(bucket, "k", "new", { env, headers: { ...PUBLIC, "x-amz-acl": "public-read" } });
    await stored();
    expect(await (await get({ bucket, key: "k" })).text()).toBe("new");
    await stored();
    expect(isHit(await get({ bucket, key: "k" }))).toBe(true);
    expect((await send({ method: "DELETE", bucket, key: "k", env })).status).toBe(204);
    await stored();
    expect((await get({ bucket, key: "k" })).status).toBe(403);
  });

  it("is the current version, and answers for no other one", async () => {
    const bucket = await createVersionedBucket();
    const headers = { ...PUBLIC, "x-amz-acl": "public-read" };
    const old = await putVersion(bucket, "k", "old version", { headers });
    const current = await putVersion(bucket, "k", CONTENT, { headers });
    const [, hit] = await twice(() => get({ bucket, key: "k" }));
    expect([isHit(hit), hit.headers.get("x-amz-version-id"), await hit.text()]).toEqual([true, current, CONTENT]);
    const [, named] = await twice(() => get({ bucket, key: "k", query: `versionId=${old}` }));
    expect([isHit(named), await named.text()]).toEqual([false, "old version"]);
    const again = await get({ bucket, key: "k" });
    expect([isHit(again), await again.text()]).toEqual([true, CONTENT]);
    // A delete marker takes its place.
    await send({ method: "DELETE", bucket, key: "k", env });
    await vi.waitFor(async () => expect((await get({ bucket, key: "k" })).status).toBe(403));
  });

  it("is kept after it became private for the stated time at most", async () => {
    const bucket = await cachedObject();
    // Through another URL.
    const acl = { method: "PUT", bucket, key: "k", query: "acl", headers: { "x-amz-acl": "private" } };
    expect((await send({ ...acl, style: "virtual-host", env })).status).toBe(200);
    await stored();
    expect(isHit(await get({ bucket, key: "k" }))).toBe(true);
    passSeconds(600);
    expect((await get({ bucket, key: "k" })).status).toBe(403);
  });
});

describe("a request with a signature", () => {
  it("is never answered from the cache, and its answer is never stored", async () => {
    const bucket = await cachedObject();
    const signed = await send({ bucket, key: "k", env });
    expect([isHit(signed), ...(await statusAndText(signed))]).toEqual([false, 200, CONTENT]);

    const secret = await createBucket();
    await putObject(secret, "k", "secret", { headers: PUBLIC });
    const url = `http://s3.localhost:8787/${secret}/k`;
    const v2 = signV2(ROOT, { method: "GET", url });
    for (const request of [
      () => send({ bucket: secret, key: "k", env }),
      async () => handDirectly(new Request(await presign({ bucket: secret, key: "k" })), env),
      () => handDirectly(new Request(url, { headers: v2 }), env),
    ]) {
      const [first, second] = await twice(request, () => get({ bucket: secret, key: "k" }));
      expect(await statusAndText(first)).toEqual([200, "secret"]);
      expect(await errorOf(second)).toMatchObject({ status: 403, code: "AccessDenied" });
    }
  });

  it("is refused as always if it is wrong, although the object is in the cache", async () => {
    const bucket = await cachedObject();
    for (const options of [
      { as: { ...ROOT, secretAccessKey: "wrong" } },
      { headers: { authorization: "AWS unknown:signature" } },
      { headers: { "x-amz-expected-bucket-owner": "000000000000" } },
      { query: "X-Amz-Signature=0&X-Amz-Algorithm=AWS4-HMAC-SHA256" },
      { query: "response-content-type=text/html" },
      { query: "versionId=unknown" },
    ]) {
      const response = await get({ bucket, key: "k", ...options });
      await response.body?.cancel();
      expect([isHit(response), response.status]).toEqual([false, expect.toSatisfy((status) => status >= 400)]);
    }
  });
});

describe("an answer that depends on more than the object", () => {
  const allow = (bucket: string, more: object) =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${bucket}/*`, ...more },
      ],
    });

  it.each<[string, (bucket: string) => object, isStored: boolean]>([
    ["no condition", () => ({}), true],
    ["the address", () => ({ Condition: { NotIpAddress: { "aws:SourceIp": "10.0.0.0/8" } } }), false],
    ["the referrer", () => ({ Condition: { StringLike: { "aws:Referer": "https://a.example/*" } } }), false],
    ["the user agent", () => ({ Condition: { StringLike: { "aws:UserAgent": "*" } } }), false],
    ["the time", () => ({ Condition: { DateLessThan: { "aws:CurrentTime": "2999-01-01T00:00:00Z" } } }), false],
    ["the transport", () => ({ Condition: { Bool: { "aws:SecureTransport": "false" } } }), false],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a policy variable
    ["a variable", (bucket) => ({ Resource: [`arn:aws:s3:::${bucket}/k`, "arn:aws:s3:::${aws:UserAgent}/k"] }), false],
  ])("is stored only if the policy has no condition: %s", async (_name, more, isStored) => {
    const bucket = await createBucket();
    await putObject(bucket, "k", CONTENT, { headers: PUBLIC });
    const body = allow(bucket, more(bucket));
    expect((await send({ method: "PUT", bucket, query: "policy", body })).status).toBe(204);
    const headers = { "cf-connecting-ip": "192.0.2.1", referer: "https://a.example/page", "user-agent": "test" };
    const [first, second] = await twice(() => get({ bucket, key: "k", headers }));
    expect(await statusAndText(first)).toEqual([200, CONTENT]);
    expect(isHit(second)).toBe(isStored);
  });

  it("is not stored if a Deny has a condition, even for an object whose ACL is public", async () => {
    const bucket = await publicObject();
    const deny = { Effect: "Deny", Condition: { IpAddress: { "aws:SourceIp": "192.0.2.0/24" } } };
    expect((await send({ method: "PUT", bucket, query: "policy", body: allow(bucket, deny) })).status).toBe(204);
    const [, second] = await twice(() => get({ bucket, key: "k" }));
    expect(isHit(second)).toBe(false);
    const denied = await get({ bucket, key: "k", headers: { "cf-connecting-ip": "192.0.2.1" } });
    expect(denied.status).toBe(403);
  });

  it("is not stored if it is an error", async () => {
    const bucket = await createBucket();
    await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
    const [first, second] = await twice(() => get({ bucket, key: "absent" }));
    expect([first.status, second.status, isHit(second)]).toEqual([404, 404, false]);
  });
});

describe("the key", () => {
  it("contains scheme, host, style and path as sent", async () => {
    const bucket = await cachedObject();
    const hit = async (url: string) => isHit(await handDirectly(new Request(url), env));
    const host = "s3.localhost:8787";
    expect(await hit(`http://${host}/${bucket}/k`)).toBe(true);
    for (const other of [
      `https://${host}/${bucket}/k`,
      `http://${bucket}.${host}/k`,
      `http://${host}/${bucket}/%6B`,
      `http://${host}/${bucket}//k`,
      `http://${host}/${bucket}/k?x-id=GetObject`,
      `http://${bucket}.website.localhost:8787/k`,
    ]) {
      expect([other, await hit(other)]).toEqual([other, false]);
    }
  });

  it("contains Origin, so that no origin gets the permission of another", async () => {
    const bucket = await publicObject();
    await configureCors(bucket, "<AllowedOrigin>https://*.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod>");
    const from = (origin: string, method = "GET") => get({ method, bucket, key: "k", headers: { origin } });
    const [, hit] = await twice(() => from("https://a.example"));
    const seen = ({ headers }: Response) => [headers.has("age"), headers.get("access-control-allow-origin")];
    expect(seen(hit)).toEqual([true, "https://a.example"]);
    expect(hit.headers.get("vary")).toContain("Origin");
    expect(seen(await from("https://b.example"))).toEqual([false, "https://b.example"]);
    expect(seen(await from("https://a.other"))).toEqual([false, null]);
    expect(seen(await get({ bucket, key: "k" }))).toEqual([false, null]);
    expect(seen(await from("https://a.example", "HEAD"))).toEqual([false, null]);
  });
});

describe("a website", () => {
  async function site() {
    const bucket = await createBucket();
    for (const key of ["index.html", "404.html"]) await putObject(bucket, key, key, { headers: PUBLIC });
    await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
    const rule =
      "<Condition><KeyPrefixEquals>old/</KeyPrefixEquals></Condition><Redirect><HostName>a.example</HostName></Redirect>";
    await configureWebsite(bucket, { error: "404.html", rules: [rule] });
    return bucket;
  }

  it("answers its index from the cache without a call to R2 or D1", async () => {
    const bucket = await site();
    await twice(() => visit(bucket, "/", { env }));
    const { counts, env: cold } = cachingEnv();
    const hit = await visit(bucket, "/", { env: cold });
    expect([isHit(hit), ...(await statusAndText(hit))]).toEqual([true, 200, "index.html"]);
    expect(counts).toEqual({ r2: 0, d1: 0, durableObject: 0, queue: 0 });
    // The same object on the S3 host is another answer.
    expect(isHit(await get({ bucket, key: "index.html" }))).toBe(false);
  });

  it.each(["/missing", "/old/page"])("keeps no error document and no redirect: %s", async (path) => {
    const bucket = await site();
    const [first, second] = await twice(() => visit(bucket, path, { env }));
    expect([second.status, isHit(second)]).toEqual([first.status, false]);
  });

  it("keeps answers by their query, which redirects can contain", async () => {
    const bucket = await site();
    await twice(() => visit(bucket, "/?a", { env }));
    expect(isHit(await visit(bucket, "/?a", { env }))).toBe(true);
    expect(isHit(await visit(bucket, "/?b", { env }))).toBe(false);
  });

  it("does not answer HeadBucket with the index that GET of the bucket has on the S3 host", async () => {
    const bucket = await site();
    const page = () => get({ bucket });
    const [first, second] = await twice(page);
    expect([await statusAndText(first), await statusAndText(second)]).toEqual([
      [200, "index.html"],
      [200, "index.html"],
    ]);
    expect(isHit(second)).toBe(true);
    const head = await get({ method: "HEAD", bucket });
    expect([isHit(head), head.headers.get("x-amz-bucket-region"), head.headers.get("etag")]).toEqual([
      false,
      expect.any(String),
      null,
    ]);
    // A folder has the same index for both.
    await putObject(bucket, "folder/index.html", "folder", { headers: PUBLIC });
    await twice(() => get({ bucket, key: "folder/" }));
    expect(isHit(await get({ method: "HEAD", bucket, key: "folder/" }))).toBe(true);
  });
});

describe("a cache that fails", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("costs no request its answer", async () => {
    const bucket = await publicObject();
    vi.spyOn(caches, "open").mockRejectedValue(new Error("no cache"));
    expect(await statusAndText(await get({ bucket, key: "k" }))).toEqual([200, CONTENT]);
    expect((await send({ method: "DELETE", bucket, key: "k", env })).status).toBe(204);
  });
});

it("an answer with the bytes of an object under a customer's key is not kept, and none from the cache shows them", async () => {
  const bucket = await createBucket();
  const scheme = "https" as const;
  const bytes = new Uint8Array(32).fill(7);
  const prefix = "x-amz-server-side-encryption-customer-";
  const headers = {
    [`${prefix}algorithm`]: "AES256",
    [`${prefix}key`]: Buffer.from(bytes).toString("base64"),
    [`${prefix}key-md5`]: Buffer.from(md5(bytes), "hex").toString("base64"),
  };
  await putObject(bucket, "k", CONTENT, { scheme, headers: { ...PUBLIC, "x-amz-acl": "public-read", ...headers } });
  const withKey = () => get({ bucket, key: "k", scheme, headers });
  const [first, second] = await twice(withKey);
  expect([first.status, isHit(second), await second.text()]).toEqual([200, false, CONTENT]);
  const without = await get({ bucket, key: "k", scheme });
  expect([without.status, (await without.text()).includes(CONTENT)]).toEqual([400, false]);
});
