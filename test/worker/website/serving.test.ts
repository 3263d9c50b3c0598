/** The website host: its answers, status by status. */
import { describe, expect, it } from "vitest";
import { configureCors, corsHeadersOf } from "../../support/cors.ts";
import { MIB, putMultipart } from "../../support/multipart.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { putMarker, putVersion, setVersioning } from "../../support/versions.ts";
import {
  bucketOf,
  configureWebsite,
  makePublic,
  putWebsite,
  redirectOf,
  seen,
  visit,
  WEBSITE_DOMAIN,
  websiteDocument,
} from "../../support/website.ts";

/** A site that everyone may read and list. */
async function siteOf(...keys: string[]): Promise<string> {
  const bucket = await bucketOf(...keys);
  await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
  return bucket;
}

/** Compares an error page with the one of AWS, and with the headers of the same content. */
async function expectPage(
  response: Response,
  title: string,
  fields: Readonly<Record<string, string>>,
  errorDocument?: Readonly<Record<string, string>>,
): Promise<void> {
  const list = (entries: Record<string, string | null>) =>
    `<ul>\n${Object.entries(entries)
      .map(([name, value]) => `<li>${name}: ${value}</li>\n`)
      .join("")}</ul>\n`;
  const ids = { RequestId: response.headers.get("x-amz-request-id"), HostId: response.headers.get("x-amz-id-2") };
  const nested =
    errorDocument === undefined
      ? ""
      : `<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n${list(errorDocument)}`;
  expect(ids.RequestId).toMatch(/^[0-9A-F]{16}$/);
  expect(await seen(response)).toEqual([
    Number(title.slice(0, 3)),
    "text/html; charset=utf-8",
    `<html>\n<head><title>${title}</title></head>\n<body>\n<h1>${title}</h1>\n${list({ ...fields, ...ids })}${nested}<hr/>\n</body>\n</html>\n`,
  ]);
  const { Code, Message, ...details } = fields;
  expect([response.headers.get("x-amz-error-code"), response.headers.get("x-amz-error-message")]).toEqual([
    Code,
    Message,
  ]);
  for (const [name, value] of Object.entries(details)) {
    expect(response.headers.get(`x-amz-error-detail-${name}`)).toBe(value);
  }
}

const noSuchKey = (Key: string) => ({ Code: "NoSuchKey", Message: "The specified key does not exist.", Key });
const DENIED = { Code: "AccessDenied", Message: "Access Denied" };

