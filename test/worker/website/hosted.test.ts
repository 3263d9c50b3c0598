/** Websites on the S3 host, as in the reference system. */
import { describe, expect, it } from "vitest";
import { configureCors } from "../../support/cors.ts";
import { putObject, type SendOptions, STYLES, type Style, send, urlOf } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { bucketOf, configureWebsite, makePublic, redirectOf, seen } from "../../support/website.ts";

const ON_404 = "<Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition>";
const ON_403 = "<Condition><HttpErrorCodeReturnedEquals>403</HttpErrorCodeReturnedEquals></Condition>";

const ask = (options: SendOptions) => send({ ...options, as: null });

describe.each(STYLES)("a website on the S3 host, %s style", (style: Style) => {
  it("answers anonymous requests with indexes instead of listings and folder objects", async () => {
    const bucket = await bucketOf("index.html", "about/", "about/index.html", "page.html");
    await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
    expect(await (await ask({ bucket, style })).text()).toContain("<ListBucketResult");
    await configureWebsite(bucket);
    expect(await seen(await ask({ bucket, style }))).toEqual([200, "text/html", "index.html"]);
    expect(await seen(await ask({ bucket, key: "about/", style }))).toEqual([200, "text/html", "about/index.html"]);
    expect(await seen(await ask({ bucket, key: "page.html", style }))).toEqual([200, "text/html", "page.html"]);
    const head = await ask({ method: "HEAD", bucket, key: "about/", style });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "16"]);
    expect((await ask({ bucket, key: "about", style })).status).toBe(404);
  });

  it("answers an error with a rule's 302, the error document or a page", async () => {
    const bucket = await bucketOf("oops.html");
    await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
    await configureWebsite(bucket);
    const page = await ask({ bucket, key: "missing", style });
    expect(await seen(page)).toEqual([
      404,
      "text/html; charset=utf-8",
      expect.stringContaining("<li>Code: NoSuchKey</li>"),
    ]);

    await configureWebsite(bucket, { error: "oops.html" });
    expect(await seen(await ask({ bucket, key: "missing", style }))).toEqual([404, "text/html", "oops.html"]);
    expect(await seen(await ask({ bucket, key: "missing/", style }))).toEqual([404, "text/html", "oops.html"]);
    expect(await seen(await ask({ bucket, style }))).toEqual([404, "text/html", "oops.html"]);

    const away =
      "<Redirect><HostName>origin.example.org</HostName><ReplaceKeyPrefixWith>missing/</ReplaceKeyPrefixWith></Redirect>";
    await configureWebsite(bucket, { error: "oops.html", rules: [`${ON_404}${away}`] });
    for (const [key, query, location] of [
      ["a/b c", undefined, "http://origin.example.org/missing/a/b%20c"],
      ["a", "b=c&d=%20", "http://origin.example.org/missing/a?b=c&d=%20"],
      ["folder/", undefined, "http://origin.example.org/missing/folder/"],
    ] as const) {
      for (const method of ["GET", "HEAD"]) {
        const response = await ask({ method, bucket, key, style, ...(query !== undefined && { query }) });
        expect(await redirectOf(response)).toEqual([302, location]);
      }
    }
    expect(await redirectOf(await ask({ bucket, style }))).toEqual([302, "http://origin.example.org/missing/"]);
  });

  it("redirects to the same host for a rule without a host", async () => {
    const bucket = await bucketOf();
    await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
    await configureWebsite(bucket, {
      rules: [`${ON_404}<Redirect><ReplaceKeyPrefixWith>new/</ReplaceKeyPrefixWith></Redirect>`],
    });
    const response = await ask({ bucket, key: "a b", query: "c", style });
    expect(await redirectOf(response)).toEqual([302, urlOf({ bucket, key: "new/a b", query: "c", style })]);
    const tricky = await ask({ bucket, key: "/evil.example", style });
    const base = urlOf({ bucket, style }).replace(/\/$/, "");
    expect(tricky.headers.get("location")).toBe(`${base}/new/%2Fevil.example`);
  });

  it("answers 403 for a private bucket, with rules and error document", async () => {
    const bucket = await bucketOf("index.html", "secret.html");
    await putObject(bucket, "oops.html", "sorry", { headers: { "x-amz-acl": "public-read" } });
    await configureWebsite(bucket, { error: "oops.html" });
    for (const key of [undefined, "secret.html", "missing", "folder/"]) {
      const response = await ask({ bucket, style, ...(key !== undefined && { key }) });
      expect([response.status, await response.text()], key).toEqual([403, "sorry"]);
    }
    await configureWebsite(bucket, { rules: [`${ON_403}<Redirect><HostName>a.example</HostName></Redirect>`] });
    expect(await redirectOf(await ask({ bucket, key: "secret.html", style }))).toEqual([
      302,
      "http://a.example/secret.html",
    ]);
    expect(await redirectOf(await ask({ bucket, key: "missing", style }))).toEqual([302, "http://a.example/missing"]);
  });

  it("serves an index that its own ACL makes public", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "index.html", "open", { headers: { "x-amz-acl": "public-read" } });
    await configureWebsite(bucket);
    const response = await ask({ bucket, style });
    expect([response.status, await response.text()]).toEqual([200, "open"]);
  });

  it("answers with the listing of a bucket that only lists, because no one may read the index", async () => {
    const bucket = await bucketOf("index.html");
    await makePublic(bucket, "s3:ListBucket");
    await configureWebsite(bucket);
    const listing = await ask({ bucket, style });
    expect([listing.status, await listing.text()]).toEqual([200, expect.stringContaining("<ListBucketResult")]);
  });

  it("answers an error for a missing index of a public bucket, not the folder object or the listing", async () => {
    const bucket = await bucketOf("about/");
    await makePublic(bucket, "s3:GetObject");
    await configureWebsite(bucket);
    for (const key of [undefined, "about/"]) {
      const response = await ask({ bucket, style, ...(key !== undefined && { key }) });
      expect(await seen(response), key).toEqual([
        403,
        "text/html; charset=utf-8",
        expect.stringContaining("AccessDenied"),
      ]);
    }
  });

  it("answers signed requests as without a website", async () => {
    const bucket = await bucketOf("index.html", "about/");
    await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
    await configureWebsite(bucket, {
      error: "index.html",
      rules: [`${ON_404}<Redirect><HostName>a.example</HostName></Redirect>`],
    });
    expect(await (await send({ bucket, style })).text()).toContain("<ListBucketResult");
    expect(await (await send({ bucket, key: "about/", style })).text()).toBe("about/");
    const missing = await send({ bucket, key: "missing", style });
    expect([missing.status, await missing.text()]).toEqual([404, expect.stringContaining("<Code>NoSuchKey</Code>")]);
  });

  it.each([
    "list-type=2",
    "prefix=",
    "delimiter=%2F",
    "max-keys=1",
    "encoding-type=url",
    "uploads",
    "location",
    "acl",
    "website",
    "versions",
  ])("answers ?%s as S3", async (query) => {
    const bucket = await bucketOf("index.html");
    await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
    await configureWebsite(bucket, { error: "index.html" });
    const response = await ask({ bucket, query, style });
    expect(response.headers.get("content-type")).toBe("application/xml");
    await response.body?.cancel();
  });

  it.each(["partNumber=9", "versionId=x", "response-content-type=a", "x-oss-process=download", "acl", "tagging"])(
    "?%s of an object means S3, not the site",
    async (query) => {
      const bucket = await bucketOf("index.html", "folder/", "folder/index.html");
      await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
      await configureWebsite(bucket, { error: "index.html" });
      const missing = await ask({ bucket, key: "missing", query, style });
      expect(missing.headers.get("content-type")).toBe("application/xml");
      await missing.body?.cancel();
    },
  );

  it("serves the folder object with x-oss-process=download", async () => {
    const bucket = await bucketOf("folder/", "folder/index.html");
    await makePublic(bucket, "s3:GetObject");
    await configureWebsite(bucket);
    const download = await ask({ bucket, key: "folder/", query: "x-oss-process=download", style });
    expect(await seen(download)).toEqual([200, "text/html", "folder/"]);
    expect((await seen(await ask({ bucket, key: "folder/", query: "x-oss-process=image", style })))[2]).toBe(
      "folder/index.html",
    );
  });

  it("answers writes, HeadBucket and a site that redirects everything as S3", async () => {
    const bucket = await bucketOf("index.html");
    await makePublic(bucket, "s3:GetObject");
    await configureWebsite(bucket, { error: "index.html" });
    const put = await ask({ method: "PUT", bucket, key: "x", body: "y", style });
    expect([put.status, await put.text()]).toEqual([403, expect.stringContaining("<Code>AccessDenied</Code>")]);
    const probe = await ask({ method: "HEAD", bucket, style });
    expect([probe.status, probe.headers.get("content-type")]).toEqual([403, "application/xml"]);
    const all =
      "<WebsiteConfiguration><RedirectAllRequestsTo><HostName>a.example</HostName></RedirectAllRequestsTo></WebsiteConfiguration>";
    expect((await send({ method: "PUT", bucket, query: "website", body: all })).status).toBe(200);
    expect((await ask({ bucket, key: "index.html", style })).status).toBe(200);
    expect((await ask({ bucket, style })).headers.get("content-type")).toBe("application/xml");
  });

  it("ignores rules without an error code, folders without a slash and redirect locations of objects", async () => {
    const bucket = await bucketOf("docs/a", "about/index.html");
    await putObject(bucket, "old", "content", { headers: { "x-amz-website-redirect-location": "/new" } });
    await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
    const rule =
      "<Condition><KeyPrefixEquals>docs/</KeyPrefixEquals></Condition><Redirect><HostName>a.example</HostName></Redirect>";
    await configureWebsite(bucket, { rules: [rule] });
    expect((await seen(await ask({ bucket, key: "docs/a", style })))[0]).toBe(200);
    expect((await seen(await ask({ bucket, key: "docs/b", style })))[0]).toBe(404);
    expect((await seen(await ask({ bucket, key: "about", style })))[0]).toBe(404);
    expect((await seen(await ask({ bucket, key: "old", style })))[2]).toBe("content");
  });

  it("applies ranges, conditions and CORS to indexes and error pages", async () => {
    const origin = "https://shop.example";
    const bucket = await bucketOf("index.html");
    await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
    await configureWebsite(bucket);
    await configureCors(bucket, `<AllowedOrigin>${origin}</AllowedOrigin><AllowedMethod>GET</AllowedMethod>`);
    const range = await ask({ bucket, style, headers: { range: "bytes=0-4", origin } });
    expect(range.headers.get("access-control-allow-origin")).toBe(origin);
    expect(await seen(range)).toEqual([206, "text/html", "index"]);
    const etag = range.headers.get("etag") ?? "";
    expect((await ask({ bucket, style, headers: { "if-none-match": etag } })).status).toBe(304);
    const beyond = await ask({ bucket, style, headers: { range: "bytes=99-", origin } });
    expect([
      beyond.status,
      beyond.headers.get("content-range"),
      beyond.headers.get("access-control-allow-origin"),
    ]).toEqual([416, "bytes */10", origin]);
  });
});
