/** The console's pages of settings and users, in Chromium against `npm start`. */
import { createHash } from "node:crypto";
import { AwsClient } from "aws4fetch";
import type { Page } from "playwright-core";
import { beforeEach, expect, inject, test } from "vitest";
import { describeTool, newBucketName } from "../clients/support/tools.ts";
import { callIam, expectAccessible, goTo, type Keys, ownRequests, signIn, useConsole } from "./console/console.ts";

const server = inject("devServer");
const own = ownRequests(server);

describeTool("chromium", ["--version"], () => {
  let page: Page;
  let bucket: string;

  useConsole(
    () => server,
    (opened) => {
      page = opened;
    },
  );

  beforeEach(async () => {
    bucket = newBucketName("settings");
    expect((await own("PUT", `/${bucket}`)).status).toBe(200);
    await signIn(page, server);
  });

  const open = async (section: string, label: string) => {
    await goTo(page, `/buckets/${bucket}/settings?section=${section}`);
    await page.getByRole("heading", { name: label, level: 2, exact: true }).waitFor();
    await page.getByLabel("Document", { exact: true }).waitFor();
  };
  const save = async (label: string) => {
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText(`${label}: saved.`).waitFor();
  };
  const documentText = () => page.getByLabel("Document", { exact: true }).inputValue();
  const stored = async (query: string) => (await own("GET", `/${bucket}?${query}`)).body;

  test("a CORS rule is made in the form, shown as a document, saved, and removed", async () => {
    await open("cors", "CORS");
    await page.getByRole("button", { name: "Add rule" }).click();
    await page.getByLabel("Origins, one a line").fill("https://app.example.com\nhttps://other.example.com");
    await page.getByLabel("PUT", { exact: true }).check();
    await expect.poll(documentText).toContain("<AllowedOrigin>https://other.example.com</AllowedOrigin>");
    await expectAccessible(page);
    await save("CORS");
    expect(await stored("cors")).toContain("<AllowedMethod>PUT</AllowedMethod>");
    await page.getByRole("button", { name: "Remove CORS" }).click();
    await page.getByText("CORS: removed.").waitFor();
    expect(await stored("cors")).toContain("<Code>NoSuchCORSConfiguration</Code>");
  });

  test("the form follows the text, and gives way to parts that it has no fields for", async () => {
    await open("lifecycle", "Lifecycle");
    const rule = (filter: string) =>
      `<LifecycleConfiguration><Rule><ID>old</ID><Filter>${filter}</Filter><Status>Enabled</Status><Expiration><Days>7</Days></Expiration></Rule></LifecycleConfiguration>`;
    await page.getByLabel("Document", { exact: true }).fill(rule("<Prefix>logs/</Prefix>"));
    await expect.poll(() => page.getByLabel("Expire after days").inputValue()).toBe("7");
    await page.getByLabel("Document", { exact: true }).fill(rule("<Tag><Key>a</Key><Value>b</Value></Tag>"));
    await page.getByText("parts that this form has no fields for").waitFor();
    await save("Lifecycle");
    expect(await stored("lifecycle")).toContain("<Tag><Key>a</Key><Value>b</Value></Tag>");
  });

  test("a text is not lost: not by a mistake, an error of the endpoint, another page, or a change by someone else", async () => {
    await open("lifecycle", "Lifecycle");
    await page.getByLabel("Document", { exact: true }).fill("<LifecycleConfiguration><Rule>");
    await page.getByText("The form shows the document again when its text is correct.").waitFor();
    const text =
      "<LifecycleConfiguration><Rule><ID>x</ID><Status>Enabled</Status><Prefix></Prefix></Rule></LifecycleConfiguration>";
    await page.getByLabel("Document", { exact: true }).fill(text);
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("alert").getByText("InvalidRequest").waitFor();
    await expect.poll(documentText).toBe(text);
    await open("cors", "CORS");
    const body =
      "<LifecycleConfiguration><Rule><ID>theirs</ID><Filter></Filter><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>";
    const headers = { "content-md5": createHash("md5").update(body).digest("base64") };
    expect((await own("PUT", `/${bucket}?lifecycle`, { body, headers })).status).toBe(200);
    await open("lifecycle", "Lifecycle");
    await expect.poll(documentText).toBe(text);
    await page.getByText("The endpoint has another document now").waitFor();
    await page.getByRole("button", { name: "Discard changes" }).click();
    await expect.poll(documentText).toContain("theirs");
  });

  test("a text outlives a session that ends by itself, for the same user, and is forgotten by signing out", async () => {
    const newKey = async (): Promise<Keys> => {
      const created = await callIam(server, { Action: "CreateAccessKey", UserName: bucket });
      const [, accessKeyId = ""] = /<AccessKeyId>([^<]+)</.exec(created) ?? [];
      const [, secretAccessKey = ""] = /<SecretAccessKey>([^<]+)</.exec(created) ?? [];
      return { accessKeyId, secretAccessKey };
    };
    const all = { Version: "2012-10-17", Statement: { Effect: "Allow", Action: "s3:*", Resource: "*" } };
    await callIam(server, { Action: "CreateUser", UserName: bucket });
    await callIam(server, {
      Action: "PutUserPolicy",
      UserName: bucket,
      PolicyName: "all",
      PolicyDocument: JSON.stringify(all),
    });
    const [first, second] = [await newKey(), await newKey()];
    await page.getByRole("button", { name: "Sign out" }).click();
    await signIn(page, first);
    await open("website", "Website");
    await page.getByLabel("Index document").fill("mine.html");
    await callIam(server, { Action: "DeleteAccessKey", UserName: bucket, AccessKeyId: first.accessKeyId });
    // Isolates keep keys for a second.
    const asFirst = ownRequests({ ...server, ...first });
    await expect.poll(async () => (await asFirst("GET", `/${bucket}`)).body).toContain("InvalidAccessKeyId");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await page.getByText("InvalidAccessKeyId").waitFor();
    await signIn(page, second);
    await open("website", "Website");
    await expect.poll(() => page.getByLabel("Index document").inputValue()).toBe("mine.html");
    await page.getByRole("button", { name: "Sign out" }).click();
    await signIn(page, second);
    await open("website", "Website");
    await expect.poll(() => page.getByLabel("Index document").inputValue()).toBe("");
  });

  test("fields are checked before anything is sent", async () => {
    await open("replication", "Replication");
    await page.getByRole("button", { name: "Add rule" }).click();
    await page.getByLabel("ARN of the destination").fill("my-bucket");
    await page.getByLabel("Priority").fill("first");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("alert").getByText("2 fields must be corrected").waitFor();
    await expect.poll(() => page.getByLabel("Priority").getAttribute("aria-invalid")).toBe("true");
    await expect.poll(() => page.evaluate("document.activeElement.getAttribute('aria-invalid')")).toBe("true");
    expect(await stored("replication")).toContain("<Code>ReplicationConfigurationNotFoundError</Code>");
  });

  test("a policy says what it allows before it is saved, and the endpoint does the same afterwards", async () => {
    expect((await own("PUT", `/${bucket}/public.txt`, { body: "hello" })).status).toBe(200);
    const visit = () => fetch(`${server.endpoint}/${bucket}/public.txt`).then(({ status }) => status);
    await open("policy", "Policy");
    await page.getByRole("button", { name: "Add: Everyone reads objects" }).click();
    const check = page.getByRole("region", { name: "What this policy allows" });
    await check.getByText("Public: everyone may do").waitFor();
    await check.getByText(`allows everyone s3:GetObject on arn:aws:s3:::${bucket}/*`).waitFor();
    await check.getByText("Yes: PublicRead allows it.").waitFor();
    await page.getByLabel("Action", { exact: true }).selectOption("s3:PutObject");
    await check.getByText("Not by this policy").waitFor();
    await expectAccessible(page);
    expect(await visit()).toBe(403);
    await save("Policy");
    await expect.poll(visit).toBe(200);
    await page.getByRole("button", { name: "Add: Refuse plain HTTP" }).click();
    await check.getByText("OnlyTls").first().waitFor();
    await page.getByLabel("Action", { exact: true }).selectOption("s3:GetObject");
    await check.getByText("It depends on the conditions or variables of OnlyTls.").waitFor();
  });

  test("a public policy that the public access block refuses stays in the form with the endpoint's error", async () => {
    await open("publicAccessBlock", "Public access block");
    await page.getByLabel("Refuse a public policy").check();
    await save("Public access block");
    await open("policy", "Policy");
    await page.getByRole("button", { name: "Add: Everyone reads objects" }).click();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("alert").getByText("AccessDenied").waitFor();
    await expect.poll(documentText).toContain("PublicRead");
  });

  test.each([
    ["versioning", "Versioning", "Versioning", "Enabled", "<Status>Enabled</Status>"],
    [
      "ownershipControls",
      "Object ownership",
      "Object ownership",
      "ObjectWriter",
      "<ObjectOwnership>ObjectWriter</ObjectOwnership>",
    ],
  ])("%s is chosen in the form", async (section, label, field, value, expected) => {
    await open(section, label);
    await page.getByRole("combobox", { name: field }).selectOption(value);
    await save(label);
    expect(await stored(section)).toContain(expected);
  });

  test("website, logging, encryption and tags are filled in and saved", async () => {
    await open("website", "Website");
    await page.getByLabel("Index document").fill("index.html");
    await save("Website");
    expect(await stored("website")).toContain("<Suffix>index.html</Suffix>");
    await open("encryption", "Encryption");
    await page.getByLabel("Bucket key").check();
    await save("Encryption");
    expect(await stored("encryption")).toContain("<BucketKeyEnabled>true</BucketKeyEnabled>");
    await open("tagging", "Tags");
    await page.getByRole("button", { name: "Add tag" }).click();
    await page.getByLabel("Key", { exact: true }).fill("team");
    await page.getByLabel("Value").fill("research / more");
    await save("Tags");
    expect(await stored("tagging")).toContain("<Value>research / more</Value>");
    await open("logging", "Access logs");
    await page.getByLabel("Bucket for the logs").fill("Not A Bucket");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("This cannot be the name of a bucket.").waitFor();
  });

  test("notifications and replication are set up with a topic and a bucket that exist, and the state of replication is shown", async () => {
    const sns = new AwsClient({ ...server, service: "sns", retries: 0 });
    const form = new URLSearchParams({ Action: "CreateTopic", Version: "2010-03-31", Name: bucket }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await (await sns.fetch(`${server.endpoint}/`, { method: "POST", body: form, headers })).text();
    const [, topic = ""] = /<TopicArn>([^<]+)</.exec(answer) ?? [];
    await open("notification", "Notifications");
    await page.getByRole("button", { name: "Add topic" }).click();
    await page.getByLabel("ARN of the topic").fill(topic);
    await page.getByRole("button", { name: "Add condition" }).click();
    await page.getByLabel("is", { exact: true }).fill("incoming/");
    await expectAccessible(page);
    await save("Notifications");
    expect(await stored("notification")).toContain(`<Topic>${topic}</Topic>`);
    await expect.poll(() => page.getByLabel("is", { exact: true }).inputValue()).toBe("incoming/");

    const copy = newBucketName("copy");
    expect((await own("PUT", `/${copy}`)).status).toBe(200);
    for (const name of [bucket, copy]) {
      const body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
      expect((await own("PUT", `/${name}?versioning`, { body })).status).toBe(200);
    }
    await open("replication", "Replication");
    await page.getByRole("button", { name: "Add rule" }).click();
    await page.getByLabel("ARN of the destination").fill(`arn:aws:s3:::${copy}`);
    await save("Replication");
    expect(await stored("replication")).toContain(`<Bucket>arn:aws:s3:::${copy}</Bucket>`);
    const status = page.getByRole("region", { name: "Replication status" });
    await status.getByText("not requested").waitFor();
    await status.getByRole("button", { name: "Replicate existing objects" }).click();
    await page.getByText("Existing objects are being replicated.").waitFor();
  });

  test("a user gets a key, whose secret is shown once, and a policy that takes effect", async () => {
    const user = bucket;
    await goTo(page, "/users");
    await page.getByRole("button", { name: "Create user" }).click();
    await page.getByLabel("Name").fill(user);
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByRole("link", { name: user }).click();
    await page.getByRole("button", { name: "Create access key" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("shown now and never again").waitFor();
    const [accessKeyId = "", secretAccessKey = ""] = await dialog.locator("code").allTextContents();
    expect(accessKeyId).toMatch(/^AKIA/);
    await dialog.getByRole("button", { name: "I have stored it" }).click();
    await dialog.waitFor({ state: "hidden" });
    expect(await page.locator("body").textContent()).not.toContain(secretAccessKey);

    const asUser = ownRequests({ ...server, accessKeyId, secretAccessKey });
    expect((await asUser("GET", `/${bucket}?list-type=2`)).status).toBe(403);
    await page.getByRole("button", { name: "Add policy" }).click();
    await page.getByLabel("Name of the policy").fill("reader");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: "Add statement" }).click();
    await page.getByLabel("Actions, one a line").fill("s3:ListBucket");
    await page.getByLabel("Resources, one a line").fill(`arn:aws:s3:::${bucket}`);
    await expectAccessible(page);
    await save("Policy");
    await expect.poll(async () => (await asUser("GET", `/${bucket}?list-type=2`)).status).toBe(200);

    await goTo(page, `/users/${user}`);
    await page.getByRole("button", { name: `Deactivate ${accessKeyId}` }).click();
    await page.getByRole("button", { name: `Activate ${accessKeyId}` }).waitFor();
    await expect.poll(async () => (await asUser("GET", `/${bucket}?list-type=2`)).status).toBe(403);
    await page.getByRole("button", { name: "Delete user" }).click();
    await page.getByLabel(`Type ${user} to confirm`).fill(user);
    await page.getByRole("dialog").getByRole("button", { name: "Delete user" }).click();
    await page.getByText(`The user ${user} is deleted.`).waitFor();
  });

  test("settings are usable on a phone's width and in the dark", async () => {
    await page.setViewportSize({ width: 360, height: 780 });
    await page.emulateMedia({ colorScheme: "dark" });
    for (const [section, label] of [
      ["policy", "Policy"],
      ["replication", "Replication"],
    ] as const) {
      await open(section, label);
      await page.getByRole("button", { name: /^Add (statement|rule)$/ }).click();
      await expect.poll(() => page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
      await expectAccessible(page);
    }
  });
});
