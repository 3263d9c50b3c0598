/** Information that websites must not reveal, and redirects that they must not make. */
import { describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { contentMd5 } from "../../support/cors.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, ROOT, testEnv } from "../../support/s3.ts";
import { sign } from "../../support/signer.ts";
import { bucketOf, configureWebsite, makePublic, visit, WEBSITE_DOMAIN } from "../../support/website.ts";

const SECRET = "the content nobody else may see";

/** A website of a private bucket with an object, an index and an error document. */
async function closedSite(rules: readonly string[] = []): Promise<string> {
  const bucket = await createBucket();
  for (const key of ["secret.html", "index.html", "folder/index.html", "404.html"]) {
    await putObject(bucket, key, SECRET, { headers: { "x-amz-meta-secret": SECRET, "content-type": "text/secret" } });
  }
  await configureWebsite(bucket, { error: "404.html", rules });
  return bucket;
}

/** An answer without the parts that differ between requests. */
async function reduced(response: Response, key: string) {
  const text = (await response.text()).replaceAll(key, "KEY").replace(/(RequestId|HostId): [^<]*/g, "$1");
  const headers = [...response.headers].filter(([name]) => !/^(date|x-amz-request-id|x-amz-id-2)$/.test(name));
  return {
    status: response.status,
    headers: headers.map(([name, value]) => [name, value.replaceAll(key, "KEY")]),
    text,
  };
}

describe("a website of a private bucket", () => {
  it("reveals nothing by GET or HEAD, with a range or a condition", async () => {
    const bucket = await closedSite();
    for (const path of ["/secret.html", "/", "/folder/", "/folder", "/404.html", "/?secret.html"]) {
      for (const headers of [{}, { range: "bytes=0-3" }, { "if-none-match": "*" }, { "if-match": '"x"' }]) {
        for (const method of ["GET", "HEAD"]) {
          const response = await visit(bucket, path, { method, headers });
          const told = `${JSON.stringify([...response.headers])}${await response.text()}`;
          expect([response.status, response.headers.get("x-amz-error-code")], `${method} ${path}`).toEqual([
            403,
            "AccessDenied",
          ]);
          expect(told).not.toMatch(/nobody else|text\/secret|etag|last-modified|content-range/i);
        }
      }
    }
  });

  it.each([
    ["without rules", []],
    [
      "with rules for 403 and 404",
      [
        "<Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition><Redirect><HostName>missing.example</HostName></Redirect>",
        "<Condition><HttpErrorCodeReturnedEquals>403</HttpErrorCodeReturnedEquals></Condition><Redirect><HostName>denied.example</HostName></Redirect>",
      ],
    ],
  ])("does not reveal whether a key exists, %s", async (_what, rules) => {
    const bucket = await closedSite(rules);
    for (const method of ["GET", "HEAD"]) {
      for (const [there, missing] of [
        ["secret.html", "absent.html"],
        ["folder", "absent"],
        ["folder/", "absent/"],
      ] as const) {
        const seen = await reduced(await visit(bucket, `/${there}`, { method }), there);
        expect(seen, there).toEqual(await reduced(await visit(bucket, `/${missing}`, { method }), missing));
        expect(seen.status).toBe(rules.length === 0 ? 403 : 301);
        const hosted = (key: string) => send({ method, bucket, key, as: null });
        expect(await reduced(await hosted(there), there), `hosted ${there}`).toEqual(
          await reduced(await hosted(missing), missing),
        );
      }
    }
  });

  it("ignores signatures: every request is anonymous", async () => {
    const bucket = await closedSite();
    const url = `http://${bucket}.${WEBSITE_DOMAIN}/secret.html`;
    for (const key of [ROOT, await createAccount()]) {
      const { headers } = sign({ method: "GET", url, key, payloadHash: "UNSIGNED-PAYLOAD" });
      const response = await visit(bucket, "/secret.html", { headers });
      expect([response.status, response.headers.get("x-amz-error-code")]).toEqual([403, "AccessDenied"]);
      expect(await response.text()).not.toContain(SECRET);
    }
  });

  it("applies the conditions of the bucket's policy", async () => {
    const bucket = await bucketOf("index.html");
    const Statement = [
      { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${bucket}/*` },
      {
        Effect: "Deny",
        Principal: "*",
        Action: "s3:GetObject",
        Resource: `arn:aws:s3:::${bucket}/*`,
        Condition: { StringNotLike: { "aws:Referer": "https://shop.example/*" } },
      },
    ];
    const body = JSON.stringify({ Version: "2012-10-17", Statement });
    expect((await send({ method: "PUT", bucket, query: "policy", body })).status).toBe(204);
    await configureWebsite(bucket);
    expect((await visit(bucket, "/")).status).toBe(403);
    expect((await visit(bucket, "/", { headers: { referer: "https://shop.example/a" } })).status).toBe(200);
  });

  it("becomes private at once with a public access block", async () => {
    const bucket = await bucketOf("index.html");
    await makePublic(bucket, "s3:GetObject");
    await configureWebsite(bucket);
    expect((await visit(bucket, "/")).status).toBe(200);
    const body =
      "<PublicAccessBlockConfiguration><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>";
    expect(
      (await send({ method: "PUT", bucket, query: "publicAccessBlock", body, headers: contentMd5(body) })).status,
    ).toBe(200);
    expect((await visit(bucket, "/")).status).toBe(403);
    expect((await send({ bucket, as: null })).status).toBe(403);
  });

  it("writes nothing with any method, and reaches no other bucket", async () => {
    const [bucket, other] = [await bucketOf("index.html"), await bucketOf("index.html", "other.html")];
    await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
    await configureWebsite(bucket);
    for (const [method, path] of [
      ["PUT", "/new.html"],
      ["DELETE", "/index.html"],
      ["POST", "/?delete"],
      ["POST", "/"],
    ] as const) {
      expect((await visit(bucket, path, { method })).status, `${method} ${path}`).toBe(405);
    }
    expect((await send({ method: "HEAD", bucket, key: "index.html" })).status).toBe(200);
    for (const path of [`/../${other}/other.html`, `/%2e%2e/${other}/other.html`, `/..%2F${other}%2Fother.html`]) {
      expect((await visit(bucket, path)).status, path).toBe(404);
    }
    const headers = { "x-amz-copy-source": `/${other}/other.html`, "x-forwarded-host": `${other}.${WEBSITE_DOMAIN}` };
    expect(await (await visit(bucket, "/", { headers })).text()).toBe("index.html");
  });
});

describe("redirects of a website", () => {
  const HOSTILE = [
    "//evil.example",
    "///evil.example/",
    "/%2F%2Fevil.example",
    "/%5C%5Cevil.example",
    "/%5Cevil.example/",
    "/%0D%0ASet-Cookie:a=b",
    "/%0A%0A<script>",
    "/%00",
    "/javascript:alert(1)",
    "/@evil.example",
    "/.evil.example",
    "/%E2%80%AE",
    "/?//evil.example",
    "/a?b=%0D%0ASet-Cookie:a=b",
  ];

  it.each([
    ["a rule for all keys", [`<Redirect><ReplaceKeyPrefixWith>x</ReplaceKeyPrefixWith></Redirect>`]],
    ["a rule that replaces nothing", ["<Redirect><HttpRedirectCode>302</HttpRedirectCode></Redirect>"]],
    [
      "a rule for errors",
      [
        "<Condition><HttpErrorCodeReturnedEquals>403</HttpErrorCodeReturnedEquals></Condition><Redirect><Protocol>http</Protocol></Redirect>",
      ],
    ],
  ])("stay on the site's host for any path: %s", async (_what, rules) => {
    const bucket = await closedSite(rules);
    for (const path of HOSTILE) {
      const response = await visit(bucket, path);
      const location = response.headers.get("location") ?? "";
      expect(location, path).toMatch(/^[\x21-\x7e]+$/);
      expect(response.headers.has("set-cookie")).toBe(false);
      const target = new URL(location, `http://${bucket}.${WEBSITE_DOMAIN}${path}`);
      expect([target.protocol, target.host], `${path} → ${location}`).toEqual(["http:", `${bucket}.${WEBSITE_DOMAIN}`]);
    }
  });

  it("stay on the S3 host in either style", async () => {
    const bucket = await closedSite([
      "<Condition><HttpErrorCodeReturnedEquals>403</HttpErrorCodeReturnedEquals></Condition><Redirect><ReplaceKeyPrefixWith/></Redirect>",
    ]);
    for (const style of ["path", "virtual-host"] as const) {
      for (const key of [
        "/evil.example",
        "//evil.example",
        "\\evil.example",
        "a\r\nset-cookie: b=c",
        "@evil.example",
      ]) {
        const response = await send({ bucket, key, style, as: null, env: testEnv });
        const location = response.headers.get("location") ?? "";
        const host = style === "path" ? "s3.localhost:8787" : `${bucket}.s3.localhost:8787`;
        expect([response.status, new URL(location).host], location).toEqual([302, host]);
        expect(location.startsWith(`http://${host}${style === "path" ? `/${bucket}` : ""}/`)).toBe(true);
        expect(response.headers.has("set-cookie")).toBe(false);
      }
    }
  });
});

describe("error pages of a website", () => {
  it("escape keys and hosts", async () => {
    const bucket = await bucketOf();
    await makePublic(bucket, "s3:ListBucket", "s3:GetObject");
    await configureWebsite(bucket);
    const response = await visit(bucket, "/%3Cscript%3Ealert(1)%3C%2Fscript%3E");
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const page = await response.text();
    expect(page).toContain("<li>Key: &lt;script&gt;alert(1)&lt;/script&gt;</li>");
    expect(page).not.toContain("<script");
    const hosted = await send({ bucket, key: "<script>alert(1)</script>", as: null });
    expect(await hosted.text()).not.toContain("<script");
  });
});
