/** Access to topics: denied by default, separate for each account, for users and sessions by their policies. */
import { beforeAll, describe, expect, test } from "vitest";
import { SNS_ACTIONS } from "../../../src/sns/actions/index.ts";
import { createAccount, type TestAccount } from "../../support/accounts.ts";
import { call, createUser, credentialsOf, post, refusalOf, sts } from "../../support/iam.ts";
import { errorOf } from "../../support/s3.ts";
import {
  attributesOf,
  createTopic,
  newInbox,
  newTopicName,
  type Subscribed,
  sns,
  snsRefused,
  subscribe,
  takeToken,
  topicsEnv,
} from "../../support/topics.ts";

let account: TestAccount;
let topic: string;
let subscribed: Subscribed;

beforeAll(async () => {
  account = await createAccount();
  topic = await createTopic(account);
  subscribed = await subscribe(topic, {}, account);
});

/** Parameters with which every action reaches its authorization. */
function parametersOf(action: string): Record<string, string> {
  const all: Record<string, string> = {
    Name: topic.split(":").at(-1) ?? "",
    TopicArn: topic,
    ResourceArn: topic,
    SubscriptionArn: subscribed.arn,
    Protocol: "https",
    Endpoint: "https://example.com/",
    Token: "0".repeat(64),
    Message: "m",
    Label: "label",
    "AWSAccountId.member.1": "999999999999",
    "ActionName.member.1": "Publish",
    AttributeName: action === "SetTopicAttributes" ? "DisplayName" : "RawMessageDelivery",
    AttributeValue: "false",
  };
  const taken = SNS_ACTIONS.get(action)?.parameters ?? [];
  return Object.fromEntries(Object.entries(all).filter(([name]) => taken.includes(name.replace(".member.1", ""))));
}

const EVERYTHING = { Effect: "Allow", Action: "*", Resource: "*" };
const ACTIONS = [...SNS_ACTIONS.keys()].filter((action) => !["DeleteTopic", "Unsubscribe"].includes(action));
/** Run last: these two delete what the others need. */
const ENDS = ["Unsubscribe", "DeleteTopic"];

describe.each([...ACTIONS, ...ENDS])("%s", (action) => {
  const denied = {
    status: 403,
    code: "AuthorizationError",
    message: expect.stringContaining(`SNS:${action} on resource`),
  };

  test("is AuthorizationError to a user without a policy, and to one whose policies allow everything else", async () => {
    for (const statements of [
      undefined,
      [{ Effect: "Allow", NotAction: `sns:${action}`, Resource: "*" }],
      [{ Effect: "Allow", Action: `sns:${action}`, Resource: `${topic}-other` }],
      [EVERYTHING, { Effect: "Deny", Action: `sns:${action}`, Resource: "*" }],
    ]) {
      const { key } = await createUser(statements, account);
      expect(await snsRefused(action, parametersOf(action), key)).toEqual(denied);
    }
  });

  test("is AuthorizationError to a session whose policy does not allow it, even if its creator is allowed", async () => {
    const { key } = await createUser([EVERYTHING], account);
    const policy = (effect: object) => JSON.stringify({ Version: "2012-10-17", Statement: effect });
    for (const Policy of [
      policy({ Effect: "Allow", NotAction: `sns:${action}`, Resource: "*" }),
      policy([EVERYTHING, { Effect: "Deny", Action: "sns:*", Resource: "*" }]),
    ]) {
      const session = credentialsOf(await sts("GetFederationToken", { Name: "Bob", Policy }, key));
      expect(await snsRefused(action, parametersOf(action), session)).toEqual(denied);
    }
  });

  test("does not reach this account from the root and an administrator of another account", async () => {
    const stranger = await createAccount();
    const { key } = await createUser([EVERYTHING], stranger);
    for (const as of [stranger, key]) {
      if (["CreateTopic", "ListTopics", "ListSubscriptions"].includes(action)) {
        const text = await (await call("sns", action, parametersOf(action), { as, env: topicsEnv })).text();
        expect(text).not.toContain(account.accountId);
      } else expect(await snsRefused(action, parametersOf(action), as)).toEqual(denied);
    }
  });

  test("succeeds for a user with exactly this permission, and for a session of such a user", async () => {
    const resource = ["ListTopics", "ListSubscriptions"].includes(action) ? "*" : topic;
    const { key } = await createUser([{ Effect: "Allow", Action: `sns:${action}`, Resource: resource }], account);
    const session = credentialsOf(await sts("GetSessionToken", {}, key));
    for (const as of [key, session]) {
      const text = await (await call("sns", action, parametersOf(action), { as, env: topicsEnv })).text();
      expect(text).not.toContain("<Code>AuthorizationError</Code>");
    }
  });
});

