/** Websites as their owners set them up and their visitors' tools see them: AWS SDK, curl. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  CreateBucketCommand,
  DeleteBucketWebsiteCommand,
  GetBucketWebsiteCommand,
  PutBucketPolicyCommand,
  PutBucketWebsiteCommand,
  PutObjectCommand,
  S3Client,
  type WebsiteConfiguration,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { bareEnvironment, describeTool, newBucketName, run, temporaryFolder } from "./support/tools.ts";
import { curl, publicPolicy } from "./support/website.ts";

const server = inject("devServer");

describe("AWS SDK for JavaScript", () => {
  const { accessKeyId, secretAccessKey, endpoint, region } = server;
  const s3 = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
  const Bucket = newBucketName("js-site");

  beforeAll(async () => {
    await s3.send(new CreateBucketCommand({ Bucket }));
  });
  afterAll(() => s3.destroy());

  test("a whole configuration is returned as it was put, and deleted", async () => {
    const site: WebsiteConfiguration = {
      IndexDocument: { Suffix: "index.html" },
      ErrorDocument: { Key: "errors/404.html" },
      RoutingRules: [
        { Condition: { KeyPrefixEquals: "docs/" }, Redirect: { ReplaceKeyPrefixWith: "documents/" } },
        {
          Condition: { HttpErrorCodeReturnedEquals: "404", KeyPrefixEquals: "images/" },
          Redirect: {
            HostName: "www.example.com",
            Protocol: "https",
            HttpRedirectCode: "302",
            ReplaceKeyWith: "gone.html",
          },
        },
      ],
    };
    const all: WebsiteConfiguration = { RedirectAllRequestsTo: { HostName: "www.example.com", Protocol: "https" } };
    for (const WebsiteConfiguration of [site, all]) {
      await s3.send(new PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration }));
      const { $metadata, ...back } = await s3.send(new GetBucketWebsiteCommand({ Bucket }));
      expect([$metadata.httpStatusCode, back]).toEqual([200, WebsiteConfiguration]);
    }
    await s3.send(new DeleteBucketWebsiteCommand({ Bucket }));
    await expect(s3.send(new GetBucketWebsiteCommand({ Bucket }))).rejects.toMatchObject({
      name: "NoSuchWebsiteConfiguration",
    });
  });

  test("what AWS refuses is refused with its code", async () => {
    const put = (WebsiteConfiguration: WebsiteConfiguration) =>
      s3.send(new PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration }));
    await expect(put({ IndexDocument: { Suffix: "a/b" } })).rejects.toMatchObject({
      name: "InvalidArgument",
      message: "The IndexDocument Suffix is not well formed",
    });
    await expect(put({})).rejects.toMatchObject({ name: "InvalidArgument" });
  });
});

describeTool("curl", ["--version"], () => {
  const folder = temporaryFolder();
  const { accessKeyId, secretAccessKey, endpoint, region } = server;
  const s3 = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
  const Bucket = newBucketName("curl-site");
  const site = `http://${Bucket}.website.localhost:${server.port}`;

  beforeAll(async () => {
    await s3.send(new CreateBucketCommand({ Bucket }));
    const objects: [Key: string, Body: string, WebsiteRedirectLocation?: string][] = [
      ["index.html", "home"],
      ["about/index.html", "about"],
      ["evil.example/index.html", "not evil"],
      ["/evil.example/index.html", "not evil either"],
      ["old", "", "/about/"],
    ];
    for (const [Key, Body, WebsiteRedirectLocation] of objects) {
      const redirect = WebsiteRedirectLocation === undefined ? {} : { WebsiteRedirectLocation };
      await s3.send(new PutObjectCommand({ Bucket, Key, Body, ContentType: "text/html", ...redirect }));
    }
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: publicPolicy(Bucket) }));
    const rules = [
      { Condition: { KeyPrefixEquals: "docs/" }, Redirect: { ReplaceKeyPrefixWith: "about/" } },
      {
        Condition: { HttpErrorCodeReturnedEquals: "404", KeyPrefixEquals: "away/" },
        Redirect: { HostName: "a.example" },
      },
    ];
    const WebsiteConfiguration = { IndexDocument: { Suffix: "index.html" }, RoutingRules: rules };
    await s3.send(new PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration }));
  });
  afterAll(() => s3.destroy());

  test.each([
    ["/", 200, undefined],
    ["/about/", 200, undefined],
    ["/about", 302, "/about/"],
    ["/old", 301, "/about/"],
    ["/docs/?a=b", 301, `${site}/about/?a=b`],
    ["/away/x", 301, "http://a.example/away/x"],
    ["/missing", 404, undefined],
    ["//evil.example", 302, "/%2Fevil.example/"],
  ])("%s over the socket: %s %s", async (path, status, location) => {
    const seen = await curl(folder, `${site}${path}`);
    expect(seen.status).toBe(status);
    expect(/^location: (.*)$/im.exec(seen.headers)?.[1]?.trim()).toBe(location);
  });

  test("-L follows a folder without its slash, an object's redirect and a rule to the page", async () => {
    for (const path of ["/about", "/old", "/docs/"]) {
      const { stdout } = await run("curl", ["-q", "-sSL", `${site}${path}`], {
        env: bareEnvironment(folder),
        cwd: folder,
      });
      expect(stdout, path).toBe("about");
    }
  });

  test("-I returns the headers of GET, -r a range, -z that nothing has changed; -X PUT is 405", async () => {
    const head = await curl(folder, "-I", `${site}/`);
    expect([head.status, head.headers]).toEqual([200, expect.stringMatching(/^content-length: 4\r?$/im)]);
    expect(await curl(folder, "-r", "0-1", `${site}/`)).toMatchObject({ status: 206, body: "ho" });
    const modified = /^last-modified: (.*?)\r?$/im.exec(head.headers)?.[1] ?? "";
    expect(await curl(folder, "-z", modified, `${site}/`)).toMatchObject({ status: 304, body: "" });
    // A date later than now is ignored.
    const later = new Date(Date.now() + 60_000).toUTCString();
    expect(await curl(folder, "-z", later, `${site}/`)).toMatchObject({ status: 200 });
    expect((await curl(folder, "-X", "PUT", "-d", "x", `${site}/`)).status).toBe(405);
    const page = await curl(folder, `${site}/missing`);
    expect(page.body).toMatch(/^<html>\n<head><title>404 Not Found<\/title><\/head>\n/);
  });

  test("the ordinary host also returns the index to anonymous visitors, and the object itself as a download", async () => {
    const ordinary = `${server.endpoint}/${Bucket}`;
    expect(await curl(folder, `${ordinary}/`)).toMatchObject({ status: 200, body: "home" });
    expect(await curl(folder, `${ordinary}/about/`)).toMatchObject({ status: 200, body: "about" });
    expect((await curl(folder, `${ordinary}/about/?x-oss-process=download`)).status).toBe(404);
    expect(await curl(folder, `${ordinary}/away/x?y`)).toMatchObject({
      status: 302,
      headers: expect.stringMatching(/^location: http:\/\/a\.example\/away\/x\?y\r?$/im),
    });
  });

  test("files of this repository are returned byte for byte", async () => {
    const Body = readFileSync(new URL("../e2e/browser/page.html", import.meta.url));
    await s3.send(new PutObjectCommand({ Bucket, Key: "page.html", Body, ContentType: "text/html" }));
    const back = join(folder, "page.html");
    await run("curl", ["-q", "-sS", "--compressed", "-o", back, `${site}/page.html`], {
      env: bareEnvironment(folder),
      cwd: folder,
    });
    expect(readFileSync(back).equals(Body)).toBe(true);
  });
});
