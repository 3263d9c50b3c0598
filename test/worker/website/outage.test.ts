/** Websites while R2 fails: internal errors are not 4xx and never look like a missing page. */
import { expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import { send } from "../../support/request.ts";
import { testEnv } from "../../support/s3.ts";
import { bucketOf, configureWebsite, makePublic, redirectOf, visit } from "../../support/website.ts";

/** R2 answers some calls with an error message of its own; `calls` lists all calls. */
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

it("a website answers an internal error with 500 and S3's page, without the error document", async () => {
  const bucket = await site();
  const { env, calls } = failingEnv((method) => method === "get", INTERNAL);
  const response = await visit(bucket, "/", { env });
  expect([response.status, response.headers.get("x-amz-error-code")]).toEqual([500, "InternalError"]);
  const page = await response.text();
  expect(page).toContain("<h1>500 Internal Server Error</h1>");
  expect(page).not.toMatch(/10001|get:/);
  expect(calls).toEqual(["get"]);
});

it("a website redirects an internal error by a routing rule for it", async () => {
  const condition = "<Condition><HttpErrorCodeReturnedEquals>503</HttpErrorCodeReturnedEquals></Condition>";
  const bucket = await site([`${condition}<Redirect><HostName>status.example</HostName></Redirect>`]);
  const { env } = failingEnv(() => true, UNAVAILABLE);
  expect(await redirectOf(await visit(bucket, "/a", { env }))).toEqual([301, "http://status.example/a"]);
});

it("a website answers no 404 for a missing page while the folder index cannot be read", async () => {
  const bucket = await site();
  const { env } = failingEnv((method) => method === "head", UNAVAILABLE);
  const response = await visit(bucket, "/about", { env });
  expect([response.status, response.headers.get("x-amz-error-code")]).toEqual([503, "ServiceUnavailable"]);
  await response.body?.cancel();
});

it("a website keeps the original error if the error document cannot be read", async () => {
  const bucket = await site();
  const { env } = failingEnv((method, key) => method === "get" && key.endsWith("404.html"), INTERNAL);
  const response = await visit(bucket, "/missing/", { env });
  expect([response.status, response.headers.get("x-amz-error-code")]).toEqual([404, "NoSuchKey"]);
  expect(await response.text()).toContain("Retrieve a Custom Error Document</h3>\n<ul>\n<li>Code: InternalError</li>");
});

it("a website on the S3 host answers an internal error as S3", async () => {
  const bucket = await site();
  const { env, calls } = failingEnv((method) => method === "get", INTERNAL);
  for (const key of [undefined, "index.html"]) {
    const response = await send({ bucket, as: null, env, ...(key !== undefined && { key }) });
    expect([response.status, response.headers.get("content-type")]).toEqual([500, "application/xml"]);
    expect(await response.text()).toContain("<Code>InternalError</Code>");
  }
  expect(calls).toEqual(["get", "get"]);
});
