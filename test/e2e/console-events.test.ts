/** The console's pages of topics, deliveries and usage, in Chromium against a server of its own, whose schedule the tests run. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { INVENTORY } from "../../src/sweeps/schedules.ts";
import { describeTool, newBucketName } from "../clients/support/tools.ts";
import { startTestServer, type TestServer } from "../support/dev-server.ts";
import { expectAccessible, goTo, ownRequests, signIn, useConsole } from "./console/console.ts";

const DAY_MS = 86_400_000;

describeTool("chromium", ["--version"], () => {
  let server: TestServer;
  let page: Page;
  let own: ReturnType<typeof ownRequests>;

  beforeAll(async () => {
    server = await startTestServer();
    own = ownRequests(server);
  });

  afterAll(async () => {
    await server?.stop();
  });

  useConsole(
    () => server,
    (opened) => {
      page = opened;
    },
  );

  beforeEach(async () => {
    await signIn(page, server);
  });

  test("a topic is created, subscribed and published to, given a policy, and deleted", async () => {
    const subscriber = await startSubscriber();
    try {
      await goTo(page, "/topics");
      await page.getByRole("button", { name: "Create topic" }).click();
      await page.getByLabel("Name").fill("pictures");
      await page.getByRole("button", { name: "Create", exact: true }).click();
      await page.getByText("No one is subscribed.").waitFor();
      await page.getByRole("button", { name: "Subscribe a URL" }).click();
      await page.getByRole("textbox", { name: "URL" }).fill(subscriber.url);
      await page.getByRole("button", { name: "Subscribe", exact: true }).click();
      await expect.poll(() => subscriber.messages).toContain("confirmed");
      await page.reload();
      await signIn(page, server);
      await page.getByRole("button", { name: `Unsubscribe ${subscriber.url}` }).waitFor();

      await page.getByRole("button", { name: "Publish a message" }).click();
      await page.getByLabel("Message", { exact: true }).fill("hello & goodbye");
      await page.getByRole("button", { name: "Publish", exact: true }).click();
      await expect.poll(() => subscriber.messages).toContain("hello & goodbye");

      await page.getByLabel("Document", { exact: true }).waitFor();
      const policy = JSON.parse(await page.getByLabel("Document", { exact: true }).inputValue());
      await page.getByLabel("Name").first().fill("renamed");
      await page.getByRole("button", { name: "Save", exact: true }).click();
      await page.getByText("Access policy: saved.").waitFor();
      await page.reload();
      await signIn(page, server);
      await expect.poll(() => page.getByLabel("Document", { exact: true }).inputValue()).toContain("renamed");
      const saved = JSON.parse(await page.getByLabel("Document", { exact: true }).inputValue());
      expect(saved.Statement[0].Sid).toBe("renamed");
      // The form writes the shorter form of the same principal.
      const [statement] = policy.Statement;
      expect({ ...saved.Statement[0], Sid: statement.Sid }).toEqual({ ...statement, Principal: "*" });
      await expectAccessible(page);

      await page.getByRole("button", { name: `Unsubscribe ${subscriber.url}` }).click();
      await page.getByText("No one is subscribed.").waitFor();
      await page.getByRole("button", { name: "Delete topic" }).click();
      await page.getByLabel("Type pictures to confirm").fill("pictures");
      await page.getByRole("dialog").getByRole("button", { name: "Delete topic" }).click();
      await page.getByText("This account has no topics.").waitFor();
    } finally {
      await subscriber.stop();
    }
  });

  test("deliveries show receivers and dead letters, which are sent again or deleted", async () => {
    const letter = {
      id: "letter-1",
      kind: "delivery",
      receiver: "arn:aws:sqs:us-east-1:1:q",
      event: "s3:ObjectCreated:Put",
    };
    const calls: string[] = [];
    let left = [
      {
        ...letter,
        bucket: "photos",
        key: "a b.jpg",
        reason: "the queue is not bound",
        givenUpAt: "2026-11-29T16:00:00.000Z",
      },
    ];
    await page.route("**/-/admin/dead-letters**", async (route) => {
      const request = route.request();
      if (request.method() === "OPTIONS") return route.fallback();
      calls.push(`${request.method()} ${new URL(request.url()).pathname}`);
      if (request.method() !== "GET") left = [];
      await route.fulfill({
        json: request.method() === "GET" ? { deadLetters: left } : { count: 1 },
        headers: { "access-control-allow-origin": "*" },
      });
    });
    await goTo(page, "/deliveries");
    await page.getByText("s3:ObjectCreated:Put photos a b.jpg").waitFor();
    await expectAccessible(page);
    await page.getByRole("button", { name: "Send again letter-1" }).click();
    await page.getByText("There are no dead letters.").waitFor();
    expect(calls).toContain("POST /-/admin/dead-letters/letter-1/retry");
  });

  test("an account is created with a root key, which administers the account and not the deployment", async () => {
    await goTo(page, "/accounts");
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByLabel("Name", { exact: true }).fill("a tenant");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByText("shown now and never again").waitFor();
    const [accessKeyId = "", secretAccessKey = ""] = await page.getByRole("dialog").locator("code").allTextContents();
    await page.getByRole("button", { name: "I have stored it" }).click();
    await expectAccessible(page);
    await page.getByRole("link", { name: "a tenant" }).click();
    await page.getByRole("button", { name: `Deactivate ${accessKeyId}` }).waitFor();
    await expectAccessible(page);

    await page.getByRole("button", { name: "Sign out" }).click();
    await signIn(page, { accessKeyId, secretAccessKey });
    await goTo(page, "/buckets");
    await page.getByText("This account has no buckets.").waitFor();
    const links = await page.getByRole("navigation", { name: "Main" }).getByRole("link").allTextContents();
    expect(links).toEqual(["Buckets", "Users", "Topics"]);
  });

  test("an answer of the admin API that refuses is shown with its code", async () => {
    await goTo(page, "/buckets/no-such-bucket-of-ours/usage");
    await page.getByRole("alert").getByText("NoSuchBucket").waitFor();
  });

  test("usage shows what buckets hold, and a chart of the days with the same figures in a table", async () => {
    const bucket = newBucketName("usage");
    const now = Date.now();
    expect((await own("PUT", `/${bucket}`)).status).toBe(200);
    expect((await own("PUT", `/${bucket}/first`, { body: "x".repeat(1_000) })).status).toBe(200);
    await server.runScheduled(INVENTORY, now);
    expect((await own("PUT", `/${bucket}/second`, { body: "x".repeat(3_096) })).status).toBe(200);
    await server.runScheduled(INVENTORY, now + DAY_MS);

    await goTo(page, "/usage");
    const row = page.getByRole("row").filter({ hasText: bucket });
    await row.getByText("4 KiB").waitFor();
    await page.getByRole("region", { name: "Accounts" }).getByText("root").waitFor();
    await expectAccessible(page);
    await page.getByRole("link", { name: bucket }).click();
    await page.getByText("2 objects, 4 KiB").waitFor();
    const chart = page.getByRole("img", { name: "Size of objects" });
    await chart.waitFor();
    const table = page.getByRole("table", { name: "Usage by day" });
    await table.getByText("1,000 bytes").waitFor();
    await page.getByLabel("Show").selectOption("objects");
    await page.getByRole("img", { name: "Number of objects" }).waitFor();
    await expectAccessible(page);
    await page.setViewportSize({ width: 360, height: 780 });
    await expect.poll(() => page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
  });

  test("quotas of a bucket and of an account are set, replaced and removed", async () => {
    const bucket = newBucketName("quota");
    expect((await own("PUT", `/${bucket}`)).status).toBe(200);
    const quotaOf = async (path: string) => JSON.parse((await own("GET", `/-/admin/quotas${path}`)).body);
    const button = (name: string) => page.getByRole("button", { name });
    const save = async (gigabytes: string, objects: string) => {
      await page.getByLabel("Size in GB").fill(gigabytes);
      await page.getByLabel("Number of objects").fill(objects);
      await button("Save").click();
      await page.getByRole("dialog").waitFor({ state: "hidden" });
    };
    await goTo(page, `/buckets/${bucket}/usage`);
    await button("Change quota").click();
    await expectAccessible(page);
    await save("1.5", "");
    await expect.poll(() => quotaOf(`/buckets/${bucket}`)).toMatchObject({ bytes: 1_500_000_000, objects: null });
    await button("Change quota").click();
    await expect.poll(() => page.getByLabel("Size in GB").inputValue()).toBe("1.5");
    await save("", "7");
    await expect.poll(() => quotaOf(`/buckets/${bucket}`)).toMatchObject({ bytes: null, objects: 7 });
    await page.getByText("The quota was saved.").first().waitFor();
    await button("Change quota").click();
    await expect.poll(() => page.getByLabel("Number of objects").inputValue()).toBe("7");
    await save("", "");
    await expect.poll(() => quotaOf(`/buckets/${bucket}`)).toMatchObject({ bytes: null, objects: null });

    await goTo(page, "/usage");
    const account = page.getByRole("region", { name: "Accounts" });
    await button("Change the quota of root").click();
    await save("1000", "");
    await account.getByText(/ of \d/).waitFor();
    await button("Change the quota of root").click();
    await save("", "");
    await expect.poll(() => account.getByText(/ of \d/).count()).toBe(0);
  });
});

interface Subscriber {
  readonly url: string;
  /** `confirmed`, and what was published. */
  readonly messages: readonly string[];
  stop(): Promise<void>;
}

/** Confirms subscriptions to it, and keeps what it is sent. */
async function startSubscriber(): Promise<Subscriber> {
  const messages: string[] = [];
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.end();
    const message = JSON.parse(Buffer.concat(chunks).toString());
    if (message.Type === "SubscriptionConfirmation") {
      await fetch(message.SubscribeURL);
      messages.push("confirmed");
    } else messages.push(message.Message);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    messages,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
