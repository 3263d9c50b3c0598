/** A website on its own origin, and a real browser that visits it. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { bareEnvironment, findOnPath } from "../../clients/support/tools.ts";

const PAGE = readFileSync(new URL("page.html", import.meta.url));

/** For a start, an action or a state, on a machine that may be busy. */
const WAIT_MS = 60_000;

export interface Site {
  /** Two origins of one server: a browser compares text, not addresses. */
  readonly origin: string;
  readonly otherOrigin: string;
  stop(): Promise<void>;
}

/** Serves page.html on any path. */
export async function startSite(): Promise<Site> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(PAGE);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    otherOrigin: `http://localhost:${port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Debian's Chromium with an empty profile, which connects only to the opened pages. */
export async function startBrowser(
  folder: string,
  options: { readonly javaScriptEnabled?: boolean } = {},
): Promise<BrowserContext> {
  const executablePath = findOnPath("chromium");
  if (executablePath === undefined) throw new Error("chromium is not on PATH");
  const browser = await chromium.launchPersistentContext(join(folder, "profile"), {
    ...options,
    timeout: WAIT_MS,
    executablePath,
    headless: true,
    env: bareEnvironment(folder),
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  browser.setDefaultTimeout(WAIT_MS);
  return browser;
}

export interface PageRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly credentials?: "include" | "omit";
}

export interface Seen {
  readonly status?: number;
  /** The headers that the page may read. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Name and message of the error of `fetch`. */
  readonly refused?: string;
}

/** An open page of the site, and the preflights that the browser sent for it. */
export interface Visitor {
  readonly page: Page;
  readonly preflights: string[];
  ask(url: string, request?: PageRequest): Promise<Seen>;
  /** Calls a function of page.html. */
  call<Result>(name: string, ...parameters: unknown[]): Promise<Result>;
}

export async function visit(browser: BrowserContext, origin: string): Promise<Visitor> {
  const page = await browser.newPage();
  await page.goto(origin);
  const preflights: string[] = [];
  // Playwright's events do not include preflights.
  const devtools = await browser.newCDPSession(page);
  await devtools.send("Network.enable");
  devtools.on("Network.requestWillBeSent", ({ request }) => {
    const { method, headers } = request;
    if (method === "OPTIONS") preflights.push(`OPTIONS ${headers["Access-Control-Request-Method"]}`);
  });
  const call: Visitor["call"] = (name, ...parameters) =>
    page.evaluate(`${name}(${parameters.map((parameter) => JSON.stringify(parameter)).join(", ")})`);
  return { page, preflights, call, ask: (url, request = {}) => call("ask", url, request) };
}
