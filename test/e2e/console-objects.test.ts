/** The console's pages of buckets and objects, in Chromium against `npm start`. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { beforeEach, expect, inject, test } from "vitest";
import { describeTool, newBucketName, temporaryFolder } from "../clients/support/tools.ts";
import { callIam, expectAccessible, goTo, ownRequests, signIn, useConsole } from "./console/console.ts";

const server = inject("devServer");
const own = ownRequests(server);

/** One black pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

describeTool("chromium", ["--version"], () => {
  const folder = temporaryFolder();
  let page: Page;
  let bucket: string;

  useConsole(
    () => server,
    (opened) => {
      page = opened;
    },
  );

  beforeEach(async () => {
    bucket = newBucketName("console");
  });

  const put = (key: string, body: string, headers: Record<string, string> = {}) =>
    own("PUT", `/${bucket}/${key}`, { body, headers });

  /** A bucket of the test, opened by root. */
  const openBucket = async (headers: Record<string, string> = {}) => {
    expect((await own("PUT", `/${bucket}`, { headers })).status).toBe(200);
    await signIn(page, server);
    await goTo(page, `/buckets/${bucket}`);
    await page.getByRole("heading", { name: bucket }).waitFor();
  };

  const enableVersions = async () => {
    const body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    expect((await own("PUT", `/${bucket}?versioning`, { body })).status).toBe(200);
  };

  const button = (name: string | RegExp) => page.getByRole("button", { name, exact: typeof name === "string" });
  const linkTo = (name: string) => page.getByRole("link", { name, exact: true });

  test("keys that are wrong are refused, and keys that are accepted are stored nowhere", async () => {
    await page.getByLabel("Access key id").fill(server.accessKeyId);
    await page.getByLabel("Secret access key").fill("wrong");
    await button("Sign in").click();
    expect(await page.getByRole("alert").textContent()).toMatch(/^SignatureDoesNotMatch .*Request /);
    await signIn(page, server);
    const kept = await page.evaluate(() => [
      localStorage.length,
      sessionStorage.length,
      document.cookie,
      location.href,
    ]);
    expect(kept).toEqual([0, 0, "", expect.not.stringContaining(server.accessKeyId)]);
    await page.reload();
    await button("Sign in").waitFor();
  });

  test("a user sees the endpoint's refusals with their request ids, and a deleted key ends the session", async () => {
    const UserName = `console-${bucket}`;
    await callIam(server, { Action: "CreateUser", UserName });
    const created = await callIam(server, { Action: "CreateAccessKey", UserName });
    const field = (name: string) => new RegExp(`<${name}>([^<]+)<`).exec(created)?.[1] ?? "";
    const AccessKeyId = field("AccessKeyId");
    await signIn(page, { accessKeyId: AccessKeyId, secretAccessKey: field("SecretAccessKey") });
    expect(await page.getByRole("alert").textContent()).toMatch(/^AccessDenied .*Request /);
    await callIam(server, { Action: "DeleteAccessKey", UserName, AccessKeyId });
    // Isolates keep keys for a second.
    const asUser = ownRequests({ ...server, accessKeyId: AccessKeyId, secretAccessKey: field("SecretAccessKey") });
    await expect.poll(async () => (await asUser("GET", `/${bucket}`)).body).toContain("InvalidAccessKeyId");
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `/buckets/${bucket}`);
    await button("Sign in").waitFor();
    await page.getByText("InvalidAccessKeyId").waitFor();
    await callIam(server, { Action: "DeleteUser", UserName });
  });

  test("a bucket is created with versions, filled, emptied and deleted", async () => {
    await signIn(page, server);
    await button("Create bucket").click();
    await page.getByLabel("Name", { exact: true }).fill("No Name");
    await page.getByText("A name consists of lower-case letters").waitFor();
    expect(await button("Create").isDisabled()).toBe(true);
    await page.getByLabel("Name", { exact: true }).fill(bucket);
    await page.getByLabel("Keep versions").check();
    await button("Create").click();
    await linkTo(bucket).waitFor();
    expect((await own("GET", `/${bucket}?versioning`)).body).toContain("<Status>Enabled</Status>");
    for (const key of ["a", "a", "b/c"]) await put(key, "x");
    await own("DELETE", `/${bucket}/a`);

    await button(`Delete ${bucket}`).click();
    await page.getByLabel(`Type ${bucket}`).fill(bucket);
    await button("Delete the bucket").click();
    expect(await page.getByRole("alert").textContent()).toMatch(/^BucketNotEmpty /);
    await page.getByLabel("Delete all its objects").check();
    await button("Delete the bucket").click();
    await page.getByText(`Bucket ${bucket} was deleted.`).waitFor();
    expect((await own("HEAD", `/${bucket}`)).status).toBe(404);
  });

  test("a folder is uploaded with its files, and they are previewed without running any of them", async () => {
    const tree = join(folder, "tree");
    mkdirSync(join(tree, "sub folder"), { recursive: true });
    writeFileSync(join(tree, "note.txt"), "Zoë's note");
    writeFileSync(join(tree, "picture.png"), PNG);
    writeFileSync(join(tree, "page.html"), "<title>x</title><script>document.title = 'run'; alert(1)</script>");
    writeFileSync(join(tree, "sub folder", "50% & + ünï.bin"), Buffer.alloc(1_000, 7));
    let dialogs = 0;
    page.on("dialog", (dialog) => {
      dialogs++;
      void dialog.dismiss();
    });

    await openBucket();
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), button("Upload folder").click()]);
    await chooser.setFiles(tree);
    await button("Upload").click();
    await page.getByText("4 files of 4").waitFor();
    await linkTo("tree/").click();
    await linkTo("sub folder/").click();
    await linkTo("50% & + ünï.bin").waitFor();
    const stored = await own("GET", `/${bucket}/tree/sub%20folder/50%25%20%26%20%2B%20%C3%BCn%C3%AF.bin`);
    expect([stored.status, stored.headers.get("content-length")]).toEqual([200, "1000"]);

    await page.goBack();
    await linkTo("picture.png").click();
    const image = page.getByRole("img", { name: "tree/picture.png" });
    await image.waitFor();
    await expect.poll(() => image.evaluate((element) => Reflect.get(element, "naturalWidth"))).toBe(1);
    await page.goBack();
    await linkTo("note.txt").click();
    await expect.poll(() => page.getByLabel("Text of tree/note.txt").inputValue()).toBe("Zoë's note");
    await page.goBack();
    await linkTo("page.html").click();
    await expect.poll(() => page.getByLabel("Text of tree/page.html").inputValue()).toContain("<script>");
    await expect.poll(() => page.title()).toBe("tree/page.html · workers-s3 console");
    expect(dialogs).toBe(0);
  });

  test("a small compressed text that becomes a large one is read up to 256 KiB", async () => {
    await openBucket();
    const body = new Uint8Array(gzipSync(Buffer.alloc(128 * 1024 ** 2, "a")));
    await own("PUT", `/${bucket}/bomb.txt`, {
      body,
      headers: { "content-type": "text/plain", "content-encoding": "gzip" },
    });
    await goTo(page, `/buckets/${bucket}/object?key=bomb.txt`);
    await page.getByText("The first 256 KiB.").waitFor();
    expect(await page.getByLabel("Text of bomb.txt").inputValue()).toBe("a".repeat(256 * 1024));
  });

  test("a stored type cannot make an object a page: a PDF that is HTML, an image that is a script", async () => {
    await openBucket();
    const html = "<script>parent.postMessage('run', '*')</script>";
    await put("fake.pdf", html, { "content-type": "application/pdf" });
    await put("fake.svg", `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">${html}</svg>`, {
      "content-type": "image/svg+xml",
    });
    await page.evaluate(() => addEventListener("message", () => Reflect.set(globalThis, "hasRun", true)));
    for (const key of ["fake.pdf", "fake.svg"]) {
      const shown = page.waitForResponse(
        (response) => response.url().includes(`/${key}?`) && response.status() === 200,
      );
      await goTo(page, `/buckets/${bucket}/object?key=${key}`);
      const response = await shown;
      expect(response.headers()["content-type"]).toBe(key === "fake.pdf" ? "application/pdf" : "image/svg+xml");
      await page.waitForLoadState("networkidle");
    }
    expect(await page.evaluate(() => Reflect.get(globalThis, "hasRun"))).toBeUndefined();
  });

  test("a large file is uploaded in parts, pauses and goes on", async () => {
    const path = join(folder, "large.bin");
    const bytes = Buffer.alloc(40 * 1024 ** 2);
    for (let index = 0; index < bytes.length; index += 4_096) bytes.writeUInt32LE(index, index);
    writeFileSync(path, bytes);
    await openBucket();
    const parts: string[] = [];
    let stored = 0;
    page.on("requestfinished", (request) => {
      if (request.method() === "PUT" && request.url().includes("partNumber=")) stored++;
    });
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route(/partNumber=/, async (route, request) => {
      if (request.method() === "PUT") parts.push(new URL(request.url()).searchParams.get("partNumber") ?? "");
      if (parts.length > 2) await released;
      // A request that the pause has ended cannot go on.
      await route.continue().catch(() => undefined);
    });

    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), button("Upload files").click()]);
    await chooser.setFiles(path);
    await button("Upload").click();
    await page.getByText("16 MiB of 40 MiB").waitFor();
    await expect.poll(() => [stored, parts.length]).toEqual([2, 5]);
    await button("Pause").click();
    await page.getByText("Paused", { exact: true }).first().waitFor();
    release();
    expect((await own("HEAD", `/${bucket}/large.bin`)).status).toBe(404);
    await button("Resume").click();
    await page.getByText("1 file of 1").waitFor();
    // Two were stored before the pause, and were not sent again.
    expect([new Set(parts).size, parts.length]).toEqual([5, 8]);
    const sha256 = createHash("sha256").update(bytes).digest("hex");

    await linkTo("large.bin").click();
    const [download] = await Promise.all([page.waitForEvent("download"), button("Download").click()]);
    expect(download.suggestedFilename()).toBe("large.bin");
    expect(
      createHash("sha256")
        .update(readFileSync(await download.path()))
        .digest("hex"),
    ).toBe(sha256);
    expect((await own("GET", `/${bucket}?uploads`)).body).not.toContain("<Upload>");
  });

  test("objects that exist can be kept, and dropped files are taken", async () => {
    await openBucket();
    await put("note.txt", "old");
    const transfer = await page.evaluateHandle(() => {
      const data = new DataTransfer();
      data.items.add(new File(["new"], "note.txt"));
      data.items.add(new File(["other"], "other.txt"));
      return data;
    });
    await page.getByRole("region", { name: "Objects" }).dispatchEvent("drop", { dataTransfer: transfer });
    await page.getByLabel("Keep objects that exist").check();
    await button("Upload").click();
    await page.getByText("Uploaded; 1 object existed and stayed").first().waitFor();
    expect((await own("GET", `/${bucket}/note.txt`)).body).toBe("old");
    expect((await own("GET", `/${bucket}/other.txt`)).body).toBe("other");
  });

  test("a link works without keys, and says when it expires", async () => {
    await openBucket();
    await put("shared.txt", "for you");
    await goTo(page, `/buckets/${bucket}/object?key=shared.txt`);
    await button("Share").click();
    await page.getByLabel("Expires in").selectOption("1 day");
    await page.getByLabel("Save as a file").check();
    await expect
      .poll(() => page.getByLabel("Link").inputValue())
      .toMatch(/Expires=86400.*attachment|attachment.*Expires=86400/);
    const url = await page.getByLabel("Link").inputValue();
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([200, "for you"]);
    expect(response.headers.get("content-disposition")).toBe(
      "attachment; filename=\"shared.txt\"; filename*=UTF-8''shared.txt",
    );
    expect((await fetch(url.replace("shared.txt", "other.txt"))).status).toBe(403);
  });

  test("versions are listed, restored, and deleted; a deleted object is restored", async () => {
    await openBucket();
    await enableVersions();
    await put("note.txt", "first", { "x-amz-meta-author": "Zoe" });
    await put("note.txt", "second");
    await goTo(page, `/buckets/${bucket}/object?key=note.txt&tab=versions`);
    await button(/^Restore version/).click();
    await expect.poll(async () => (await own("GET", `/${bucket}/note.txt`)).body).toBe("first");
    expect((await own("HEAD", `/${bucket}/note.txt`)).headers.get("x-amz-meta-author")).toBe("Zoe");

    await button("Delete").first().click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("This folder is empty").waitFor();
    await page.getByLabel("Show versions and deleted objects").check();
    await page.getByText("current delete marker").waitFor();
    await linkTo("note.txt").first().click();
    await button("Undelete").click();
    await expect.poll(async () => (await own("GET", `/${bucket}/note.txt`)).status).toBe(200);

    await button(/^Delete version/)
      .last()
      .click();
    await page.getByLabel(`Type ${bucket}`).fill(bucket);
    await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByText("1 version deleted.").waitFor();
    expect((await own("GET", `/${bucket}?versions`)).body.match(/<Version>/g)).toHaveLength(2);
  });

  test("objects and folders are copied, moved, renamed and deleted", async () => {
    await openBucket();
    for (const key of ["a/1", "a/2", "a/deep/3", "b"])
      await put(key, key, { "x-amz-meta-key": key.replaceAll("/", "-") });
    await page.getByLabel("Show versions and deleted objects").waitFor();
    await goTo(page, `/buckets/${bucket}?prefix=x`);
    await goTo(page, `/buckets/${bucket}`);
    await page.getByLabel("Select a/").check();
    await button("Copy").click();
    await page.getByLabel("As folder").fill("a/inside/");
    await page.getByText("A folder cannot be copied or moved into itself.").waitFor();
    await page.getByLabel("As folder").fill("copy/");
    await page.getByRole("dialog").getByRole("button", { name: "Copy", exact: true }).click();
    await page.getByText("1 folder copied.").waitFor();
    const copied = await own("GET", `/${bucket}/copy/deep/3`);
    expect([copied.body, copied.headers.get("x-amz-meta-key")]).toEqual(["a/deep/3", "a-deep-3"]);

    await linkTo("b").click();
    await button("Move or rename").click();
    await page.getByLabel("As key").fill("copy/1");
    await page.getByRole("dialog").getByRole("button", { name: "Move" }).click();
    expect(await page.getByRole("dialog").getByRole("alert").textContent()).toMatch(/^PreconditionFailed /);
    await page.getByLabel("As key").fill("renamed");
    await page.getByRole("dialog").getByRole("button", { name: "Move" }).click();
    await linkTo("renamed").waitFor();
    expect([(await own("GET", `/${bucket}/b`)).status, (await own("GET", `/${bucket}/renamed`)).body]).toEqual([
      404,
      "b",
    ]);

    await page.getByLabel("Select all loaded entries").check();
    await page.getByText("2 folders, 1 object selected").waitFor();
    await button("Delete").click();
    await page.getByLabel(`Type ${bucket}`).fill(bucket);
    await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByText("This folder is empty").waitFor();
    expect((await own("GET", `/${bucket}`)).body).not.toContain("<Key>");
  });

  test("without RenameObject a move copies and then deletes, replaces nothing, and loses nothing when a request fails", async () => {
    await openBucket();
    for (const key of ["dir/1", "dir/2", "one", "taken"])
      await put(key, `of ${key}`, { "x-amz-meta-key": key, "x-amz-storage-class": "STANDARD_IA" });
    let renames = 0;
    let answersCopies = true;
    await page.route(`${server.endpoint}/${bucket}/**`, async (route, request) => {
      const refuse = (status: number, code: string) =>
        route.fulfill({
          status,
          body: `<Error><Code>${code}</Code><Message>refused</Message></Error>`,
          headers: { "access-control-allow-origin": "*", "content-type": "application/xml" },
        });
      if (request.method() !== "PUT") return route.fallback();
      if (request.url().includes("renameObject")) {
        renames++;
        return refuse(501, "NotImplemented");
      }
      return answersCopies ? route.fallback() : refuse(403, "AccessDenied");
    });
    const read = async (key: string) => {
      const { status, body, headers } = await own("GET", `/${bucket}/${key}`);
      return status === 200 ? [body, headers.get("x-amz-meta-key"), headers.get("x-amz-storage-class")] : status;
    };
    const dialog = page.getByRole("dialog");
    const move = dialog.getByRole("button", { name: "Move", exact: true });

    await goTo(page, `/buckets/${bucket}?prefix=x`);
    await goTo(page, `/buckets/${bucket}`);
    await linkTo("one").click();
    await button("Move or rename").click();
    await page.getByLabel("As key").fill("taken");
    await move.click();
    await dialog.getByText("PreconditionFailed").waitFor();
    answersCopies = false;
    await page.getByLabel("As key").fill("new");
    await move.click();
    await dialog.getByText("AccessDenied").waitFor();
    expect([await read("one"), await read("taken"), await read("new")]).toEqual([
      ["of one", "one", "STANDARD_IA"],
      ["of taken", "taken", "STANDARD_IA"],
      404,
    ]);
    answersCopies = true;
    await move.click();
    await linkTo("new").waitFor();
    expect([await read("one"), await read("new")]).toEqual([404, ["of one", "one", "STANDARD_IA"]]);

    renames = 0;
    await page.getByLabel("Select dir/").check();
    await button("Move or rename").click();
    await page.getByLabel("As folder").fill("moved/");
    await move.click();
    await linkTo("moved/").waitFor();
    await dialog.waitFor({ state: "hidden" });
    expect([await read("dir/1"), await read("dir/2"), renames]).toEqual([404, 404, 1]);
    expect(await read("moved/2")).toEqual(["of dir/2", "dir/2", "STANDARD_IA"]);
  });

  test("metadata that someone else has changed meanwhile is not undone", async () => {
    await openBucket();
    await put("o", "content", { "x-amz-meta-mine": "1" });
    await goTo(page, `/buckets/${bucket}/object?key=o`);
    await button("Edit metadata").click();
    await page.getByLabel("Cache-Control").fill("max-age=60");
    const theirs = {
      "x-amz-copy-source": `/${bucket}/o`,
      "x-amz-metadata-directive": "REPLACE",
      "x-amz-meta-theirs": "2",
    };
    expect((await own("PUT", `/${bucket}/o`, { headers: theirs })).status).toBe(200);
    await button("Save").click();
    expect(await page.getByRole("alert").textContent()).toContain("has been changed since this page read it");
    const { headers } = await own("HEAD", `/${bucket}/o`);
    expect([headers.get("x-amz-meta-theirs"), headers.get("x-amz-meta-mine")]).toEqual(["2", null]);
    await page.keyboard.press("Escape");
  });

  test("metadata, tags, lock and ACL are changed", async () => {
    await openBucket({ "x-amz-bucket-object-lock-enabled": "true", "x-amz-object-ownership": "ObjectWriter" });
    await put("o", "content", { "x-amz-meta-old": "1", "x-amz-tagging": "kept=yes", "content-type": "text/plain" });
    const head = async () => (await own("HEAD", `/${bucket}/o`)).headers;
    await goTo(page, `/buckets/${bucket}/object?key=o`);
    await button("Edit metadata").click();
    await page.getByLabel("Cache-Control").fill("max-age=60");
    await page.getByLabel("Name 1").fill("new");
    await page.getByLabel("Value 1").fill("2");
    await button("Save").click();
    await page.getByText("The metadata was changed.").waitFor();
    const headers = await head();
    expect(
      ["cache-control", "content-type", "x-amz-meta-new", "x-amz-meta-old"].map((name) => headers.get(name)),
    ).toEqual(["max-age=60, no-transform", "text/plain", "2", null]);
    // What the endpoint adds to every answer is no metadata of the object.
    await page.getByText("max-age=60", { exact: true }).waitFor();
    await button("Edit metadata").click();
    await page.getByRole("dialog").waitFor();
    expect(await page.getByLabel("Cache-Control").inputValue()).toBe("max-age=60");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });

    await linkTo("Tags").click();
    expect(await page.getByLabel("Key 1").inputValue()).toBe("kept");
    await button("Add").click();
    await page.getByLabel("Key 2").fill("team/a");
    await page.getByLabel("Value 2").fill("x=1");
    await button("Save tags").click();
    await page.getByText("The tags were saved.").waitFor();
    expect((await own("GET", `/${bucket}/o?tagging`)).body).toMatch(/<Key>team\/a<\/Key><Value>x=1<\/Value>/);

    await linkTo("Lock").click();
    await button("Place a legal hold").click();
    await button("Remove the legal hold").waitFor();
    await page.getByLabel("Until").fill("2099-01-02T03:04");
    await button("Set retention").click();
    await page.getByText(/Governance mode until 2099-01-02 03:04/).waitFor();
    expect((await own("GET", `/${bucket}/o?legal-hold`)).body).toContain("<Status>ON</Status>");
    await button("Remove the legal hold").click();
    await button("Place a legal hold").waitFor();
    await page.getByLabel("Bypass governance mode").check();
    await button("Remove retention").click();
    await page.getByText("None").waitFor();

    await linkTo("Access").click();
    await page.getByLabel("Replace it with").selectOption("public-read");
    await button("Replace").click();
    await page.getByRole("row", { name: "Everyone READ" }).waitFor();
    expect((await own("GET", `/${bucket}/o?acl`)).body).toContain("AllUsers");
  });

  test("1,500 keys: the table draws some rows, and loads the others when they are reached", async () => {
    expect((await own("PUT", `/${bucket}`)).status).toBe(200);
    const keys = Array.from({ length: 1_500 }, (_none, index) => `key-${String(index).padStart(4, "0")}`);
    const left = keys.slice();
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        for (let key = left.pop(); key !== undefined; key = left.pop()) await put(key, "x");
      }),
    );
    await signIn(page, server);
    await goTo(page, `/buckets/${bucket}`);
    await linkTo("key-0000").waitFor();
    await page.getByText("1,000 entries so far").waitFor();
    expect(await page.locator("tbody tr").count()).toBeLessThan(60);
    await linkTo("key-0000").focus();
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe("key-0000");
    await page.keyboard.press("End");
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe("key-0999");
    await page.getByText("1,500 entries").waitFor();
    await page.keyboard.press("End");
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe("key-1499");
    expect(await page.locator("tbody tr").count()).toBeLessThan(60);
    await page.getByLabel("begin with").fill("key-12");
    await page.getByText("100 entries").waitFor();
    await linkTo("key-1200").waitFor();
  });

  test("everything from sign-in to a deletion works by keyboard, and the focus is never lost", async () => {
    expect((await own("PUT", `/${bucket}`)).status).toBe(200);
    await put("by-keyboard.txt", "x");
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? "");
    const tabTo = async (name: string) => {
      for (let count = 0; count < 60; count++) {
        await page.keyboard.press("Tab");
        const label = await page.evaluate(() => {
          const element = document.activeElement;
          return element?.getAttribute("aria-label") ?? element?.textContent ?? "";
        });
        if (label === name) return;
      }
      throw new Error(`Tab does not reach ${name}.`);
    };
    await tabTo("Skip to the content");
    await page.keyboard.press("Enter");
    await page.keyboard.type(server.accessKeyId);
    await page.keyboard.press("Tab");
    await page.keyboard.type(server.secretAccessKey);
    await page.keyboard.press("Enter");
    await expect.poll(focused).toBe("Buckets");
    await linkTo(bucket).waitFor();
    await tabTo(bucket);
    await page.keyboard.press("Enter");
    await expect.poll(focused).toBe(bucket);
    await page.getByLabel("Select by-keyboard.txt").waitFor();
    await tabTo("Select by-keyboard.txt");
    await page.keyboard.press("Space");
    await button("Delete").waitFor();
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    expect(await focused()).toBe("Delete");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
    await expect.poll(focused).toBe("Delete");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo("Delete");
    await page.keyboard.press("Enter");
    await page.getByText("This folder is empty").waitFor();
  });

  test.each([
    ["light", 1_200],
    ["dark", 1_200],
    ["light", 360],
    ["dark", 360],
  ] as const)(
    "pages are accessible in %s colours, %i pixels wide, and nothing is cut off",
    async (colorScheme, width) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 740 });
      await expectAccessible(page);
      await openBucket({ "x-amz-bucket-object-lock-enabled": "true" });
      await put(`folder/${"long-name-".repeat(12)}.txt`, "text", { "x-amz-meta-a": "b" });
      await put("note.txt", "text");
      const object = `/buckets/${bucket}/object?key=note.txt`;
      const routes = ["/buckets", `/buckets/${bucket}?versions=1`, `/buckets/${bucket}/uploads`, object];
      const tabs = ["versions", "tags", "lock", "access"].map((tab) => `${object}&tab=${tab}`);
      for (const route of [...routes, ...tabs]) {
        await goTo(page, route);
        await page.waitForLoadState("networkidle");
        await expectAccessible(page);
        const overflow = () =>
          page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        await expect.poll(async () => [route, await overflow()]).toEqual([route, 0]);
      }
      await goTo(page, object);
      for (const name of ["Share", "Copy", "Delete", "Edit metadata"]) {
        await button(name).click();
        await page.getByRole("dialog").waitFor();
        await expectAccessible(page);
        await page.keyboard.press("Escape");
      }
    },
  );
});
