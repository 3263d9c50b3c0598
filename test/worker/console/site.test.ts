/** What the console's host serves, and what no host does. */
import { describe, expect, it } from "vitest";
import { ask, CONSOLE_HOST, CONSOLE_ORIGIN, consoleEnv, openConsole, S3_ENDPOINT } from "../../support/console.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { handDirectly, putObject, send } from "../../support/request.ts";
import { s3, testEnv } from "../../support/s3.ts";

const POLICY: Readonly<Record<string, string>> = {
  "default-src": "'none'",
  "script-src": "'self'",
  "style-src": "'self'",
  "font-src": "'self'",
  "worker-src": "'self'",
  "img-src": `'self' blob: ${S3_ENDPOINT}`,
  "media-src": `blob: ${S3_ENDPOINT}`,
  "frame-src": S3_ENDPOINT,
  "connect-src": `'self' ${S3_ENDPOINT}`,
  "frame-ancestors": "'none'",
  "form-action": "'none'",
  "base-uri": "'none'",
};

function expectHardened({ headers }: Response): void {
  const directives = (headers.get("content-security-policy") ?? "").split("; ").map((each) => {
    const [name = "", ...sources] = each.split(" ");
    return [name, sources.join(" ")] as const;
  });
  expect(Object.fromEntries(directives)).toEqual(POLICY);
  expect(Object.fromEntries(headers)).toMatchObject({
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": expect.stringContaining("camera=(), microphone=(), geolocation=()"),
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
  });
  expect([...headers.keys()].filter((name) => name.startsWith("access-control-") || name === "set-cookie")).toEqual([]);
}

async function page(): Promise<string> {
  return (await ask("/")).text();
}

describe("the console's host", () => {
  it("serves the page, to be asked for again each time", async () => {
    const response = await ask("/");
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(response.headers.get("cache-control")).toBe("no-cache, no-transform");
    expectHardened(response);
    expect(await response.text()).toMatch(/^<!doctype html>/i);
  });

  it("serves the files that the page names, to be kept for ever", async () => {
    const [, script = ""] = /<script[^>]* src="([^"]+)"/.exec(await page()) ?? [];
    const response = await ask(script);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/javascript; charset=utf-8"]);
    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable, no-transform");
    expectHardened(response);
  });

  it("names endpoint and region in /config.json, and nothing else", async () => {
    const response = await ask("/config.json");
    expect(await response.json()).toEqual({ s3Endpoint: S3_ENDPOINT, region: "us-east-1" });
    expect(response.headers.get("cache-control")).toBe("no-cache, no-transform");
    expectHardened(response);
  });

  it("sends the same bytes with and without gzip, and the length of a HEAD", async () => {
    const packed = await ask("/", { headers: { "accept-encoding": "br, gzip" } });
    expect(packed.headers.get("content-encoding")).toBe("gzip");
    expect(packed.headers.get("vary")).toBe("Accept-Encoding");
    const unpacked = packed.body?.pipeThrough(new DecompressionStream("gzip"));
    expect(await new Response(unpacked ?? null).text()).toBe(await page());
    const head = await ask("/", { method: "HEAD", headers: { "accept-encoding": "gzip" } });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([
      200,
      packed.headers.get("content-length"),
      "",
    ]);
    expectHardened(head);
  });

  it.each(["gzip;q=0", "identity", "br"])("sends no gzip to a client that accepts %s", async (accepted) => {
    const response = await ask("/", { headers: { "accept-encoding": accepted } });
    expect(response.headers.get("content-encoding")).toBeNull();
    await response.body?.cancel();
  });

  it("answers 304 to its entity tag", async () => {
    const etag = (await ask("/")).headers.get("etag") ?? "";
    expect(etag).toMatch(/^W\/"[\w-]{22}"$/);
    for (const condition of [etag, `"other", ${etag}`, "*"]) {
      const response = await ask("/", { headers: { "if-none-match": condition } });
      expect([response.status, await response.text()]).toEqual([304, ""]);
      expectHardened(response);
    }
    expect((await ask("/", { headers: { "if-none-match": '"other"' } })).status).toBe(200);
  });

  it.each([
    "/none",
    "/index",
    "/assets/",
    "/-/health",
    "/-/admin/accounts",
    "/config.json/",
    "/%2e%2e/x",
    "//",
    "/index.html/..",
  ])("has nothing at %s", async (path) => {
    // The URL parser of the test's own Request would remove dot segments.
    const response = await ask(path.replace("/..", "/%2e"));
    expect([response.status, response.headers.get("content-type")]).toEqual([404, "text/plain; charset=utf-8"]);
    expectHardened(response);
  });

  it.each(["PUT", "POST", "DELETE", "PATCH", "OPTIONS"])("refuses %s", async (method) => {
    const headers = { origin: CONSOLE_ORIGIN, "access-control-request-method": "PUT" };
    const response = await ask("/", { method, headers });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expectHardened(response);
  });

  it("serves no bucket, whatever its name is, to signed requests neither", async () => {
    await s3(`/${CONSOLE_HOST}`, { method: "PUT" });
    await putObject(CONSOLE_HOST, "index.html", "<script>", { headers: { "content-type": "text/html" } });
    const text = await page();
    expect(text).not.toContain("<script>");
    expect((await ask(`/${CONSOLE_HOST}/index.html`)).status).toBe(404);
    expect((await ask(`/${CONSOLE_HOST}?list-type=2`, { headers: { authorization: "AWS a:b" } })).status).toBe(404);
    // On the S3 host its owner reads it.
    expect((await send({ bucket: CONSOLE_HOST, key: "index.html", env: consoleEnv })).status).toBe(200);
  });

  it.each([
    ["plain HTTP", `http://${CONSOLE_HOST}`],
    ["another port", `https://${CONSOLE_HOST}:8443`],
    ["a final dot", `https://${CONSOLE_HOST}.`],
  ])("leads %s, which is another origin, to its own", async (_what, origin) => {
    const response = await ask("/assets/x?y", {}, origin);
    expect([response.status, response.headers.get("location")]).toEqual([307, `${CONSOLE_ORIGIN}/`]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expectHardened(response);
  });

  it("calls no binding", async () => {
    const { env, counts } = countingEnv(consoleEnv);
    const response = await handDirectly(new Request(`${CONSOLE_ORIGIN}/`), env);
    expect(response.status).toBe(200);
    await response.body?.cancel();
    expect(counts).toEqual({ r2: 0, d1: 0, durableObject: 0, queue: 0 });
  });
});

