/// <reference lib="dom" />
/** A site of real files in a real browser: pages, style, pictures, redirects, and a film with seeking by ranges. */
import { AwsClient } from "aws4fetch";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { describeTool, newBucketName, temporaryFolder } from "../clients/support/tools.ts";
import { makePng, makeWav, publicPolicy } from "../clients/support/website.ts";
import { startBrowser } from "./browser/site.ts";

const server = inject("devServer");

const page = (title: string, depth: string, body: string) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>
   <link rel="stylesheet" href="${depth}style/site.css"></head><body>${body}</body></html>`;

const SECONDS = 240;
const FILES: readonly (readonly [key: string, type: string, body: string | Uint8Array<ArrayBuffer>])[] = [
  [
    "index.html",
    "text/html",
    page(
      "Home – Zoë's site",
      "",
      `<h1>Home</h1><img id="square" src="images/a square.png" alt="">
       <a id="about" href="about/">About</a> <a id="bare" href="about">About, no slash</a>
       <a id="moved" href="moved.html">Moved</a> <a id="old" href="old/team.html">Old</a>
       <a id="lost" href="nowhere/at/all.html">Lost</a>
       <video id="film" src="media/film.wav" preload="metadata" controls></video>`,
    ),
  ],
  [
    "about/index.html",
    "text/html",
    page("About", "../", `<h1>About</h1><a id="home" href="../">Home</a><a id="team" href="team.html">Team</a>`),
  ],
  ["about/team.html", "text/html", page("Team", "../", "<h1>Team</h1>")],
  ["errors/404.html", "text/html", page("Not here", "/", "<h1>Nothing here</h1>")],
  ["style/site.css", "text/css", 'h1 { color: rgb(12, 34, 56); background-image: url("../images/a%20square.png"); }'],
  ["images/a square.png", "image/png", makePng(7, [200, 30, 60])],
  ["media/film.wav", "audio/wav", makeWav(SECONDS)],
];

const rule = (content: string, redirect: string) =>
  `<RoutingRule><Condition>${content}</Condition><Redirect>${redirect}</Redirect></RoutingRule>`;

describeTool("chromium", ["--version"], () => {
  const folder = temporaryFolder();
  const bucket = newBucketName("site");
  const site = `http://${bucket}.website.localhost:${server.port}`;
  const { accessKeyId, secretAccessKey, region } = server;
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3", retries: 0 });
  let browser: BrowserContext;
  let visitor: Page;
  let answers: { path: string; status: number; range: string | undefined }[];

  const put = async (
    path: string,
    body: string | Uint8Array<ArrayBuffer> = "",
    headers: Record<string, string> = {},
  ) => {
    const url = `${server.endpoint}/${bucket}${path}`;
    const response = await fetch(await client.sign(url, { method: "PUT", body, headers }));
    expect([response.status < 300, await response.text()], path).toEqual([true, ""]);
  };

  beforeAll(async () => {
    await put("");
    for (const [key, type, body] of FILES) await put(`/${encodeURI(key)}`, body, { "content-type": type });
    await put("/moved.html", "", { "x-amz-website-redirect-location": "/about/team.html" });
    await put("?policy", publicPolicy(bucket));
    const rules = [
      rule("<KeyPrefixEquals>old/</KeyPrefixEquals>", "<ReplaceKeyPrefixWith>about/</ReplaceKeyPrefixWith>"),
      rule(
        "<KeyPrefixEquals>app/</KeyPrefixEquals><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>",
        "<ReplaceKeyPrefixWith>#!/</ReplaceKeyPrefixWith><HttpRedirectCode>302</HttpRedirectCode>",
      ),
    ].join("");
    await put(
      "?website",
      `<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument><ErrorDocument><Key>errors/404.html</Key></ErrorDocument><RoutingRules>${rules}</RoutingRules></WebsiteConfiguration>`,
    );
    browser = await startBrowser(folder);
  });

  afterAll(async () => {
    await browser?.close();
  });

  beforeEach(async () => {
    visitor = await browser.newPage();
    answers = [];
    visitor.on("response", (response) => {
      const { pathname } = new URL(response.url());
      answers.push({ path: pathname, status: response.status(), range: response.headers()["content-range"] });
    });
    return async () => visitor.close();
  });

  /** What a visitor sees of the page. */
  const look = () =>
    visitor.evaluate(() => ({
      title: document.title,
      heading: document.querySelector("h1")?.textContent,
      color: getComputedStyle(document.querySelector("h1") ?? document.body).color,
      background: getComputedStyle(document.querySelector("h1") ?? document.body).backgroundImage,
    }));
  const STYLED = { color: "rgb(12, 34, 56)", background: `url("${site}/images/a%20square.png")` };

  const follow = async (id: string) => {
    await Promise.all([visitor.waitForEvent("load"), visitor.click(`#${id}`)]);
    return new URL(visitor.url());
  };

  test("the home page has its style and its picture", async () => {
    const response = await visitor.goto(`${site}/`);
    expect([response?.status(), response?.headers()["content-type"]]).toEqual([200, "text/html"]);
    expect(await look()).toEqual({ title: "Home – Zoë's site", heading: "Home", ...STYLED });
    const picture = await visitor.evaluate(() => {
      const image = document.querySelector("img");
      return [image?.complete, image?.naturalWidth, image?.naturalHeight];
    });
    expect(picture).toEqual([true, 7, 7]);
  });

  test("relative links work into folders and back; a folder without its slash is redirected, so that they still work", async () => {
    await visitor.goto(site);
    expect((await follow("about")).href).toBe(`${site}/about/`);
    expect(await look()).toMatchObject({ title: "About", ...STYLED });
    expect((await follow("team")).pathname).toBe("/about/team.html");
    await visitor.goto(site);
    expect((await follow("bare")).href).toBe(`${site}/about/`);
    expect(answers).toContainEqual({ path: "/about", status: 302, range: undefined });
    expect(await look()).toMatchObject({ title: "About", ...STYLED });
    expect((await follow("home")).href).toBe(`${site}/`);
  });

  test("an object's redirect and routing rules lead to other pages", async () => {
    await visitor.goto(site);
    expect((await follow("moved")).href).toBe(`${site}/about/team.html`);
    expect(answers).toContainEqual({ path: "/moved.html", status: 301, range: undefined });
    await visitor.goto(site);
    expect((await follow("old")).href).toBe(`${site}/about/team.html`);
    expect(await look()).toMatchObject({ title: "Team" });
    await visitor.goto(`${site}/app/settings?tab=2`);
    expect(visitor.url()).toBe(`${site}/#!/settings?tab=2`);
    expect(await look()).toMatchObject({ heading: "Home" });
  });

  test("a missing page is the site's own 404, in its style", async () => {
    await visitor.goto(site);
    await follow("lost");
    expect(answers).toContainEqual({ path: "/nowhere/at/all.html", status: 404, range: undefined });
    expect(await look()).toEqual({ title: "Not here", heading: "Nothing here", ...STYLED });
  });

  test("a host without a site shows S3's page", async () => {
    const response = await visitor.goto(`http://no-such-site.website.localhost:${server.port}/`);
    expect(response?.status()).toBe(404);
    expect(await visitor.textContent("h1")).toBe("404 Not Found");
    expect(await visitor.textContent("ul")).toContain("Code: NoSuchBucket");
  });

  test("seeking in a film uses ranges", async () => {
    await visitor.goto(site);
    const seek = (seconds: number) =>
      visitor.evaluate(
        (to) =>
          new Promise<readonly number[]>((resolve, reject) => {
            const film = document.querySelector("video");
            if (film === null) return reject(new Error("no film"));
            film.onerror = () => reject(new Error(`media error ${film.error?.code}: ${film.error?.message}`));
            const start = () => {
              film.onseeked = () => resolve([film.currentTime, film.duration, film.readyState]);
              film.currentTime = to;
            };
            if (film.readyState >= 1) start();
            else film.onloadedmetadata = start;
          }),
        seconds,
      );
    for (const to of [SECONDS - 10, 90]) {
      const [at, duration, ready] = await seek(to);
      expect(at).toBeCloseTo(to, 1);
      expect(duration).toBeCloseTo(SECONDS, 1);
      expect(ready).toBeGreaterThanOrEqual(2);
    }
    const ranges = answers.filter(({ path }) => path === "/media/film.wav");
    expect(ranges.length).toBeGreaterThanOrEqual(2);
    const size = makeWav(SECONDS).byteLength;
    const starts = ranges.map(({ status, range }) => {
      expect([status, range]).toEqual([206, expect.stringMatching(new RegExp(`^bytes \\d+-\\d+/${size}$`))]);
      return Number(/\d+/.exec(range ?? "")?.[0]);
    });
    // The browser requests the last ten seconds by themselves.
    expect(Math.max(...starts)).toBeGreaterThan(size / 2);
  });

  test("the ordinary host shows the same pages to visitors", async () => {
    const response = await visitor.goto(`${server.endpoint}/${bucket}/`);
    expect(response?.status()).toBe(200);
    expect(await look()).toMatchObject({ heading: "Home", color: STYLED.color });
    expect((await follow("about")).pathname).toBe(`/${bucket}/about/`);
    expect(await look()).toMatchObject({ title: "About", color: STYLED.color });
  });
});
