/** What else reads and writes an adopted bucket: websites, CORS, access logs, reports, presigned links; and what requests cost. */
import { createHash } from "node:crypto";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { adopt, keysIn, r2 } from "../../support/adopted.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { presign, putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { configureWebsite, makePublic, visit } from "../../support/website.ts";
import { handDirectly } from "../../support/worker.ts";

const MIB = 1024 * 1024;
const store = r2("ADOPT_FILES");
let bucket = "";

beforeAll(async () => {
  await createBucket();
  bucket = await adopt("ADOPT_FILES");
});

beforeEach(async () => {
  for (let keys = await keysIn(store); keys.length > 0; keys = await keysIn(store)) await store.delete(keys);
});

async function put(query: string, body: string): Promise<void> {
  const headers = { "content-md5": createHash("md5").update(body).digest("base64") };
  const response = await send({ method: "PUT", bucket, query, body, headers });
  expect([response.status, await response.text()]).toEqual([expect.toBeOneOf([200, 204]), ""]);
}

describe("an adopted bucket", () => {
  it("is a website, with what another Worker puts", async () => {
    await store.put("index.html", "<h1>home</h1>", { httpMetadata: { contentType: "text/html" } });
    await store.put("docs/index.html", "docs");
    await store.put("error.html", "lost");
    await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
    await configureWebsite(bucket, { error: "error.html" });
    const home = await visit(bucket, "/");
    expect([home.status, home.headers.get("content-type"), await home.text()]).toEqual([
      200,
      "text/html",
      "<h1>home</h1>",
    ]);
    expect(await (await visit(bucket, "/docs/")).text()).toBe("docs");
    const lost = await visit(bucket, "/nothing");
    expect([lost.status, await lost.text()]).toEqual([404, "lost"]);
    await send({ method: "DELETE", bucket, query: "website" });
    await send({ method: "DELETE", bucket, query: "policy" });
    expect((await visit(bucket, "/")).status).toBe(404);
    expect((await send({ bucket, key: "index.html", as: null })).status).toBe(403);
  });

  it("answers by its CORS rules", async () => {
    await put(
      "cors",
      "<CORSConfiguration><CORSRule><AllowedOrigin>https://a.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>",
    );
    await store.put("k", "content");
    const headers = { origin: "https://a.example" };
    const answer = await send({ bucket, key: "k", headers });
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://a.example");
    const other = await send({ bucket, key: "k", headers: { origin: "https://b.example" } });
    expect(other.headers.has("access-control-allow-origin")).toBe(false);
  });

  it("is shared by presigned links and policies, and with other accounts by ACLs", async () => {
    await store.put("k", "content");
    expect(await (await handDirectly(new Request(await presign({ bucket, key: "k" })))).text()).toBe("content");
    const account = await createAccount();
    expect((await send({ bucket, key: "k", as: account })).status).toBe(403);
    const headers = { "x-amz-grant-read": `id="${account.canonicalId}"` };
    expect((await send({ method: "PUT", bucket, key: "k", query: "acl", headers })).status).toBe(200);
    expect(await (await send({ bucket, key: "k", as: account })).text()).toBe("content");
    expect((await send({ method: "PUT", bucket, key: "k", body: "x", as: account })).status).toBe(403);
    expect((await send({ bucket, query: "list-type=2", as: account })).status).toBe(403);
  });

  it("keeps settings of its own: tags, ownership, encryption with AES256, logging", async () => {
    await put("tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>");
    expect(await (await send({ bucket, query: "tagging" })).text()).toContain("<Key>a</Key>");
    await put(
      "encryption",
      "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
    );
    expect((await send({ bucket, query: "versioning" })).status).toBe(200);
    expect((await send({ bucket, query: "object-lock" })).status).toBe(404);
    const head = await send({ method: "HEAD", bucket });
    expect([head.status, head.headers.get("x-amz-bucket-region")]).toEqual([200, "us-east-1"]);
    expect(await keysIn(store)).toEqual([]);
  });
});

describe("a request to an adopted bucket in a warm isolate", () => {
  const large = new Uint8Array(2 * MIB);
  const tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
  const digest = { "content-md5": createHash("md5").update(tags).digest("base64") };

  it.each<[what: string, calls: number, request: SendOptions]>([
    ["GET", 1, { key: "k" }],
    ["GET of a range", 1, { key: "k", headers: { range: "bytes=1-2" } }],
    ["HEAD", 1, { method: "HEAD", key: "k" }],
    ["GET of a missing key", 1, { key: "missing" }],
    ["PUT", 1, { method: "PUT", key: "new", body: "x" }],
    ["PUT above 1 MiB", 1, { method: "PUT", key: "new", body: large }],
    ["PUT if the key is new", 1, { method: "PUT", key: "new", body: "x", headers: { "if-none-match": "*" } }],
    [
      "PUT above 1 MiB if the key is new",
      2,
      { method: "PUT", key: "new", body: large, headers: { "if-none-match": "*" } },
    ],
    ["DELETE", 1, { method: "DELETE", key: "k" }],
    ["CopyObject", 2, { method: "PUT", key: "copy", headers: { "x-amz-copy-source": "/BUCKET/k" } }],
    // The object is young: it is read again before it is replaced.
    ["PutObjectTagging", 3, { method: "PUT", key: "k", query: "tagging", body: tags, headers: digest }],
    ["GetObjectTagging", 1, { key: "k", query: "tagging" }],
    ["ListObjectsV2", 1, { query: "list-type=2" }],
    ["ListObjectVersions", 1, { query: "versions" }],
  ])("%s makes %i R2 calls and no D1 query", async (_what, calls, { headers, ...request }) => {
    const { env, counts, log, reset } = countingEnv(testEnv);
    await store.put("k", "content");
    await (await send({ bucket, key: "k", env })).text();
    reset();
    const named = Object.entries(headers ?? {}).map(([name, value]) => [name, value.replace("BUCKET", bucket)]);
    await (await send({ bucket, ...request, headers: Object.fromEntries(named), env })).text();
    expect(counts, log.join("; ")).toEqual({ r2: calls, d1: 0, durableObject: 0, queue: 0 });
  });

  it("writes nothing to a region's store", async () => {
    const before = (await r2("STORE").list()).objects.map(({ key, version }) => `${key} ${version}`);
    await putObject(bucket, "k", large);
    await send({ method: "DELETE", bucket, key: "k" });
    expect((await r2("STORE").list()).objects.map(({ key, version }) => `${key} ${version}`)).toEqual(before);
  });
});
