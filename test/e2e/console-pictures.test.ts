/** The pictures of docs/console.md. `npm run pictures` writes them to docs/images; otherwise they are only made. */
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import type { BrowserContext, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { INVENTORY } from "../../src/sweeps/schedules.ts";
import { describeTool, temporaryFolder } from "../clients/support/tools.ts";
import { startTestServer, type TestServer } from "../support/dev-server.ts";
import { startBrowser } from "./browser/site.ts";
import { goTo, openConsole, ownRequests, signIn } from "./console/console.ts";

const MAX_PICTURE_BYTES = 150_000;
const DAY_MS = 86_400_000;

describeTool("chromium", ["--version"], () => {
  const folder = temporaryFolder();
  const pictures = process.env.PICTURES ?? join(folder, "pictures");
  let server: TestServer;
  let browser: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    mkdirSync(pictures, { recursive: true });
    [server, browser] = await Promise.all([startTestServer(), startBrowser(folder)]);
    const own = ownRequests(server);
    for (const bucket of ["backups", "photos", "public-site"])
      expect((await own("PUT", `/${bucket}`)).status).toBe(200);
    const put = async (key: string, body: string | Uint8Array<ArrayBuffer>, type: string) => {
      const headers = { "content-type": type, "x-amz-meta-camera": "X100" };
      expect((await own("PUT", `/photos/${key}`, { body, headers })).status).toBe(200);
    };
    for (const key of ["2025/a.jpg", "2026/coast.png", "raw/1.dng"]) await put(key, gradient(640, 360), "image/png");
    await put("captions.csv", "file,caption\ncoast.png,The coast\n", "text/csv");
    await put("index.html", "<h1>Photos</h1>", "text/html");
    await put("licence.txt", "All rights reserved.\n", "text/plain");
    await server.runScheduled(INVENTORY, Date.now());
    page = (await openConsole(browser, server)).page;
    await signIn(page, server);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** @param below what the picture ends with, instead of beginning with the page */
  const take = async (name: string, below?: Locator) => {
    const path = join(pictures, `${name}.png`);
    await page.waitForLoadState("networkidle");
    await page.evaluate(() => scrollTo(0, 0));
    await below?.evaluate((element) => element.scrollIntoView({ block: "end" }));
    await page.screenshot({ path, animations: "disabled" });
    const { size } = statSync(path);
    expect(size).toBeGreaterThan(8_000);
    expect(size).toBeLessThan(MAX_PICTURE_BYTES);
  };

  const show = async (route: string, { width, height, colorScheme }: Look) => {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    await goTo(page, route);
  };

  interface Look {
    readonly width: number;
    readonly height: number;
    readonly colorScheme: "light" | "dark";
  }

  const WIDE = { width: 1_000, height: 700 };
  const PHONE = { width: 390, height: 720 };

  test("buckets, with what they hold", async () => {
    await show("/buckets", { ...WIDE, colorScheme: "light" });
    await page.getByRole("row").filter({ hasText: "photos" }).getByRole("cell", { name: "6", exact: true }).waitFor();
    await page.getByText("the oldest figure is of").waitFor();
    await take("console-buckets");
  });

  test("objects of a bucket, with a selection", async () => {
    await show("/buckets/photos", { ...WIDE, colorScheme: "light" });
    await page.getByLabel("Select captions.csv").check();
    await page.getByLabel("Select licence.txt").check();
    await take("console-objects");
  });

  test("the preview of an image, dark", async () => {
    await show("/buckets/photos/object?key=2026%2Fcoast.png", { ...WIDE, colorScheme: "dark" });
    await page.getByRole("img").waitFor();
    await take("console-object-dark");
  });

  test("a shared link, on a phone", async () => {
    await show("/buckets/photos/object?key=licence.txt", { ...PHONE, colorScheme: "light" });
    await page.getByRole("button", { name: "Share" }).click();
    await page.getByText(/^Until /).waitFor();
    await take("console-share-phone");
    await page.keyboard.press("Escape");
  });

  test("the policy of a bucket, with what it allows", async () => {
    await show("/buckets/public-site/settings?section=policy", { width: 1_000, height: 1_000, colorScheme: "light" });
    await page.getByRole("button", { name: "Add: Everyone reads objects" }).click();
    await page.getByText("Yes: PublicRead allows it.").waitFor();
    await take("console-policy", page.getByRole("region", { name: "What this policy allows" }));
    await page.getByRole("button", { name: "Discard changes" }).click();
  });

  test("usage over time", async () => {
    const own = ownRequests(server);
    const counts = 8;
    for (let day = 1; day <= counts; day++) {
      const body = "x".repeat(100_000 * (1 + (day % 3)));
      expect((await own("PUT", `/backups/${day}.tar`, { body })).status).toBe(200);
      await server.runScheduled(INVENTORY, Date.now() + (day - counts) * DAY_MS);
    }
    await show("/buckets/backups/usage", { ...WIDE, height: 800, colorScheme: "light" });
    await page.getByRole("img", { name: "Size of objects" }).waitFor();
    await take("console-usage");
  });
});

/** A picture of a sky and a sea: rows of one colour each, as PNG. */
function gradient(width: number, height: number): Uint8Array<ArrayBuffer> {
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y++) {
    const part = y / height;
    const color = part < 0.6 ? [90 + part * 220, 150 + part * 120, 220] : [20, 70 + part * 60, 110 + part * 50];
    for (let x = 0; x < width; x++) rows.set(color, y * (width * 3 + 1) + 1 + x * 3);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const chunks = [chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))];
  return new Uint8Array(Buffer.concat([signature, ...chunks]));
}

function chunk(type: string, data: Buffer): Buffer {
  const content = Buffer.concat([Buffer.from(type), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(content));
  return Buffer.concat([length, content, checksum]);
}
