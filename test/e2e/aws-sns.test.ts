/** The AWS CLI's `aws sns`, and a receiver that confirms and verifies messages as AWS documents it, against `wrangler dev`. */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type AwsCli, awsCli } from "../clients/support/aws.ts";
import { createForger, forgedUrls, inSample } from "../clients/support/forger.ts";
import { describeTool, newBucketName, temporaryFolder } from "../clients/support/tools.ts";

type Message = Readonly<Record<string, string>>;

interface Received {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

describeTool("aws", ["--version"], () => {
  const folder = temporaryFolder();
  const inbox: Received[] = [];
  /** Statuses of the receiver's next answers; then 200. */
  const answers: number[] = [];
  const server = inject("devServer");
  let cli: AwsCli;
  let receiver: string;
  /** The receiver's sample of docs/topics.md, for this deployment. */
  let isGenuine: (message: Message) => Promise<boolean>;

  const http = createServer(async (request, response) => {
    inbox.push({ headers: request.headers, body: await text(request) });
    response.writeHead(answers.shift() ?? 200).end();
  });

  beforeAll(async () => {
    cli = awsCli(server, folder);
    const [, example = ""] = /^```js\n([\s\S]*?)^```/m.exec(readFileSync("docs/topics.md", "utf8")) ?? [];
    const file = join(folder, "verify.mjs");
    writeFileSync(file, inSample(example, server.endpoint));
    ({ isGenuine } = await import(pathToFileURL(file).href));
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    receiver = `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
  });

  afterAll(async () => {
    http.closeAllConnections();
    http.close();
  });

  /** Waits for the first matching message, and removes it. */
  async function next(fits: (message: Message, received: Received) => boolean): Promise<Message> {
    for (let tries = 0; tries < 300; tries++) {
      const index = inbox.findIndex((one) => fits(read(one), one));
      if (index >= 0) return read(inbox.splice(index, 1)[0] as Received);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`nothing that fits among ${JSON.stringify(inbox)}`);
  }

  // Each call starts a process, which takes a second or two.
  const SLOW = { timeout: 240_000 };

  test(
    "a topic is created, subscribed to and confirmed by link, receives an event and a message, and is unsubscribed by link",
    SLOW,
    async () => {
      const { root, aws, json, failure } = cli;
      const sns = <T>(...args: string[]) => json<T>(root, "sns", ...args);
      const { TopicArn } = await sns<{ TopicArn: string }>("create-topic", "--name", "pictures");
      const topic = ["--topic-arn", TopicArn];
      expect(await sns("create-topic", "--name", "pictures")).toEqual({ TopicArn });
      // Other tests have topics on the same server.
      const { Topics } = await sns<{ Topics: { TopicArn: string }[] }>("list-topics");
      expect(Topics.filter((one) => one.TopicArn.endsWith(":pictures"))).toEqual([{ TopicArn }]);
      await aws(root, [
        "sns",
        "set-topic-attributes",
        ...topic,
        "--attribute-name",
        "SignatureVersion",
        "--attribute-value",
        "2",
      ]);

      const subscribe = ["subscribe", ...topic, "--protocol", "http", "--notification-endpoint", receiver];
      expect(await sns(...subscribe)).toEqual({ SubscriptionArn: "pending confirmation" });
      const confirmation = await next(({ Type }) => Type === "SubscriptionConfirmation");
      expect(await isGenuine(confirmation)).toBe(true);
      expect(await isGenuine({ ...confirmation, SubscribeURL: "http://attacker.example/" })).toBe(false);
      const confirmed = await (await fetch(confirmation.SubscribeURL ?? "")).text();
      const SubscriptionArn = /<SubscriptionArn>([^<]*)</.exec(confirmed)?.[1] ?? "";
      expect(await sns("list-subscriptions-by-topic", ...topic)).toEqual({
        Subscriptions: [
          { SubscriptionArn, Owner: TopicArn.split(":")[4], Protocol: "http", Endpoint: receiver, TopicArn },
        ],
      });
      expect(await sns("get-topic-attributes", ...topic)).toMatchObject({
        Attributes: { SubscriptionsConfirmed: "1", SubscriptionsPending: "0", SignatureVersion: "2" },
      });

      const bucket = newBucketName("sns");
      await aws(root, ["s3", "mb", `s3://${bucket}`]);
      const configuration = JSON.stringify({
        TopicConfigurations: [{ Id: "new", TopicArn, Events: ["s3:ObjectCreated:*"] }],
      });
      const put = ["put-bucket-notification-configuration", "--bucket", bucket];
      await aws(root, ["s3api", ...put, "--notification-configuration", configuration]);
      const testEvent = await next(({ Message }) => Message?.includes("s3:TestEvent") === true);
      expect(await isGenuine(testEvent)).toBe(true);

      // A receiver that fails at first gets the same message again.
      answers.push(500);
      await aws(root, [
        "s3api",
        "put-object",
        "--bucket",
        bucket,
        "--key",
        "a b.png",
        "--body",
        cli.environment.AWS_CONFIG_FILE ?? "",
      ]);
      const first = await next(({ Subject }) => Subject === "Amazon S3 Notification");
      const again = await next(({ Subject }) => Subject === "Amazon S3 Notification");
      expect(again.MessageId).toBe(first.MessageId);
      expect(await isGenuine(again)).toBe(true);
      expect(JSON.parse(again.Message ?? "")).toMatchObject({
        Records: [{ eventName: "ObjectCreated:Put", s3: { bucket: { name: bucket }, object: { key: "a+b.png" } } }],
      });

      const published = await sns<Message>("publish", ...topic, "--message", "hello ä", "--subject", "Subject");
      const message = await next(({ MessageId }) => MessageId === published.MessageId);
      expect(message).toMatchObject({ Type: "Notification", Message: "hello ä", Subject: "Subject", TopicArn });
      expect(await isGenuine(message)).toBe(true);

      const raw = ["--attribute-name", "RawMessageDelivery", "--attribute-value", "true"];
      await aws(root, ["sns", "set-subscription-attributes", "--subscription-arn", SubscriptionArn, ...raw]);
      await new Promise((resolve) => setTimeout(resolve, 1_500)); // CONFIG_TTL_SECONDS
      await sns("publish", ...topic, "--message", "as it is");
      await next((_message, { headers, body }) => body === "as it is" && headers["x-amz-sns-rawdelivery"] === "true");

      expect((await fetch(`${message.UnsubscribeURL}x`)).status).toBe(403);
      expect((await fetch(message.UnsubscribeURL ?? "")).status).toBe(200);
      const farewell = await next(({ Type }) => Type === "UnsubscribeConfirmation");
      expect(await isGenuine(farewell)).toBe(true);
      const { Subscriptions } = await sns<{ Subscriptions: { TopicArn: string }[] }>("list-subscriptions");
      expect(Subscriptions.filter((one) => one.TopicArn === TopicArn)).toMatchObject([{ SubscriptionArn: "Deleted" }]);

      await aws(root, ["sns", "delete-topic", ...topic]);
      expect(await failure(root, "sns", "get-topic-attributes", ...topic)).toContain("(NotFound)");
      expect(
        await failure(root, "sns", "subscribe", ...topic, "--protocol", "email", "--notification-endpoint", "a@b.c"),
      ).toContain("(InvalidParameter)");
    },
  );

  test("the sample refuses a message whose certificate is a public object on the deployment's host", SLOW, async () => {
    const { root, aws } = cli;
    const { certificate, sign } = await createForger();
    const bucket = newBucketName("evil");
    const file = join(folder, "cert.pem");
    writeFileSync(file, certificate);
    await aws(root, ["s3", "mb", `s3://${bucket}`]);
    await aws(root, ["s3", "cp", file, `s3://${bucket}/cert.pem`, "--acl", "public-read"]);
    const signed = {
      Message: "forged",
      MessageId: "2b1c5f0e-7d0a-8c9e-9f6b-0a4f5a3c1d2e",
      Timestamp: "2032-02-03T04:05:06.789Z",
      TopicArn: "arn:aws:sns:us-east-1:123456789012:pictures",
      Type: "Notification",
    };
    const text = Object.entries(signed).map(([name, value]) => `${name}\n${value}\n`);
    for (const SigningCertURL of forgedUrls(server.endpoint, `/${bucket}/cert.pem`)) {
      expect(await (await fetch(SigningCertURL)).text(), SigningCertURL).toBe(certificate);
      const Signature = sign("RSA-SHA256", text.join(""));
      const message = { ...signed, SignatureVersion: "2", Signature, SigningCertURL };
      expect(await isGenuine(message), SigningCertURL).toBe(false);
    }
  });

  test("a user can confirm by API only what its policy allows", SLOW, async () => {
    const { root, aws, json, failure } = cli;
    const { TopicArn } = await json<{ TopicArn: string }>(root, "sns", "create-topic", "--name", "team");
    const topic = ["--topic-arn", TopicArn];
    const user = ["--user-name", "listener"];
    await aws(root, ["iam", "create-user", ...user]);
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: {
        Effect: "Allow",
        Action: ["sns:Subscribe", "sns:ConfirmSubscription", "sns:Unsubscribe"],
        Resource: TopicArn,
      },
    });
    await aws(root, ["iam", "put-user-policy", ...user, "--policy-name", "listen", "--policy-document", policy]);
    const { AccessKey: key } = await json<{ AccessKey: AwsCli["root"] }>(root, "iam", "create-access-key", ...user);

    const subscribe = ["subscribe", ...topic, "--protocol", "http", "--notification-endpoint", `${receiver}team`];
    const pending = await json<Message>(key, "sns", ...subscribe, "--return-subscription-arn");
    const { Token = "" } = await next((message) => message.TopicArn === TopicArn);
    const confirm = ["confirm-subscription", ...topic, "--token", Token, "--authenticate-on-unsubscribe", "true"];
    expect(await json(key, "sns", ...confirm)).toEqual(pending);
    expect(await failure(key, "sns", "delete-topic", ...topic)).toContain("(AuthorizationError)");
    expect(await failure(key, "sns", "list-topics")).toContain("(AuthorizationError)");
    await json(root, "sns", "publish", ...topic, "--message", "m");
    const { UnsubscribeURL = "" } = await next(({ Message: body }) => body === "m");
    expect((await fetch(UnsubscribeURL)).status).toBe(403);
    await aws(key, ["sns", "unsubscribe", "--subscription-arn", pending.SubscriptionArn ?? ""]);
    expect(await json(root, "sns", "list-subscriptions-by-topic", ...topic)).toEqual({ Subscriptions: [] });
  });