test("refusals do not reveal whether a topic exists", async () => {
  const own = await createAccount();
  const there = await createTopic(own);
  const { key } = await createUser(undefined, own);
  const messages = [];
  for (const TopicArn of [there, `${there.slice(0, there.lastIndexOf(":"))}:none`]) {
    const { status, code, message } = await snsRefused("GetTopicAttributes", { TopicArn }, key);
    messages.push({ status, code, message: message.replace(TopicArn, "X") });
  }
  expect(messages[0]).toEqual(messages[1]);
});

test("the message of a refusal names caller, action and reason", async () => {
  const { key, arn } = await createUser(undefined, account);
  const resource = `arn:aws:sns:us-east-1:${account.accountId}:*`;
  expect((await snsRefused("ListTopics", {}, key)).message).toBe(
    `User: ${arn} is not authorized to perform: SNS:ListTopics on resource: ${resource} because no identity-based policy allows the SNS:ListTopics action`,
  );
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: { Effect: "Deny", Action: "*", Resource: "*" } });
  const session = credentialsOf(await sts("GetFederationToken", { Name: "Bob", Policy }, account));
  expect((await snsRefused("ListTopics", {}, session)).message).toBe(
    `User: arn:aws:sts::${account.accountId}:federated-user/Bob is not authorized to perform: SNS:ListTopics on resource: ${resource} with an explicit deny in a session policy`,
  );
});

test("a policy can allow the topics of one name prefix, with conditions on the request", async () => {
  const prefix = `arn:aws:sns:us-east-1:${account.accountId}:team-`;
  const { key } = await createUser([{ Effect: "Allow", Action: "sns:*", Resource: `${prefix}*` }], account);
  await sns("CreateTopic", { Name: "team-a" }, key);
  expect(attributesOf(await sns("GetTopicAttributes", { TopicArn: `${prefix}a` }, key))).toMatchObject({
    Owner: account.accountId,
  });
  expect(await snsRefused("CreateTopic", { Name: "else" }, key)).toMatchObject({ code: "AuthorizationError" });
  expect(await snsRefused("ListTopics", {}, key)).toMatchObject({ code: "AuthorizationError" });

  const Condition = { IpAddress: { "aws:SourceIp": "192.0.2.0/24" } };
  const near = await createUser([{ ...EVERYTHING, Condition }], account);
  const list = (address: string) =>
    call("sns", "ListTopics", {}, { as: near.key, env: topicsEnv, headers: { "cf-connecting-ip": address } });
  expect((await list("192.0.2.7")).status).toBe(200);
  expect(await refusalOf(await list("198.51.100.7"), "sns")).toMatchObject({ code: "AuthorizationError" });
});

test("policies can use sns:Protocol, sns:Endpoint and aws:ResourceAccount for Subscribe", async () => {
  const TopicArn = await createTopic(account);
  const deny = (Condition: object) => [EVERYTHING, { Effect: "Deny", Action: "sns:*", Resource: "*", Condition }];
  const secure = await createUser(deny({ StringEquals: { "sns:Protocol": "http" } }), account);
  const inside = await createUser(deny({ StringNotLike: { "sns:Endpoint": "https://*.example.com/*" } }), account);
  const own = await createUser(deny({ StringNotEquals: { "aws:ResourceAccount": account.accountId } }), account);
  const at = (Endpoint: string) => ({ TopicArn, Protocol: Endpoint.split(":")[0] ?? "", Endpoint });
  const refused = { status: 403, code: "AuthorizationError" };
  expect(await snsRefused("Subscribe", at("http://a.example.com/"), secure.key)).toMatchObject(refused);
  expect(await snsRefused("Subscribe", at("https://example.org/"), inside.key)).toMatchObject(refused);
  await sns("Subscribe", at("https://a.example.com/"), secure.key);
  await sns("Subscribe", at("https://a.example.com/"), inside.key);
  await sns("Subscribe", at("http://example.org/"), own.key);
});

