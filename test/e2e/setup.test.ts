/** The set-up of a server that has a SETUP_CODE and no keys, by a person with a browser in which scripts are off. */
import { AwsClient } from "aws4fetch";
import type { BrowserContext } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeTool, temporaryFolder } from "../clients/support/tools.ts";
import { startTestServer, type TestServer } from "../support/dev-server.ts";
import { keysOn } from "../support/setup-page.ts";
import { startBrowser } from "./browser/site.ts";

const CODE = "a code of a test 123";

describeTool("chromium", ["--version"], () => {
  const folder = temporaryFolder();
  let server: TestServer;
  let browser: BrowserContext;

  beforeAll(async () => {
    server = await startTestServer({ SETUP_CODE: CODE });
    browser = await startBrowser(folder, { javaScriptEnabled: false });
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  test("a wrong code is refused, the right one shows keys once, and they survive a restart", async () => {
    const list = (accessKeyId: string, secretAccessKey: string) =>
      new AwsClient({ accessKeyId, secretAccessKey, region: "us-east-1", service: "s3", retries: 0 }).fetch(
        server.endpoint,
      );
    expect((await list(server.accessKeyId, server.secretAccessKey)).status).toBe(503);

    const page = await browser.newPage();
    const enter = async (code: string) => {
      await page.getByLabel("SETUP_CODE").fill(code);
      const answered = page.waitForResponse((response) => response.request().method() === "POST");
      await page.getByRole("button", { name: "Set up" }).click();
      return (await answered).status();
    };
    await page.goto(`${server.endpoint}/-/setup`);
    expect(await enter("a wrong code, but long enough")).toBe(403);
    expect(await page.getByRole("alert").textContent()).toContain("not the SETUP_CODE");
    expect(await enter(CODE)).toBe(200);
    const keys = keysOn(await page.content());
    expect(keys).toBeDefined();

    await page.goto(`${server.endpoint}/-/setup`);
    expect(await page.getByRole("alert").textContent()).toContain("has been set up");
    await server.kill(2_000);
    await server.start();
    expect((await list(keys?.accessKeyId ?? "", keys?.secretAccessKey ?? "")).status).toBe(200);
    expect((await list(server.accessKeyId, server.secretAccessKey)).status).toBe(403);
  });
});