  test(
    "the policy of docs/topics.md allows only the bucket it names; permissions are added and removed",
    SLOW,
    async () => {
      const { root, aws, json, failure } = cli;
      const { TopicArn } = await json<{ TopicArn: string }>(root, "sns", "create-topic", "--name", "guarded");
      const topic = ["--topic-arn", TopicArn];
      const [bucket, other] = [newBucketName("sns"), newBucketName("sns")];
      for (const name of [bucket, other]) await aws(root, ["s3", "mb", `s3://${name}`]);
      const [, example = ""] =
        /^```json\n(\{\n {2}"Version"[\s\S]*?)^```/m.exec(readFileSync("docs/topics.md", "utf8")) ?? [];
      const policy = example
        .replace("arn:aws:sns:us-east-1:123456789012:pictures", TopicArn)
        .replace("123456789012", TopicArn.split(":")[4] ?? "")
        .replace(":::my-bucket", `:::${bucket}`);
      const file = join(folder, "policy.json");
      writeFileSync(file, policy);
      const set = ["set-topic-attributes", ...topic, "--attribute-name", "Policy", "--attribute-value"];
      await aws(root, ["sns", ...set, `file://${file}`]);
      const shown = async () =>
        (await json<{ Attributes: Message }>(root, "sns", "get-topic-attributes", ...topic)).Attributes.Policy ?? "";
      expect(await shown()).toBe(policy.trim());

      const configuration = JSON.stringify({ TopicConfigurations: [{ TopicArn, Events: ["s3:ObjectCreated:*"] }] });
      const put = ["s3api", "put-bucket-notification-configuration", "--notification-configuration", configuration];
      await aws(root, [...put, "--bucket", bucket]);
      expect(await failure(root, ...put, "--bucket", other)).toContain(
        "(InvalidArgument) when calling the PutBucketNotificationConfiguration operation: Unable to validate the following destination configurations",
      );

      const accountId = TopicArn.split(":")[4] ?? "";
      const guests = ["--label", "guests", "--aws-account-id", accountId];
      await aws(root, ["sns", "add-permission", ...topic, ...guests, "--action-name", "Publish", "Subscribe"]);
      expect(JSON.parse(await shown()).Statement[1]).toEqual({
        Sid: "guests",
        Effect: "Allow",
        Principal: { AWS: [`arn:aws:iam::${accountId}:root`] },
        Action: ["SNS:Publish", "SNS:Subscribe"],
        Resource: TopicArn,
      });
      await aws(root, ["sns", "remove-permission", ...topic, "--label", "guests"]);
      expect(JSON.parse(await shown())).toEqual(JSON.parse(policy));
      expect(await failure(root, "sns", ...set, JSON.stringify({ Statement: { Action: "SNS:*" } }))).toContain(
        "(InvalidParameter) when calling the SetTopicAttributes operation: Invalid parameter: Policy Error: ",
      );
      await aws(root, ["sns", ...set, ""]);
      expect(await shown()).toContain("__default_policy_ID");
      await aws(root, [...put, "--bucket", other]);
    },
  );
});

function read({ body }: Received): Message {
  try {
    return JSON.parse(body);
  } catch {
    return {};
  }
}
