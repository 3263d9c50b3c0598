import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { expectError } from "../../support/errors.ts";
import {
  envWith,
  makeTopic,
  notificationDocument,
  notificationOf,
  putNotification,
  queueRule,
  receivers,
  silent,
  topicRule,
  userQueue,
  willing,
} from "../../support/notification.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";

const ONE = "https://one.example.net/cb";
const TWO = "http://203.0.113.7:9001/cb?token=t";
const EMPTY =
  '<?xml version="1.0" encoding="UTF-8"?>\n<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>';
const NO_QUEUE = "The destination queue does not exist";
const NOT_ALLOWED = "Permissions on the destination topic do not allow S3 to publish notifications from this bucket";
const UNABLE = "Unable to validate the following destination configurations";

const fromBase64 = (text: string | undefined) => atob(text ?? "");

async function expectPut(response: Response): Promise<void> {
  expect([response.status, await response.text()]).toEqual([200, ""]);
}

describeRefusals("GetBucketNotificationConfiguration", { query: "notification", success: 200 });
describeRefusals("PutBucketNotificationConfiguration", {
  method: "PUT",
  query: "notification",
  body: notificationDocument(),
  success: 200,
});

describe.each(STYLES)("the notification configuration of a bucket, %s style", (style) => {
  it("GetBucketNotificationConfiguration returns what PutBucketNotificationConfiguration put, an empty document removes it", async () => {
    const bucket = await createBucket();
    receivers({ [ONE]: willing, [TWO]: willing });
    expect(await notificationOf(bucket)).toBe(EMPTY);
    // The reference's example.
    const filter =
      "<Filter><S3Key><FilterRule><Name>prefix</Name><Value>pic/</Value></FilterRule><FilterRule><Name>suffix</Name><Value>.png</Value></FilterRule></S3Key></Filter>";
    const events = "s3:ObjectCreated:Put s3:ObjectRemoved:Delete";
    const example = topicRule(`NS:${ONE},${TWO}`, { id: "new-pictures", events, filter });
    await expectPut(await putNotification(bucket, notificationDocument(example), { style }));
    const stored = await notificationOf(bucket);
    expect(stored).toContain(`<Topic>NS:${ONE},${TWO}</Topic>`);
    expect(stored).toContain("<Id>new-pictures</Id>");
    expect(stored).toContain("<Name>Prefix</Name><Value>pic/</Value>");
    // What was read can be put again.
    await expectPut(await putNotification(bucket, stored, { style }));
    expect(await notificationOf(bucket)).toBe(stored);

    await expectPut(await putNotification(bucket, notificationDocument(), { style }));
    expect(await notificationOf(bucket)).toBe(EMPTY);
  });
});

describe("PutBucketNotificationConfiguration", () => {
  it("a bucket policy can allow GetBucketNotificationConfiguration and PutBucketNotificationConfiguration", async () => {
    const [bucket, as] = await Promise.all([createBucket(), createAccount()]);
    const statement = {
      Effect: "Allow",
      Principal: { AWS: as.accountId },
      Action: ["s3:PutBucketNotification", "s3:GetBucketNotification"],
      Resource: `arn:aws:s3:::${bucket}`,
    };
    const policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    await (await send({ method: "PUT", bucket, query: "policy", body: policy })).body?.cancel();
    await expectPut(await putNotification(bucket, notificationDocument(), { as }));
    expect((await send({ bucket, query: "notification", as })).status).toBe(200);
  });

  it.each([
    ["MalformedXML", 400, "<NotificationConfiguration>"],
    ["InvalidArgument", 400, notificationDocument(topicRule("NS:"))],
    ["NotImplemented", 501, notificationDocument("<EventBridgeConfiguration/>")],
  ])("PutBucketNotificationConfiguration answers %s and keeps the configuration", async (code, status, body) => {
    const bucket = await createBucket();
    const response = await putNotification(bucket, body);
    expect(await response.text()).toContain(`<Code>${code}</Code>`);
    expect(response.status).toBe(status);
    expect(await notificationOf(bucket)).toBe(EMPTY);
  });

  it("PutBucketNotificationConfiguration refuses a document above 64 KB with MaxMessageLengthExceeded", async () => {
    const body = notificationDocument(`<!--${"x".repeat(64 * 1024)}-->`);
    const response = await putNotification(await createBucket(), body);
    expect([response.status, /<Code>(\w+)/.exec(await response.text())?.[1]]).toEqual([
      400,
      "MaxMessageLengthExceeded",
    ]);
  });
});

