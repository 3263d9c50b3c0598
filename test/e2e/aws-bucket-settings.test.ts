/** The AWS CLI sets up websites and notifications, and reads back what it has put. */
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { awsCli } from "../clients/support/aws.ts";
import { describeTool, newBucketName, temporaryFolder } from "../clients/support/tools.ts";
import { curl, publicPolicy } from "../clients/support/website.ts";

const server = inject("devServer");

/** Confirms subscriptions: it answers with the Base64 form of what it gets. */
const receiver = createServer(async (request, response) => {
  response.end((await buffer(request)).toString("base64"));
});
let origin: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
});
afterAll(() => {
  receiver.closeAllConnections();
  receiver.close();
});

describeTool("aws", ["--version"], () => {
  const folder = temporaryFolder();
  const { root, json, aws, failure } = awsCli(server, folder);
  const s3 = (...args: string[]) => aws(root, ["s3", ...args]);

  test("a folder becomes a site: s3 sync, s3 website, a policy, and a visit", async () => {
    const bucket = newBucketName("cli-site");
    mkdirSync(join(folder, "site", "about"), { recursive: true });
    writeFileSync(join(folder, "site", "index.html"), "<h1>Home</h1>");
    writeFileSync(join(folder, "site", "about", "index.html"), "<h1>About</h1>");
    writeFileSync(join(folder, "site", "404.html"), "<h1>Gone</h1>");
    writeFileSync(join(folder, "policy.json"), publicPolicy(bucket));
    await s3("mb", `s3://${bucket}`);
    await s3("sync", "site", `s3://${bucket}`, "--no-progress");
    await s3("website", `s3://${bucket}`, "--index-document", "index.html", "--error-document", "404.html");
    await aws(root, ["s3api", "put-bucket-policy", "--bucket", bucket, "--policy", "file://policy.json"]);
    expect(await json(root, "s3api", "get-bucket-website", "--bucket", bucket)).toEqual({
      IndexDocument: { Suffix: "index.html" },
      ErrorDocument: { Key: "404.html" },
    });
    const host = ["-H", `Host: ${bucket}.website.localhost`];
    expect((await curl(folder, ...host, `${server.endpoint}/`)).body).toBe("<h1>Home</h1>");
    expect((await curl(folder, ...host, `${server.endpoint}/about/`)).body).toBe("<h1>About</h1>");
    expect(await curl(folder, ...host, `${server.endpoint}/no`)).toMatchObject({ status: 404, body: "<h1>Gone</h1>" });

    await aws(root, ["s3api", "delete-bucket-website", "--bucket", bucket]);
    expect(await failure(root, "s3api", "get-bucket-website", "--bucket", bucket)).toContain(
      "(NoSuchWebsiteConfiguration)",
    );
  });

  test("a notification configuration is read as it was put, and an unknown destination is refused", {
    timeout: 120_000,
  }, async () => {
    const bucket = newBucketName("notify");
    await s3("mb", `s3://${bucket}`);
    const args = ["--bucket", bucket];
    expect(await json(root, "s3api", "get-bucket-notification-configuration", ...args)).toEqual({});
    const FilterRules = [
      { Name: "Prefix", Value: "pic/" },
      { Name: "Suffix", Value: ".png" },
    ];
    const configuration = {
      TopicConfigurations: [
        {
          Id: "new-pictures",
          TopicArn: `NS:${origin}/events`,
          Events: ["s3:ObjectCreated:Put", "s3:ObjectRemoved:Delete"],
          Filter: { Key: { FilterRules } },
        },
      ],
    };
    const put = (value: object, ...more: string[]) => [
      ...["s3api", "put-bucket-notification-configuration", ...args, ...more],
      ...["--notification-configuration", JSON.stringify(value)],
    ];
    await aws(root, put(configuration));
    expect(await json(root, "s3api", "get-bucket-notification-configuration", ...args)).toEqual(configuration);

    const QueueArn = "arn:aws:sqs:us-east-1:000000000001:nowhere";
    const unknown = { QueueConfigurations: [{ Id: "q", QueueArn, Events: ["s3:ObjectCreated:*"] }] };
    expect(await failure(root, ...put(unknown))).toContain(
      "(InvalidArgument) when calling the PutBucketNotificationConfiguration operation: Unable to validate the following destination configurations",
    );
    await aws(root, put(unknown, "--skip-destination-validation"));
    expect(await json(root, "s3api", "get-bucket-notification-configuration", ...args)).toEqual(unknown);
    await aws(root, put({}));
    expect(await json(root, "s3api", "get-bucket-notification-configuration", ...args)).toEqual({});
  });
});