describe("objects and indexes", () => {
  it("the root and every folder answer with their index, other keys with their object", async () => {
    const bucket = await siteOf("index.html", "about/index.html", "about/team.html", "a b+c.html", "deep//index.html");
    await configureWebsite(bucket);
    for (const [path, key] of [
      ["/", "index.html"],
      ["/index.html", "index.html"],
      ["/about/", "about/index.html"],
      ["/about/team.html", "about/team.html"],
      ["/a+b%2Bc.html", "a b+c.html"],
      ["/a%20b%2Bc.html", "a b+c.html"],
      ["/deep//", "deep//index.html"],
      ["/?version=2", "index.html"],
    ] as const) {
      expect(await seen(await visit(bucket, path)), path).toEqual([200, "text/html", key]);
    }
  });

  it("the index of a folder comes before an object of the folder's name", async () => {
    const bucket = await siteOf("index.html", "folder/", "folder/index.html", "bare/");
    await configureWebsite(bucket);
    expect((await seen(await visit(bucket, "/folder/")))[2]).toBe("folder/index.html");
    await expectPage(await visit(bucket, "/bare/"), "404 Not Found", noSuchKey("bare/index.html"));
  });

  it("keys below /-/ belong to the site, not to the Worker", async () => {
    const bucket = await siteOf("-/health");
    await configureWebsite(bucket);
    expect(await seen(await visit(bucket, "/-/health"))).toEqual([200, "text/html", "-/health"]);
    expect((await visit(bucket, "/-/admin/accounts")).status).toBe(404);
  });

  it("objects are served with their stored headers, without the redirect location", async () => {
    const bucket = await siteOf();
    const headers = {
      "content-type": "text/css",
      "cache-control": "max-age=60",
      "content-language": "de",
      "content-disposition": "inline",
      expires: "Thu, 01 Dec 2033 16:00:00 GMT",
      "x-amz-meta-name": "value",
    };
    const etag = await putObject(bucket, "style.css", "body {}", { headers });
    await configureWebsite(bucket);
    for (const method of ["GET", "HEAD"]) {
      const response = await visit(bucket, "/style.css", { method });
      const { status } = response;
      expect([status, await response.text()]).toEqual([200, method === "GET" ? "body {}" : ""]);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        ...headers,
        etag: `"${etag}"`,
        "accept-ranges": "bytes",
        "content-length": "7",
        "last-modified": expect.stringMatching(/GMT$/),
        "x-amz-request-id": expect.stringMatching(/^[0-9A-F]{16}$/),
        "x-amz-id-2": expect.any(String),
      });
      expect(response.headers.has("x-amz-website-redirect-location")).toBe(false);
    }
  });

  it("objects uploaded in parts are served, whole and by range", async () => {
    const bucket = await siteOf();
    const first = new Uint8Array(5 * MIB).fill(1);
    await putMultipart({ bucket, key: "video.bin" }, [first, new Uint8Array([2, 3, 4])]);
    await configureWebsite(bucket);
    const range = await visit(bucket, "/video.bin", { headers: { range: `bytes=${5 * MIB - 1}-` } });
    expect([range.status, [...new Uint8Array(await range.arrayBuffer())]]).toEqual([206, [1, 2, 3, 4]]);
    const head = await visit(bucket, "/video.bin", { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(5 * MIB + 3)]);
  });

  it("ranges answer 206 and 416, conditions 304 and 412, also on indexes", async () => {
    const bucket = await siteOf("index.html");
    await configureWebsite(bucket);
    const etag = (await visit(bucket, "/")).headers.get("etag") ?? "";
    const range = await visit(bucket, "/", { headers: { range: "bytes=0-4" } });
    expect(range.headers.get("content-range")).toBe("bytes 0-4/10");
    expect(await seen(range)).toEqual([206, "text/html", "index"]);
    const suffix = await visit(bucket, "/", { headers: { range: "bytes=-4" } });
    expect((await seen(suffix))[2]).toBe("html");
    const beyond = await visit(bucket, "/", { headers: { range: "bytes=10-" } });
    expect(beyond.headers.get("content-range")).toBe("bytes */10");
    await expectPage(beyond, "416 Requested Range Not Satisfiable", {
      Code: "InvalidRange",
      Message: "The requested range is not satisfiable",
      RangeRequested: "bytes=10-",
      ActualObjectSize: "10",
    });
    const unchanged = await visit(bucket, "/", { headers: { "if-none-match": etag } });
    expect([unchanged.status, unchanged.headers.get("etag"), await unchanged.text()]).toEqual([304, etag, ""]);
    const since = await visit(bucket, "/", {
      headers: { "if-modified-since": new Date().toUTCString() },
    });
    expect([since.status, since.headers.has("x-amz-error-code")]).toEqual([304, false]);
    await expectPage(await visit(bucket, "/", { headers: { "if-match": '"other"' } }), "412 Precondition Failed", {
      Code: "PreconditionFailed",
      Message: "At least one of the pre-conditions you specified did not hold",
      Condition: "If-Match",
    });
  });

  it("query and headers cannot ask for more than the object", async () => {
    const bucket = await siteOf("index.html");
    await configureWebsite(bucket);
    for (const query of [
      "acl",
      "policy",
      "website",
      "list-type=2",
      "uploads",
      "versionId=x",
      "partNumber=9",
      "response-content-type=a",
    ]) {
      expect(await seen(await visit(bucket, `/?${query}`)), query).toEqual([200, "text/html", "index.html"]);
    }
    const headers = {
      authorization: "AWS4-HMAC-SHA256 Credential=nonsense",
      "x-amz-security-token": "nonsense",
      "x-amz-expected-bucket-owner": "nonsense",
      "x-amz-server-side-encryption-customer-algorithm": "AES256",
    };
    expect((await visit(bucket, "/", { headers })).status).toBe(200);
    expect((await visit(bucket, "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0")).status).toBe(200);
  });
});