describe("the handshake with URLs of an NS: topic", () => {
  it("sends each URL its own signed message and accepts its Base64 form as the answer", async () => {
    const bucket = await createBucket();
    const calls = receivers({ [ONE]: willing, [TWO]: ({ body }) => new Response(`${btoa(body)}\n`) });
    await expectPut(await putNotification(bucket, notificationDocument(topicRule(`NS:${ONE},${TWO}`))));
    expect(calls.map(({ method, url }) => [method, url])).toEqual([
      ["POST", ONE],
      ["POST", TWO],
    ]);
    expect(new Set(calls.map(({ body }) => body)).size).toBe(2);
    for (const { headers, body } of calls) {
      expect(body).toMatch(/^[0-9a-f]{32}$/);
      expect(headers).toMatchObject({
        "x-jdcloud-message-type": "SubscriptionConfirmation",
        "x-jdcloud-request-id": expect.stringMatching(/./),
        "x-jdcloud-version": "2015-06-06",
        "content-type": "text/plain;charset=utf-8",
        authorization: expect.stringMatching(/^[A-Za-z0-9+/]{342}==$/),
        date: expect.stringMatching(/GMT$/),
      });
      expect(fromBase64(headers["content-md5"])).toBe(createHash("md5").update(body).digest("hex"));
      expect(fromBase64(headers["x-jdcloud-signing-cert-url"])).toMatch(
        /^http:\/\/s3\.localhost:8787\/-\/certificates\/[0-9a-f]{64}\.pem$/,
      );
    }
  });

  it("verifies a URL of several rules once", async () => {
    const calls = receivers({ [ONE]: willing });
    const rules = [topicRule(`NS:${ONE}`), topicRule(`NS:${ONE}`, { events: "s3:ObjectRemoved:*" })];
    await expectPut(await putNotification(await createBucket(), notificationDocument(...rules)));
    expect(calls).toHaveLength(1);
  });

  it("gives each of many URLs its own five seconds", { timeout: 30_000 }, async () => {
    const urls = Array.from({ length: 20 }, (_, number) => `https://slow-${number}.example.net/`);
    let [waiting, most] = [0, 0];
    const slow: Parameters<typeof receivers>[0][string] = async (call) => {
      most = Math.max(most, ++waiting);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      waiting--;
      return willing(call);
    };
    receivers(Object.fromEntries(urls.map((url) => [url, slow])));
    const rules = [0, 5, 10, 15].map((first) => topicRule(`NS:${urls.slice(first, first + 5)}`));
    await expectPut(await putNotification(await createBucket(), notificationDocument(...rules)));
    expect(most).toBe(5);
  });

  it.each<[why: string, answer: Parameters<typeof receivers>[0][string], message: string]>([
    ["another status", ({ body }) => new Response(btoa(body), { status: 201 }), "it answered 201."],
    ["a refusal", () => new Response("", { status: 404 }), "it answered 404."],
    ["the message itself", ({ body }) => new Response(body), "it did not answer with the Base64 form of the message."],
    [
      "an answer that is too long",
      ({ body }) => new Response(btoa(body) + "x".repeat(300)),
      "it did not answer with the Base64 form of the message.",
    ],
    [
      "a redirect",
      () => new Response("", { status: 302, headers: { location: TWO } }),
      "redirects (302) are not followed.",
    ],
    ["no connection", () => Promise.reject(new Error("Network connection lost.")), "Network connection lost."],
    ["no answer within 5 s", silent, "no complete answer within 5 s."],
  ])("fails with InvalidArgument for %s, and nothing is stored", async (_why, answer, message) => {
    const bucket = await createBucket();
    const calls = receivers({ [ONE]: willing, [TWO]: answer });
    const body = notificationDocument(topicRule(`NS:${ONE}`), topicRule(`NS:${TWO}`));
    await expectError(await putNotification(bucket, body), 400, "InvalidArgument", {
      message: `The URL could not be verified: ${message}`,
      details: { ArgumentName: "Topic", ArgumentValue: TWO },
    });
    expect(calls).toHaveLength(2);
    expect(await notificationOf(bucket)).toBe(EMPTY);
  });

  it("is not skipped with x-amz-skip-destination-validation", async () => {
    const bucket = await createBucket();
    receivers({});
    const headers = { "x-amz-skip-destination-validation": "true" };
    const response = await putNotification(bucket, notificationDocument(topicRule(`NS:${ONE}`)), { headers });
    expect(response.status).toBe(400);
  });

  it.each([
    ["http://127.0.0.1/cb", "private or loopback"],
    ["http://127.1/cb", "not a DNS name"],
    ["http://2130706433/cb", "not a DNS name"],
    ["http://[::1]/cb", "private or loopback"],
    ["http://[::ffff:127.0.0.1]/cb", "not a global unicast"],
    ["http://169.254.169.254/latest/meta-data/", "not a global unicast"],
    ["http://10.0.0.1/", "private or loopback"],
    ["http://localhost:8787/", "leads back|private network"],
    ["http://s3.localhost:8787/bucket", "leads back"],
    ["http://bucket.s3.localhost/", "leads back"],
    ["http://metadata.internal/", "private network"],
    ["http://user:secret@one.example.net/", "user name or password"],
    ["http://one.example.net:25/", "port"],
    ["ftp://one.example.net/", "http:// or https://"],
    ["http://one.example.net/a b", "percent-encode"],
    ["http://one.example.net/#a", "fragment"],
  ])("never calls %s: InvalidArgument", async (url, message) => {
    const calls = receivers({});
    const env = envWith({ ALLOW_PRIVATE_TARGETS: "false" });
    const response = await putNotification(await createBucket(), notificationDocument(topicRule(`NS:${url}`)), { env });
    const text = await response.text();
    expect([response.status, /<Code>(\w+)/.exec(text)?.[1]]).toEqual([400, "InvalidArgument"]);
    expect(text).toMatch(new RegExp(message));
    expect(calls).toEqual([]);
  });
});

