/** The console of a server in a real browser. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { AwsClient } from "aws4fetch";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { temporaryFolder } from "../../clients/support/tools.ts";
import type { DevServerAccess } from "../../support/dev-server.ts";
import { startBrowser } from "../browser/site.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export function consoleOrigin({ port }: Pick<DevServerAccess, "port">): string {
  return `http://console.localhost:${port}`;
}

/** An open console. */
export interface OpenConsole {
  readonly page: Page;
  /** What the browser reported: exceptions, and violations of the Content-Security-Policy. */
  readonly faults: string[];
}

export async function openConsole(browser: BrowserContext, server: DevServerAccess): Promise<OpenConsole> {
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    const text = message.text();
    // Answers that the page expects (a version without a lock) are "Failed to load resource" to the browser.
    if (message.type() === "error" && !/Failed to load resource/.test(text)) faults.push(text);
  });
  await page.goto(consoleOrigin(server));
  return { page, faults };
}

/**
 * Registers a browser for the tests of a file, and a console for each, which is open at its begin and has reported no fault at its end.
 * @param server is asked for each test
 */
export function useConsole(server: () => DevServerAccess, useWith: (page: Page) => void): void {
  const folder = temporaryFolder();
  let browser: BrowserContext;
  let opened: OpenConsole;
  beforeAll(async () => {
    browser = await startBrowser(folder);
  });
  afterAll(async () => {
    await browser?.close();
  });
  beforeEach(async () => {
    opened = await openConsole(browser, server());
    useWith(opened.page);
  });
  afterEach(async () => {
    await opened.page.close();
    expect(opened.faults).toEqual([]);
  });
}

export async function signIn(page: Page, { accessKeyId, secretAccessKey }: Keys): Promise<void> {
  await page.getByLabel("Access key id").fill(accessKeyId);
  await page.getByLabel("Secret access key").fill(secretAccessKey);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}

/** Opens a page of the console by its route (`/buckets/b?prefix=a/`), and waits until it is shown. */
export async function goTo(page: Page, route: string): Promise<void> {
  await page.evaluate(
    (hash) =>
      new Promise<void>((resolve) => {
        if (location.hash === `#${hash}`) return resolve();
        // After the page is drawn, and the effects of that, which Preact runs at the next frame or 35 ms later.
        addEventListener("hashchange", () => requestAnimationFrame(() => setTimeout(resolve, 50)), { once: true });
        location.hash = hash;
      }),
    route,
  );
  await page.locator("#page-title").waitFor();
  await expect.poll(() => page.locator(".loading").count()).toBe(0);
}

/** Fails with every rule of WCAG 2 A and AA, and every good practice, that axe finds broken. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(AXE);
  const broken: string[] = await page.evaluate(async () => {
    const axe = Reflect.get(globalThis, "axe");
    const { violations } = await axe.run(document, { iframes: false });
    return violations.flatMap(({ id, nodes }: { id: string; nodes: { html: string; failureSummary: string }[] }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  });
  expect(broken).toEqual([]);
}

/** Requests of the test itself, as the root account. */
export function ownRequests({ endpoint, ...access }: DevServerAccess) {
  const client = new AwsClient({ ...access, service: "s3", retries: 0 });
  return async (
    method: string,
    path: string,
    init: { body?: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> } = {},
  ) => {
    const response = await client.fetch(`${endpoint}${path}`, { method, ...init });
    return { status: response.status, headers: response.headers, body: await response.text() };
  };
}

/** Calls IAM as the root account. */
export async function callIam(
  { endpoint, ...access }: DevServerAccess,
  fields: Readonly<Record<string, string>>,
): Promise<string> {
  const client = new AwsClient({ ...access, service: "iam", retries: 0 });
  const response = await client.fetch(`${endpoint}/`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ Version: "2010-05-08", ...fields }).toString(),
  });
  const body = await response.text();
  if (!response.ok) throw new Error(body);
  return body;
}