describe("folders without their slash", () => {
  it("are redirected with 302 and AWS's page, without the query", async () => {
    const bucket = await siteOf("about/index.html", "ünï 1/index.html");
    await configureWebsite(bucket);
    for (const method of ["GET", "HEAD"]) {
      const response = await visit(bucket, "/about?a=1", { method });
      expect([response.status, response.headers.get("location")]).toEqual([302, "/about/"]);
      if (method === "GET") await expectPage(response, "302 Found", { Code: "Found", Message: "Resource Found" });
      else expect(response.headers.get("x-amz-error-code")).toBe("Found");
    }
    const response = await visit(bucket, "/%C3%BCn%C3%AF%201");
    expect([response.status, response.headers.get("location")]).toEqual([302, "/%C3%BCn%C3%AF%201/"]);
  });

  it("are found without permission to list, and before the rules for errors", async () => {
    const bucket = await bucketOf("about/index.html");
    await makePublic(bucket, "s3:GetObject");
    await configureWebsite(bucket, {
      rules: [
        "<Condition><HttpErrorCodeReturnedEquals>403</HttpErrorCodeReturnedEquals></Condition><Redirect><HostName>a.example</HostName></Redirect>",
      ],
    });
    expect((await visit(bucket, "/about")).headers.get("location")).toBe("/about/");
    expect(await redirectOf(await visit(bucket, "/other"))).toEqual([301, "http://a.example/other"]);
  });

  it("are not used if an object has the name", async () => {
    const bucket = await siteOf("about", "about/index.html");
    await configureWebsite(bucket);
    expect(await seen(await visit(bucket, "/about"))).toEqual([200, "text/html", "about"]);
  });

  it("are never redirected to another host", async () => {
    const bucket = await siteOf("/evil.example/index.html", "//evil.example/index.html", "\\evil.example/index.html");
    await configureWebsite(bucket);
    for (const [path, location] of [
      ["//evil.example", "/%2Fevil.example/"],
      ["///evil.example", "/%2F%2Fevil.example/"],
      ["/%5Cevil.example", "/%5Cevil.example/"],
    ] as const) {
      const response = await visit(bucket, path);
      expect([response.status, response.headers.get("location")], path).toEqual([302, location]);
    }
    expect((await seen(await visit(bucket, "/%2Fevil.example/")))[2]).toBe("/evil.example/index.html");
  });
});