describe("topics and queues of a notification configuration", () => {
  it("that do not exist are InvalidArgument, each of them named, as S3 does", async () => {
    const [bucket, { accountId }] = await Promise.all([createBucket(), rootAccount()]);
    const topic = `arn:aws:sns:us-east-1:${accountId}:nowhere`;
    const queue = `arn:aws:sqs:us-east-1:${accountId}:my-queue`;
    const body = notificationDocument(topicRule(topic), queueRule(queue, { events: "s3:ObjectRemoved:*" }));
    await expectError(await putNotification(bucket, body), 400, "InvalidArgument", {
      message: UNABLE,
      details: {
        ArgumentName1: topic,
        ArgumentValue1: "The destination topic does not exist",
        ArgumentName2: queue,
        ArgumentValue2: "The destination queue does not exist",
      },
    });
    expect(await notificationOf(bucket)).toBe(EMPTY);
    const headers = { "x-amz-skip-destination-validation": "True" };
    await expectPut(await putNotification(bucket, body, { headers }));
    expect(await notificationOf(bucket)).toContain(queue);
  });

  it("are accepted and receive s3:TestEvent", async () => {
    const [bucket, { accountId }] = await Promise.all([createBucket(), rootAccount()]);
    const topic = await makeTopic(accountId, `news-${bucket}`);
    const jobs = userQueue();
    const env = envWith({ QUEUE_MY_JOBS: jobs });
    const queue = `arn:aws:sqs:us-east-1:${accountId}:my-jobs`;
    const body = notificationDocument(topicRule(topic), queueRule(queue, { events: "s3:ObjectRemoved:*" }));
    const response = await putNotification(bucket, body, { env });
    const requestId = response.headers.get("x-amz-request-id");
    await expectPut(response);
    expect(jobs.sent).toEqual([
      {
        Service: "Amazon S3",
        Event: "s3:TestEvent",
        Time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        Bucket: bucket,
        RequestId: requestId,
        HostId: response.headers.get("x-amz-id-2"),
      },
    ]);
  });

  it("that refuse the test event are InvalidArgument, and nothing is stored", async () => {
    const [bucket, { accountId }] = await Promise.all([createBucket(), rootAccount()]);
    const env = envWith({ QUEUE_JOBS: userQueue("Queue send failed") });
    const queue = `arn:aws:sqs:us-east-1:${accountId}:jobs`;
    const body = notificationDocument(queueRule(queue));
    await expectError(await putNotification(bucket, body, { env }), 400, "InvalidArgument", {
      message: UNABLE,
      details: { ArgumentName1: queue, ArgumentValue1: "The destination queue did not accept the test message" },
    });
    expect(await notificationOf(bucket)).toBe(EMPTY);
  });

  it("of another account look like absent ones", async () => {
    const [other, { accountId }] = await Promise.all([createAccount(), rootAccount()]);
    const bucket = await createBucket({ key: other });
    const topic = await makeTopic(accountId, `secret-${bucket}`);
    const env = envWith({ QUEUE_JOBS: userQueue() });
    for (const [place, rule, problem] of [
      [topic, topicRule(topic), NOT_ALLOWED],
      // The answer does not reveal whether the topic exists.
      [`${topic}-not`, topicRule(`${topic}-not`), NOT_ALLOWED],
      [`arn:aws:sqs:us-east-1:${accountId}:jobs`, queueRule(`arn:aws:sqs:us-east-1:${accountId}:jobs`), NO_QUEUE],
      // Bound queues belong to the root account only.
      [
        `arn:aws:sqs:us-east-1:${other.accountId}:jobs`,
        queueRule(`arn:aws:sqs:us-east-1:${other.accountId}:jobs`),
        NO_QUEUE,
      ],
    ] as const) {
      const response = await putNotification(bucket, notificationDocument(rule), { env, as: other });
      const text = await response.text();
      expect([response.status, text]).toEqual([
        400,
        expect.stringContaining(`<ArgumentName1>${place}</ArgumentName1>`),
      ]);
      expect(text).toContain(`<ArgumentValue1>${problem}</ArgumentValue1>`);
    }
  });
});