test("a token does not authorize a signed caller without permission", async () => {
  const TopicArn = await createTopic(account);
  await sns("Subscribe", { TopicArn, Protocol: "http", Endpoint: newInbox() }, account);
  const Token = takeToken(TopicArn);
  const { key } = await createUser(undefined, account);
  for (const as of [key, await createAccount()]) {
    expect(await snsRefused("ConfirmSubscription", { TopicArn, Token }, as)).toMatchObject({
      code: "AuthorizationError",
    });
  }
});

describe("requests", () => {
  const body = "Action=ListTopics&Version=2010-03-31";

  test("without a signature, or signed for S3, are answered by S3", async () => {
    for (const [as, service] of [
      [null, "sns"],
      [account, "s3"],
    ] as const) {
      const { text } = await errorOf(await post({ service, as, body, env: topicsEnv }));
      expect(text).toMatch(/^<\?xml[^>]*>\n<Error><Code>/);
    }
  });

  test("signed for another service, by a wrong or unknown key, or altered are refused", async () => {
    const wrong = { ...account, secretAccessKey: "x".repeat(40) };
    expect(await snsRefused("ListTopics", {}, wrong)).toMatchObject({ status: 403, code: "SignatureDoesNotMatch" });
    const unknown = { ...account, accessKeyId: "AKIAAAAAAAAAAAAAAAAA" };
    expect(await snsRefused("ListTopics", {}, unknown)).toMatchObject({ status: 403, code: "InvalidClientTokenId" });
    const foreign = await post({ service: "iam", as: account, body, env: topicsEnv });
    expect(await refusalOf(foreign, "iam")).toMatchObject({ status: 400, code: "InvalidAction" });
    const old = await post({ service: "sns", as: account, body, datetime: "20200101T000000Z", env: topicsEnv });
    expect(await refusalOf(old, "sns")).toMatchObject({ status: 400, code: "RequestExpired" });
  });

  test.each([
    ["Action=ListTopics", "InvalidAction", 400],
    ["Version=2010-03-31", "MissingAction", 400],
    ["Action=ListTopics&Version=2010-05-08", "InvalidAction", 400],
    ["Action=PublishBatch&Version=2010-03-31", "InvalidAction", 400],
    ["Action=TagResource&Version=2010-03-31", "InvalidAction", 400],
    ["Action=constructor&Version=2010-03-31", "InvalidAction", 400],
    ["Action=ListTopics&Version=2010-03-31&Foo=1", "InvalidParameter", 400],
    ["Action=ListTopics&Version=2010-03-31&NextToken=a&NextToken=b", "InvalidQueryParameter", 400],
    ["Action=ListTopics&Version=2010-03-31&NextToken=%zz", "MalformedQueryString", 400],
    [`Action=Publish&Version=2010-03-31&Message=${"x".repeat(256 * 1024)}`, "InvalidParameter", 400],
  ])("%.60s is %s", async (text, code, status) => {
    const response = await post({ service: "sns", as: account, body: text, env: topicsEnv });
    expect(await refusalOf(response, "sns")).toMatchObject({ status, code });
  });

  test("for any region reach the deployment's topics", async () => {
    const Name = newTopicName();
    const text = `Action=CreateTopic&Version=2010-03-31&Name=${Name}`;
    const response = await post({ service: "sns", as: account, body: text, region: "eu-west-1", env: topicsEnv });
    expect(await response.text()).toContain(`<TopicArn>arn:aws:sns:us-east-1:${account.accountId}:${Name}</TopicArn>`);
  });
});