describe("errors", () => {
  it("a missing key answers NoSuchKey with permission to list, else AccessDenied", async () => {
    const listed = await siteOf();
    await configureWebsite(listed);
    await expectPage(await visit(listed, "/missing"), "404 Not Found", noSuchKey("missing"));
    await expectPage(await visit(listed, "/"), "404 Not Found", noSuchKey("index.html"));
    const unlisted = await bucketOf();
    await makePublic(unlisted, "s3:GetObject");
    await configureWebsite(unlisted);
    await expectPage(await visit(unlisted, "/missing"), "403 Forbidden", DENIED);
    await expectPage(await visit(unlisted, "/"), "403 Forbidden", DENIED);
  });

  it("HEAD answers them in headers, without body and error document", async () => {
    const bucket = await siteOf("404.html");
    await configureWebsite(bucket, { error: "404.html" });
    const response = await visit(bucket, "/missing", { method: "HEAD" });
    expect(await seen(response)).toEqual([404, "text/html; charset=utf-8", ""]);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "x-amz-error-code": "NoSuchKey",
      "x-amz-error-message": "The specified key does not exist.",
      "x-amz-error-detail-key": "missing",
    });
    expect(response.headers.has("etag")).toBe(false);
  });

  it("the error document is sent whole, with the status of the error", async () => {
    const bucket = await siteOf("errors/404.html", "index.html");
    await configureWebsite(bucket, { error: "errors/404.html" });
    const headers = { range: "bytes=0-3", "if-none-match": "*" };
    const response = await visit(bucket, "/missing", { headers });
    expect(await seen(response)).toEqual([404, "text/html", "errors/404.html"]);
    expect(response.headers.get("content-range")).toBeNull();
    expect(response.headers.get("x-amz-error-code")).toBe("NoSuchKey");
    expect(response.headers.get("x-amz-error-detail-key")).toBe("missing");
    const beyond = await visit(bucket, "/index.html", { headers: { range: "bytes=99-" } });
    expect(await seen(beyond)).toEqual([416, "text/html", "errors/404.html"]);
  });

  it("403 sends the error document too, if everyone may read it", async () => {
    const bucket = await bucketOf("secret.html");
    await putObject(bucket, "404.html", "sorry", { headers: { "x-amz-acl": "public-read" } });
    await configureWebsite(bucket, { error: "404.html" });
    const shown = await visit(bucket, "/secret.html");
    expect([shown.status, await shown.text()]).toEqual([403, "sorry"]);
  });

  it("the page names the error of a missing or private error document", async () => {
    const bucket = await siteOf();
    await configureWebsite(bucket, { error: "404.html" });
    await expectPage(await visit(bucket, "/missing"), "404 Not Found", noSuchKey("missing"), noSuchKey("404.html"));
    const closed = await bucketOf("404.html");
    await makePublic(closed, "s3:ListBucket");
    await configureWebsite(closed, { error: "404.html" });
    await expectPage(await visit(closed, "/missing"), "404 Not Found", noSuchKey("missing"), DENIED);
  });

  it("an error document that is a redirect redirects", async () => {
    const bucket = await siteOf();
    await putObject(bucket, "404.html", "", {
      headers: { "x-amz-website-redirect-location": "https://a.example/sorry" },
    });
    await configureWebsite(bucket, { error: "404.html" });
    expect(await redirectOf(await visit(bucket, "/missing"))).toEqual([301, "https://a.example/sorry"]);
  });

  it("a bucket that does not exist answers NoSuchBucket, one without a website NoSuchWebsiteConfiguration", async () => {
    for (const bucket of ["no-bucket-of-this-name", "x", "not_a_name"]) {
      await expectPage(await visit(bucket, "/"), "404 Not Found", {
        Code: "NoSuchBucket",
        Message: "The specified bucket does not exist",
        BucketName: bucket,
      });
    }
    const bucket = await siteOf("index.html");
    await expectPage(await visit(bucket, "/"), "404 Not Found", {
      Code: "NoSuchWebsiteConfiguration",
      Message: "The specified bucket does not have a website configuration",
      BucketName: bucket,
    });
    await configureWebsite(bucket);
    expect((await visit(bucket, "/")).status).toBe(200);
    expect((await send({ method: "DELETE", bucket, query: "website" })).status).toBe(204);
    expect((await visit(bucket, "/")).status).toBe(404);
  });

  it.each(["PUT", "POST", "DELETE", "PATCH"])("%s answers MethodNotAllowed", async (method) => {
    const bucket = await siteOf("index.html");
    await configureWebsite(bucket, { error: "index.html" });
    const response = await visit(bucket, "/index.html", { method });
    expect(response.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    await expectPage(response, "405 Method Not Allowed", {
      Code: "MethodNotAllowed",
      Message: "The specified method is not allowed against this resource.",
      Method: method,
      ResourceType: "OBJECT",
    });
    expect((await visit(bucket, "/index.html")).status).toBe(200);
  });

  it("a key that is too long or not UTF-8 answers an error page", async () => {
    const bucket = await siteOf("404.html");
    await configureWebsite(bucket);
    const long = await visit(bucket, `/${"a".repeat(1025)}`);
    expect([long.status, long.headers.get("x-amz-error-code")]).toEqual([400, "KeyTooLongError"]);
    const broken = await visit(bucket, "/%FF");
    expect([broken.status, broken.headers.get("x-amz-error-code")]).toEqual([400, "InvalidURI"]);
    expect(await broken.text()).toContain("<h1>400 Bad Request</h1>");
  });

  it("an index with a key that is too long does not exist", async () => {
    const bucket = await siteOf();
    await configureWebsite(bucket);
    const response = await visit(bucket, `/${"a".repeat(1020)}/`);
    expect([response.status, response.headers.get("x-amz-error-code")]).toEqual([404, "NoSuchKey"]);
  });
});