describe("other hosts", () => {
  it.each([
    "s3.localhost:8787",
    "bucket.s3.localhost:8787",
    "x.website.localhost",
    "xconsole.example.com",
    "x.console.example.com",
  ])("%s serves no file of the console", async (host) => {
    const [, script = ""] = /<script[^>]* src="([^"]+)"/.exec(await page()) ?? [];
    for (const path of ["/config.json", "/index.html", script]) {
      const response = await handDirectly(new Request(`https://${host}${path}`), consoleEnv);
      expect(response.status, path).toBeGreaterThanOrEqual(403);
      expect(response.headers.get("content-security-policy")).toBeNull();
    }
  });

  it("are all that a deployment without CONSOLE_DOMAIN has", async () => {
    const response = await handDirectly(new Request(`${CONSOLE_ORIGIN}/config.json`), testEnv);
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("<Code>NoSuchBucket</Code>");
  });
});

describe("a deployment whose console would share an origin with buckets", () => {
  it.each([
    { CONSOLE_DOMAIN: "console.s3.localhost" },
    { CONSOLE_DOMAIN: "website.localhost" },
    { CONSOLE_DOMAIN: "localhost.localhost", WEBSITE_DOMAINS: "a.localhost.localhost" },
    { CONSOLE_DOMAIN: "s3.example.com" },
    { CONSOLE_DOMAIN: "https://console.example.com" },
    { LOCAL_ENDPOINT: "http://127.0.0.1:8787", ONE_ISOLATE: "false" },
  ])("does not start: %j", async (variables) => {
    const env = openConsole(variables);
    const response = await handDirectly(new Request("http://s3.localhost:8787/-/health"), env);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ message: expect.stringMatching(/CONSOLE_DOMAIN|LOCAL_ENDPOINT/) });
  });
});
