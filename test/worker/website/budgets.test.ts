/** R2 calls of a website request in a warm isolate; D1 queries are never made. */
import { describe, expect, it } from "vitest";
import { type CallCounts, countingEnv } from "../../support/counting-env.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { bucketOf, configureWebsite, makePublic, visit } from "../../support/website.ts";

const NOTHING: CallCounts = { r2: 0, d1: 0, durableObject: 0, queue: 0 };

async function site(...actions: ("s3:GetObject" | "s3:ListBucket")[]): Promise<string> {
  const bucket = await bucketOf("index.html", "about/index.html", "404.html");
  if (actions.length > 0) await makePublic(bucket, ...actions);
  const rule =
    "<Condition><KeyPrefixEquals>old/</KeyPrefixEquals></Condition><Redirect><HostName>a.example</HostName></Redirect>";
  await configureWebsite(bucket, { error: "404.html", rules: [rule] });
  return bucket;
}

/** The second of two requests, so that the isolate has cached the bucket. */
async function cost(bucket: string, path: string, options: { method?: string; headers?: Record<string, string> } = {}) {
  const { env, counts, log, reset } = countingEnv(testEnv);
  await (await visit(bucket, "/index.html", { env })).text();
  reset();
  const response = await visit(bucket, path, { ...options, env });
  await response.text();
  return { status: response.status, counts: { ...counts }, log };
}

describe("a website request in a warm isolate", () => {
  it.each<[path: string, options: { method?: string; headers?: Record<string, string> }, status: number, r2: number]>([
    ["/index.html", {}, 200, 1],
    ["/", {}, 200, 1],
    ["/about/", { method: "HEAD" }, 200, 1],
    ["/", { headers: { range: "bytes=0-3" } }, 206, 1],
    ["/old/page", {}, 301, 0],
    // The folder's index, for the redirect.
    ["/about", {}, 302, 2],
    // Object and error document.
    ["/missing/", {}, 404, 2],
    // Between them the index of a folder of that name.
    ["/missing", {}, 404, 3],
    ["/missing", { method: "HEAD" }, 404, 2],
  ])("%s %j answers %i with %i R2 calls and no D1 query", async (path, options, status, r2) => {
    const bucket = await site("s3:GetObject", "s3:ListBucket");
    const seen = await cost(bucket, path, options);
    expect([seen.status, seen.counts], seen.log.join("; ")).toEqual([status, { ...NOTHING, r2 }]);
  });

  it("for a private bucket reads the ACLs of object, folder index and error document", async () => {
    const bucket = await site();
    expect((await cost(bucket, "/index.html")).counts).toEqual({ ...NOTHING, r2: 3 });
  });

  it("on the S3 host makes one R2 call for an index, and none for a bucket without a website", async () => {
    const bucket = await site("s3:GetObject", "s3:ListBucket");
    const { env, counts, reset } = countingEnv(testEnv);
    await (await send({ bucket, key: "index.html", as: null, env })).text();
    reset();
    expect(await (await send({ bucket, as: null, env })).text()).toBe("index.html");
    expect(counts).toEqual({ ...NOTHING, r2: 1 });

    const plain = await createBucket();
    await putObject(plain, "k", "content");
    await makePublic(plain, "s3:GetObject");
    await (await send({ bucket: plain, key: "k", as: null, env })).text();
    reset();
    expect(await (await send({ bucket: plain, key: "k", as: null, env })).text()).toBe("content");
    expect(counts).toEqual({ ...NOTHING, r2: 1 });
  });
});