describe("redirects", () => {
  const rule = (condition: string, redirect: string) =>
    `${condition && `<Condition>${condition}</Condition>`}<Redirect>${redirect}</Redirect>`;

  it("rules for keys apply before the object, rules for errors after it", async () => {
    const bucket = await siteOf("index.html", "docs/index.html", "404.html");
    await configureWebsite(bucket, {
      error: "404.html",
      rules: [
        rule("<KeyPrefixEquals>docs/</KeyPrefixEquals>", "<ReplaceKeyPrefixWith>documents/</ReplaceKeyPrefixWith>"),
        rule(
          "<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals><KeyPrefixEquals>old/</KeyPrefixEquals>",
          "<HostName>a.example</HostName><Protocol>https</Protocol><HttpRedirectCode>307</HttpRedirectCode>",
        ),
      ],
    });
    const place = `http://${bucket}.${WEBSITE_DOMAIN}`;
    for (const method of ["GET", "HEAD"]) {
      expect(await redirectOf(await visit(bucket, "/docs/?a=%20b", { method }))).toEqual([
        301,
        `${place}/documents/?a=%20b`,
      ]);
      expect(await redirectOf(await visit(bucket, "/old/page", { method }))).toEqual([
        307,
        "https://a.example/old/page",
      ]);
    }
    expect((await visit(bucket, "/other")).status).toBe(404);
    expect((await visit(bucket, "/")).status).toBe(200);
  });

  it.each([301, 302, 303, 304, 305, 307, 308])("a rule's HttpRedirectCode %i is the status", async (code) => {
    const bucket = await siteOf();
    const redirect = `<HostName>a.example</HostName><HttpRedirectCode>${code}</HttpRedirectCode>`;
    await configureWebsite(bucket, { rules: [rule("<KeyPrefixEquals>x</KeyPrefixEquals>", redirect)] });
    expect(await redirectOf(await visit(bucket, "/x"))).toEqual([code, "http://a.example/x"]);
  });

  it("a rule without condition applies to every request, also to the root and private objects", async () => {
    const bucket = await bucketOf("index.html");
    await configureWebsite(bucket, { rules: [rule("", "<HostName>a.example</HostName><Protocol>https</Protocol>")] });
    for (const path of ["/", "/index.html", "/missing"]) {
      expect(await redirectOf(await visit(bucket, path))).toEqual([301, `https://a.example${path}`]);
    }
  });

  it("a rule for errors uses the requested key, without the index", async () => {
    const bucket = await siteOf();
    const condition = "<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>";
    await configureWebsite(bucket, { rules: [rule(condition, "<HostName>a.example</HostName>")] });
    expect(await redirectOf(await visit(bucket, "/about/"))).toEqual([301, "http://a.example/about/"]);
    expect(await redirectOf(await visit(bucket, "/"))).toEqual([301, "http://a.example/"]);
  });

  it("a site that redirects everything keeps path and query, and reads no object", async () => {
    const bucket = await bucketOf("secret.html");
    const all = (content: string) => websiteDocument(`<RedirectAllRequestsTo>${content}</RedirectAllRequestsTo>`);
    await putWebsite(bucket, all("<HostName>www.example.com</HostName>"));
    for (const [path, target] of [
      ["/", "/"],
      ["/secret.html", "/secret.html"],
      ["/a%20b/?c=d&e=%2F", "/a%20b/?c=d&e=%2F"],
      ["//evil.example/x", "//evil.example/x"],
      ["/%FF", "/%FF"],
    ] as const) {
      expect(await redirectOf(await visit(bucket, path)), path).toEqual([301, `http://www.example.com${target}`]);
    }
    await putWebsite(bucket, all("<HostName>www.example.com</HostName><Protocol>https</Protocol>"));
    expect(await redirectOf(await visit(bucket, "/a", { method: "HEAD" }))).toEqual([301, "https://www.example.com/a"]);
    expect((await visit(bucket, "/", { method: "POST" })).status).toBe(405);
  });

  it("a redirect location answers 301, also for ranges, conditions and HEAD", async () => {
    const bucket = await siteOf();
    const put = (key: string, location: string, body = "") =>
      putObject(bucket, key, body, { headers: { "x-amz-website-redirect-location": location } });
    await put("old.html", "/new.html");
    await put("away.html", "https://a.example/b?c=d#e", "content");
    await put("folder/index.html", "/elsewhere/");
    await configureWebsite(bucket);
    for (const method of ["GET", "HEAD"]) {
      for (const headers of [{}, { range: "bytes=0-" }, { range: "bytes=5-9" }, { "if-match": '"other"' }]) {
        expect(await redirectOf(await visit(bucket, "/old.html?a=b", { method, headers }))).toEqual([301, "/new.html"]);
      }
      expect(await redirectOf(await visit(bucket, "/away.html", { method }))).toEqual([
        301,
        "https://a.example/b?c=d#e",
      ]);
      expect(await redirectOf(await visit(bucket, "/folder/", { method }))).toEqual([301, "/elsewhere/"]);
    }
    const onS3 = await send({ bucket, key: "old.html", as: null });
    expect([onS3.status, onS3.headers.get("x-amz-website-redirect-location")]).toEqual([200, "/new.html"]);
    await onS3.body?.cancel();
  });

  it("a redirect location is not sent for an object that not everyone may read", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "old.html", "", { headers: { "x-amz-website-redirect-location": "/secret-place" } });
    await configureWebsite(bucket);
    const response = await visit(bucket, "/old.html");
    expect([response.status, response.headers.get("location")]).toEqual([403, null]);
    expect(await response.text()).not.toContain("secret-place");
  });
});

