import { describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { contentMd5 } from "../../support/cors.ts";
import { expectError } from "../../support/errors.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { putWebsite, websiteDocument } from "../../support/website.ts";

const MINIMAL = websiteDocument("<IndexDocument><Suffix>index.html</Suffix></IndexDocument>");
// Section "Requests" of the reference's website page.
const REFERENCE = websiteDocument(
  `<IndexDocument><Suffix>home.html</Suffix></IndexDocument><ErrorDocument><Key>err/oops.html</Key></ErrorDocument>` +
    `<RoutingRules><RoutingRule><Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition>` +
    `<Redirect><HostName>origin.example.org</HostName><ReplaceKeyPrefixWith>missing/</ReplaceKeyPrefixWith></Redirect>` +
    `</RoutingRule></RoutingRules>`,
);

async function websiteOf(bucket: string): Promise<string> {
  const response = await send({ bucket, query: "website" });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/xml"]);
  return response.text();
}

async function expectNone(bucket: string, style: "path" | "virtual-host" = "path"): Promise<void> {
  const response = await send({ bucket, query: "website", style });
  await expectError(response, 404, "NoSuchWebsiteConfiguration", {
    message: "The specified bucket does not have a website configuration",
    details: { BucketName: bucket },
  });
}

describeRefusals("PutBucketWebsite", { method: "PUT", query: "website", body: MINIMAL, success: 200 });
describeRefusals("DeleteBucketWebsite", { method: "DELETE", query: "website", success: 204 });

describe.each(STYLES)("the website of a bucket, %s style", (style) => {
  it("GetBucketWebsite returns what PutBucketWebsite put, DeleteBucketWebsite removes it", async () => {
    const bucket = await createBucket();
    await expectNone(bucket, style);
    for (const document of [REFERENCE, MINIMAL]) {
      const put = await putWebsite(bucket, document, { style });
      expect([put.status, await put.text()]).toEqual([200, ""]);
      expect(await websiteOf(bucket)).toBe(`<?xml version="1.0" encoding="UTF-8"?>\n${document}`);
    }
    for (let repeated = 0; repeated < 2; repeated++) {
      const deleted = await send({ method: "DELETE", bucket, query: "website", style });
      expect([deleted.status, await deleted.text()]).toEqual([204, ""]);
    }
    await expectNone(bucket, style);
  });
});

describe("GetBucketWebsite", () => {
  it("GetBucketWebsite refuses other callers with AccessDenied, with and without a website", async () => {
    const bucket = await createBucket();
    const outsiders = [null, await createAccount()];
    for (const as of outsiders) {
      await expectError(await send({ bucket, query: "website", as }), 403, "AccessDenied");
    }
    await putWebsite(bucket, MINIMAL);
    for (const as of outsiders) {
      await expectError(await send({ bucket, query: "website", as }), 403, "AccessDenied");
    }
  });

  it("GetBucketWebsite refuses a bucket that does not exist with NoSuchBucket", async () => {
    const bucket = "no-bucket-of-this-name";
    await expectError(await send({ bucket, query: "website" }), 404, "NoSuchBucket", {
      details: { BucketName: bucket },
    });
  });
});

describe("PutBucketWebsite", () => {
  it("PutBucketWebsite verifies a Content-MD5 and refuses a wrong one with BadDigest", async () => {
    const bucket = await createBucket();
    expect((await putWebsite(bucket, MINIMAL, { headers: contentMd5(MINIMAL) })).status).toBe(200);
    const wrong = await putWebsite(bucket, REFERENCE, { headers: contentMd5(MINIMAL) });
    expect([wrong.status, /<Code>BadDigest</.test(await wrong.text())]).toEqual([400, true]);
    expect(await websiteOf(bucket)).toContain("index.html");
  });

  it("PutBucketWebsite refuses an invalid value with InvalidArgument and keeps the configuration", async () => {
    const bucket = await createBucket();
    await putWebsite(bucket, MINIMAL);
    const bad = websiteDocument("<IndexDocument><Suffix>a/b</Suffix></IndexDocument>");
    await expectError(await putWebsite(bucket, bad), 400, "InvalidArgument", {
      message: "The IndexDocument Suffix is not well formed",
      details: { ArgumentName: "IndexDocument", ArgumentValue: "a/b" },
    });
    await expectError(await putWebsite(bucket, "<not-xml"), 400, "MalformedXML");
    await expectError(await putWebsite(bucket, ""), 400, "MalformedXML");
    expect(await websiteOf(bucket)).toContain("index.html");
  });

  it("PutBucketWebsite accepts 128 KiB and refuses a byte more with MaxMessageLengthExceeded", async () => {
    const bucket = await createBucket();
    const padded = (length: number) =>
      MINIMAL.replace("<IndexDocument>", (tag) => " ".repeat(length - MINIMAL.length) + tag);
    expect((await putWebsite(bucket, padded(131_072))).status).toBe(200);
    await expectError(await putWebsite(bucket, padded(131_073)), 400, "MaxMessageLengthExceeded", {
      message: "Your request was too big.",
      details: { MaxMessageLengthBytes: "131072" },
    });
  });
});
