/** Websites while R2 is out of order: errors of ours are no 4xx, and never look like a missing page. */
import { expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import { send } from "../../support/request.ts";
import { testEnv } from "../../support/s3.ts";
import { bucketOf, configureWebsite, makePublic, redirectOf, visit } from "../../support/website.ts";

/** R2 answers some calls with an error, in its words; `calls` are all that were made. */
function failingEnv(fails: (method: string, key: string) => boolean, error: string) {
  const calls: string[] = [];
  const STORE = new Proxy(testEnv.STORE, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...parameters: unknown[]) => {
        const method = String(name);
        calls.push(method);
        if (fails(method, String(parameters[0]))) return Promise.reject(new Error(`${method}: ${error}`));
        return Reflect.apply(value, target, parameters);
      };
    },
  });
  const env: Env = { ...testEnv, STORE };
  return { env, calls };
}

const INTERNAL = "We encountered an internal error. Please try again. (10001)";
const UNAVAILABLE = "Service unavailable. (10043)";

async function site(rules: readonly string[] = []): Promise<string> {
  const bucket = await bucketOf("index.html", "404.html");
  await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
  await configureWebsite(bucket, { error: "404.html", rules });
  return bucket;
}

it("an internal error is a 500 with S3's page, and the error document stays out of it", async () => {
  const bucket = await site();
  const { env, calls } = failingEnv((method) => method === "get", INTERNAL);
  const response = await visit(bucket, "/", { env });
  expect([response.status, response.headers.get("x-amz-error-code")]).toEqual([500, "InternalError"]);
  const page = await response.text();
  expect(page).toContain("<h1>500 Internal Server Error</h1>");
  expect(page).not.toMatch(/10001|get:/);
  expect(calls).toEqual(["get"]);
});

it("a rule may send visitors elsewhere meanwhile", async () => {
  const condition = "<Condition><HttpErrorCodeReturnedEquals>503</HttpErrorCodeReturnedEquals></Condition>";
  const bucket = await site([`${condition}<Redirect><HostName>status.example</HostName></Redirect>`]);
  const { env } = failingEnv(() => true, UNAVAILABLE);
  expect(await redirectOf(await visit(bucket, "/a", { env }))).toEqual([301, "http://status.example/a"]);
});

it("a page that is missing is no 404 as long as it might be a folder", async () => {
  const bucket = await site();
  const { env } = failingEnv((method) => method === "head", UNAVAILABLE);
  const response = await visit(bucket, "/about", { env });
  expect([response.status, response.headers.get("x-amz-error-code")]).toEqual([503, "ServiceUnavailable"]);
  await response.body?.cancel();
});

it("an error document that cannot be read leaves the page's own error", async () => {
  const bucket = await site();
  const { env } = failingEnv((method, key) => method === "get" && key.endsWith("404.html"), INTERNAL);
  const response = await visit(bucket, "/missing/", { env });
  expect([response.status, response.headers.get("x-amz-error-code")]).toEqual([404, "NoSuchKey"]);
  expect(await response.text()).toContain("Retrieve a Custom Error Document</h3>\n<ul>\n<li>Code: InternalError</li>");
});

it("on the ordinary host the answer is S3's", async () => {
  const bucket = await site();
  const { env, calls } = failingEnv((method) => method === "get", INTERNAL);
  for (const key of [undefined, "index.html"]) {
    const response = await send({ bucket, as: null, env, ...(key !== undefined && { key }) });
    expect([response.status, response.headers.get("content-type")]).toEqual([500, "application/xml"]);
    expect(await response.text()).toContain("<Code>InternalError</Code>");
  }
  expect(calls).toEqual(["get", "get"]);
});