describe("CORS", () => {
  const ORIGIN = "https://shop.example";

  it("the bucket's rules apply to all answers, errors and redirects included, and to preflights", async () => {
    const bucket = await siteOf("font.woff2", "about/index.html");
    await configureWebsite(bucket);
    await configureCors(bucket, `<AllowedOrigin>${ORIGIN}</AllowedOrigin><AllowedMethod>GET</AllowedMethod>`);
    for (const path of ["/font.woff2", "/missing", "/about"]) {
      const response = await visit(bucket, path, { headers: { origin: ORIGIN } });
      expect(corsHeadersOf(response), path).toMatchObject({ "access-control-allow-origin": ORIGIN });
      await response.body?.cancel();
    }
    const ask = (origin: string) =>
      visit(bucket, "/font.woff2", { method: "OPTIONS", headers: { origin, "access-control-request-method": "GET" } });
    const allowed = await ask(ORIGIN);
    expect([allowed.status, await allowed.text(), allowed.headers.get("access-control-allow-methods")]).toEqual([
      200,
      "",
      "GET",
    ]);
    const refused = await ask("https://evil.example");
    expect([refused.status, refused.headers.get("x-amz-error-code")]).toEqual([403, "AccessForbidden"]);
    expect(refused.headers.has("access-control-allow-origin")).toBe(false);
    await refused.body?.cancel();
  });
});

describe("hosts", () => {
  it("a bucket's host may have any port and case, and a website domain serves the bucket of its own name", async () => {
    const bucket = await siteOf("index.html");
    await configureWebsite(bucket);
    for (const host of [`${bucket}.website.localhost`, `${bucket.toUpperCase()}.WEBSITE.localhost:9`]) {
      expect((await visit(bucket, "/", { host })).status, host).toBe(200);
    }
    const unnamed = await visit("", "/", { host: "website.localhost" });
    expect([unnamed.status, unnamed.headers.get("x-amz-error-code")]).toEqual([404, "NoSuchBucket"]);
    expect((await send({ method: "PUT", bucket: "website.localhost" })).status).toBe(200);
    await putObject("website.localhost", "index.html", "of the domain");
    await makePublic("website.localhost", "s3:GetObject");
    await configureWebsite("website.localhost");
    expect((await seen(await visit("", "/", { host: "website.localhost" })))[2]).toBe("of the domain");
  });

  it("no other host is a website, even if a bucket has its name", async () => {
    expect((await send({ method: "PUT", bucket: "s3.localhost" })).status).toBe(200);
    await configureWebsite("s3.localhost");
    const response = await visit("", "/", { host: "s3.localhost" });
    expect([response.status, response.headers.get("content-type")]).toEqual([403, "application/xml"]);
    await response.body?.cancel();
  });
});

describe("a site in a versioned bucket", () => {
  it("serves current versions only, and takes delete markers as absent", async () => {
    const bucket = await siteOf("index.html", "error.html");
    await setVersioning(bucket, "Enabled");
    await configureWebsite(bucket, { error: "error.html" });
    const html = { headers: { "content-type": "text/html" } };
    const old = await putVersion(bucket, "page", "old", html);
    await putVersion(bucket, "page", "new", html);
    expect(await seen(await visit(bucket, `/page?versionId=${old}`))).toEqual([200, "text/html", "new"]);
    await putMarker(bucket, "page");
    expect(await seen(await visit(bucket, "/page"))).toEqual([404, "text/html", "error.html"]);
    await putMarker(bucket, "index.html");
    expect((await visit(bucket, "/")).status).toBe(404);
    await putMarker(bucket, "error.html");
    await expectPage(await visit(bucket, "/page"), "404 Not Found", noSuchKey("page"), noSuchKey("error.html"));
  });
});
