/** A real browser enforces what a page of another origin may do with a bucket. */
import { AwsClient } from "aws4fetch";
import type { BrowserContext } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { describeTool, newBucketName, temporaryFolder } from "../clients/support/tools.ts";
import { signForm } from "./browser/post-policy.ts";
import { type Seen, type Site, startBrowser, startSite, type Visitor, visit } from "./browser/site.ts";

const server = inject("devServer");

describeTool("chromium", ["--version"], () => {
  const folder = temporaryFolder();
  const bucket = newBucketName("browser");
  const styles = [
    ["path", `${server.endpoint}/${bucket}`],
    // Chromium resolves all of *.localhost to the loopback address.
    ["virtual-host", `http://${bucket}.s3.localhost:${server.port}`],
  ] as const;
  const { accessKeyId, secretAccessKey, region } = server;
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3", retries: 0 });
  let site: Site;
  let browser: BrowserContext;
  let visitor: Visitor;

  /** From Node, as the bucket's owner. */
  const own = async (method: string, path = "", body?: string) => {
    const request = await client.sign(`${server.endpoint}/${bucket}${path}`, {
      method,
      ...(body !== undefined && { body, headers: { "x-amz-checksum-sha256": await sha256(body) } }),
    });
    const response = await fetch(request);
    return { status: response.status, body: await response.text() };
  };

  const presign = async (method: string, url: string, headers: Record<string, string> = {}) => {
    const signed = await client.sign(`${url}?X-Amz-Expires=300`, { method, headers, aws: { signQuery: true } });
    return signed.url;
  };

  const configure = async (...rules: string[]) => {
    const list = rules.map((rule) => `<CORSRule>${rule}</CORSRule>`).join("");
    const answer = await own("PUT", "?cors", `<CORSConfiguration>${list}</CORSConfiguration>`);
    expect(answer).toEqual({ status: 200, body: "" });
  };

  const allow = (origin: string, ...methods: string[]) =>
    [
      `<AllowedOrigin>${origin}</AllowedOrigin>`,
      ...methods.map((name) => `<AllowedMethod>${name}</AllowedMethod>`),
    ].join("");

  beforeAll(async () => {
    [site, browser] = await Promise.all([startSite(), startBrowser(folder)]);
    expect((await own("PUT")).status).toBe(200);
  });

  afterAll(async () => {
    await browser?.close();
    await site?.stop();
  });

  beforeEach(async () => {
    visitor = await visit(browser, site.origin);
    return async () => visitor.page.close();
  });

  test.each(styles)("uploads by presigned PUT and reads back what the rule exposes, %s style", async (style, url) => {
    await configure(
      `${allow(site.origin, "PUT", "GET")}<AllowedHeader>content-type</AllowedHeader>
       <AllowedHeader>x-amz-meta-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-amz-meta-name</ExposeHeader>`,
    );
    const body = `Zoë's upload, ${style}`;
    const headers = { "content-type": "text/x-note", "x-amz-meta-name": "note" };
    const put = await visitor.ask(await presign("PUT", `${url}/${style}`, headers), { method: "PUT", headers, body });
    expect(put).toMatchObject({ status: 200, body: "" });
    expect(visitor.preflights).toEqual(["OPTIONS PUT"]);
    const etag = put.headers?.etag;
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);

    const got = await visitor.ask(await presign("GET", `${url}/${style}`));
    expect(got).toMatchObject({ status: 200, body });
    expect(got.headers).toMatchObject({ etag, "x-amz-meta-name": "note", "content-type": "text/x-note" });
    // Sent, but not exposed.
    expect(got.headers).not.toHaveProperty("x-amz-request-id");
    // A plain GET needs no preflight.
    expect(visitor.preflights).toHaveLength(1);
  });

  test("is refused where the rules do not allow the origin, and nothing is stored", async () => {
    await configure(`${allow(site.otherOrigin, "PUT", "GET")}<AllowedHeader>*</AllowedHeader>`);
    const url = `${server.endpoint}/${bucket}/origin`;
    const put = await visitor.ask(await presign("PUT", url), { method: "PUT", body: "x" });
    expect(put).toEqual({ refused: "TypeError: Failed to fetch" });
    expect(visitor.preflights).toEqual(["OPTIONS PUT"]);
    expect((await own("GET", "/origin")).status).toBe(404);

    const other = await visit(browser, site.otherOrigin);
    expect(await other.ask(await presign("PUT", url), { method: "PUT", body: "x" })).toMatchObject({ status: 200 });
    expect(await own("GET", "/origin")).toEqual({ status: 200, body: "x" });
    await other.page.close();

    // This request has no preflight and is served, but the page cannot read the answer.
    expect(await visitor.ask(await presign("GET", url))).toEqual({ refused: "TypeError: Failed to fetch" });
  });

  test("is refused where the rules do not allow the method, and nothing is deleted", async () => {
    await configure(`${allow(site.origin, "PUT", "GET")}<AllowedHeader>*</AllowedHeader>`);
    expect((await own("PUT", "/method", "x")).status).toBe(200);
    const url = await presign("DELETE", `${server.endpoint}/${bucket}/method`);
    expect(await visitor.ask(url, { method: "DELETE" })).toEqual({ refused: "TypeError: Failed to fetch" });
    expect(await own("GET", "/method")).toEqual({ status: 200, body: "x" });

    await configure(allow(site.origin, "DELETE"));
    expect(await visitor.ask(url, { method: "DELETE" })).toMatchObject({ status: 204 });
    expect((await own("GET", "/method")).status).toBe(404);
  });

  test("is refused where the rules do not allow a header, and nothing is stored", async () => {
    await configure(`${allow(site.origin, "PUT")}<AllowedHeader>x-amz-meta-name</AllowedHeader>`);
    const url = `${server.endpoint}/${bucket}/header`;
    const put = async (headers: Record<string, string>) =>
      visitor.ask(await presign("PUT", url, headers), { method: "PUT", headers, body: "x" });
    expect(await put({ "x-amz-meta-name": "a", "x-amz-meta-other": "b" })).toEqual({
      refused: "TypeError: Failed to fetch",
    });
    expect((await own("GET", "/header")).status).toBe(404);
    expect(await put({ "x-amz-meta-name": "a" })).toMatchObject({ status: 200 });
    expect((await own("GET", "/header")).status).toBe(200);
  });

  test("is refused by a bucket without rules", async () => {
    expect((await own("DELETE", "?cors")).status).toBe(204);
    const url = `${server.endpoint}/${bucket}/none`;
    expect(await visitor.ask(await presign("PUT", url), { method: "PUT", body: "x" })).toHaveProperty("refused");
    expect(await visitor.ask(await presign("GET", url))).toHaveProperty("refused");
    expect((await own("GET", "/none")).status).toBe(404);
  });

  test("reads errors, so that a page can show its user the reason", async () => {
    await configure(allow(site.origin, "GET", "PUT"));
    const url = `${server.endpoint}/${bucket}/missing`;
    const missing = await visitor.ask(await presign("GET", url));
    expect([missing.status, missing.body]).toEqual([404, expect.stringContaining("<Code>NoSuchKey</Code>")]);
    const forged = await visitor.ask(`${await presign("PUT", url)}0`, { method: "PUT", body: "x" });
    expect([forged.status, forged.body]).toEqual([403, expect.stringContaining("<Code>SignatureDoesNotMatch</Code>")]);
    const anonymous = await visitor.ask(url);
    expect([anonymous.status, anonymous.body]).toEqual([403, expect.stringContaining("<Code>AccessDenied</Code>")]);
  });

  test("sends credentials if the rule names the origin, and not if it is for all origins", async () => {
    const url = await presign("GET", `${server.endpoint}/${bucket}/credentials`);
    expect((await own("PUT", "/credentials", "x")).status).toBe(200);
    await configure(allow(site.origin, "GET"));
    expect(await visitor.ask(url, { credentials: "include" })).toMatchObject({ status: 200, body: "x" });
    await configure(allow("*", "GET"));
    expect(await visitor.ask(url)).toMatchObject({ status: 200, body: "x" });
    expect(await visitor.ask(url, { credentials: "include" })).toEqual({ refused: "TypeError: Failed to fetch" });
  });

  test("sends one preflight within MaxAgeSeconds", async () => {
    await configure(`${allow(site.origin, "PUT")}<MaxAgeSeconds>300</MaxAgeSeconds>`);
    const url = await presign("PUT", `${server.endpoint}/${bucket}/cached`);
    for (const body of ["first", "second"]) {
      expect(await visitor.ask(url, { method: "PUT", body })).toMatchObject({ status: 200 });
    }
    expect(visitor.preflights).toEqual(["OPTIONS PUT"]);
    expect(await own("GET", "/cached")).toEqual({ status: 200, body: "second" });
  });

  test.each(styles)(
    "a visitor's form uploads and comes back to the site, no rule needed, %s style",
    async (style, url) => {
      expect((await own("DELETE", "?cors")).status).toBe(204);
      const fields = {
        success_action_redirect: `${site.origin}/thanks?from=form`,
        "content-type": "text/x-note",
        "x-amz-meta-name": "Zoë",
      };
      const conditions = [{ bucket }, ["starts-with", "$key", `${style}/`]] as const;
      const signed = signForm(server, fields, conditions);
      await visitor.call("prepare", url, { ...signed, key: `${style}/\${filename}` });
      const buffer = Buffer.from("chosen by the visitor");
      await visitor.page.setInputFiles("input[type=file]", { name: "ünï note.txt", mimeType: "text/plain", buffer });
      await Promise.all([visitor.page.waitForURL(`${site.origin}/thanks?**`), visitor.page.click("button")]);
      const { searchParams } = new URL(visitor.page.url());
      expect(Object.fromEntries(searchParams)).toEqual({
        from: "form",
        bucket,
        key: `${style}/ünï note.txt`,
        etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
      });
      expect(visitor.preflights).toEqual([]);
      const stored = await own("GET", `/${style}/${encodeURIComponent("ünï note.txt")}`);
      expect(stored).toEqual({ status: 200, body: "chosen by the visitor" });
    },
  );

  test("a form sent by a script uploads without a preflight, and reads the answer if a rule allows it", async () => {
    const url = `${server.endpoint}/${bucket}`;
    const conditions = [{ bucket }, ["content-length-range", 1, 10]] as const;
    const post = (key: string, content: string) =>
      visitor.call<Seen>("post", url, signForm(server, { key, success_action_status: "201" }, conditions), content);

    await configure(`${allow(site.origin, "POST")}<ExposeHeader>ETag</ExposeHeader>`);
    const created = await post("by-script", "x");
    expect([created.status, created.body]).toEqual([201, expect.stringContaining("<Key>by-script</Key>")]);
    expect(created.headers).toMatchObject({ etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) });
    const tooLarge = await post("by-script", "more than ten bytes");
    expect([tooLarge.status, tooLarge.body]).toEqual([400, expect.stringContaining("<Code>EntityTooLarge</Code>")]);
    expect(await own("GET", "/by-script")).toEqual({ status: 200, body: "x" });

    // Browsers send forms without a preflight. The rules decide who may read the answer; the form's policy decides what it may do.
    await configure(allow(site.otherOrigin, "POST"));
    expect(await post("unread", "y")).toEqual({ refused: "TypeError: Failed to fetch" });
    expect(await own("GET", "/unread")).toEqual({ status: 200, body: "y" });
    expect(visitor.preflights).toEqual([]);
  });

  test("a form with a progress bar sends a preflight, and is refused if the rules do not allow POST", async () => {
    const url = `${server.endpoint}/${bucket}`;
    const post = (key: string) =>
      visitor.call<Seen>("postWithProgress", url, signForm(server, { key }, [{ bucket }]), "content");
    await configure(allow(site.origin, "PUT"));
    expect(await post("progress")).toEqual({ refused: "XMLHttpRequest: error" });
    expect(visitor.preflights).toEqual(["OPTIONS POST"]);
    expect((await own("GET", "/progress")).status).toBe(404);

    await configure(allow(site.origin, "POST"));
    expect(await post("progress")).toEqual({ status: 204, body: "" });
    expect(await own("GET", "/progress")).toEqual({ status: 200, body: "content" });
  });
});

async function sha256(text: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toString("base64");
}
