/** Policies of topics: putting and showing them, and the API calls they allow. */
import { beforeAll, describe, expect, test } from "vitest";
import { createAccount, type TestAccount } from "../../support/accounts.ts";
import { createUser, credentialsOf, type RawCall, sts } from "../../support/iam.ts";
import { testEnv } from "../../support/s3.ts";
import {
  attributesOf,
  createTopic,
  map,
  newInbox,
  newTopicName,
  sns,
  snsRefused,
  subscribe,
  takeMessages,
  takeToken,
} from "../../support/topics.ts";
import { textIn } from "../../support/xml.ts";

const EVERYTHING = { Effect: "Allow", Action: "*", Resource: "*" };
const DENIED = { status: 403, code: "AuthorizationError" };
const BY_TOPIC = { ...DENIED, message: expect.stringMatching(/with an explicit deny in a resource-based policy$/) };
const NOT_BY_TOPIC = {
  ...DENIED,
  message: expect.stringMatching(/because no resource-based policy allows the SNS:\w+ action$/),
};
const NOT_BY_IDENTITY = { ...DENIED, message: expect.stringMatching(/because no identity-based policy allows/) };

const invalid = (message: string) => ({
  status: 400,
  code: "InvalidParameter",
  message: `Invalid parameter: ${message}`,
});

type Fields = Readonly<Record<string, unknown>>;

function policy(topic: string, ...statements: readonly Fields[]): string {
  const whole = statements.map((fields, index) => ({
    Sid: `s${index}`,
    Effect: "Allow",
    Principal: { Service: "s3.amazonaws.com" },
    Action: "SNS:Publish",
    Resource: topic,
    ...fields,
  }));
  return JSON.stringify({ Version: "2012-10-17", Statement: whole });
}

async function setPolicy(topic: string, text: string, as: RawCall["as"]): Promise<void> {
  await sns("SetTopicAttributes", { TopicArn: topic, AttributeName: "Policy", AttributeValue: text }, as);
}

const policyOf = async (topic: string, as: RawCall["as"]): Promise<string> =>
  attributesOf(await sns("GetTopicAttributes", { TopicArn: topic }, as)).Policy ?? "";

const storedPolicy = (topic: string) =>
  testEnv.DB.prepare("SELECT policy FROM topics WHERE arn = ?1").bind(topic).first("policy");

let owner: TestAccount;
let guest: TestAccount;

beforeAll(async () => {
  [owner, guest] = await Promise.all([createAccount(), createAccount()]);
});

describe("the attribute Policy", () => {
  test("is SNS's default policy for a new topic", async () => {
    const topic = await createTopic(owner);
    expect(JSON.parse(await policyOf(topic, owner))).toEqual({
      Version: "2008-10-17",
      Id: "__default_policy_ID",
      Statement: [
        {
          Sid: "__default_statement_ID",
          Effect: "Allow",
          Principal: { AWS: "*" },
          Action: [
            "SNS:GetTopicAttributes",
            "SNS:SetTopicAttributes",
            "SNS:AddPermission",
            "SNS:RemovePermission",
            "SNS:DeleteTopic",
            "SNS:Subscribe",
            "SNS:ListSubscriptionsByTopic",
            "SNS:Publish",
          ],
          Resource: topic,
          Condition: { StringEquals: { "AWS:SourceOwner": owner.accountId } },
        },
      ],
    });
  });

  test("is stored as SetTopicAttributes and CreateTopic put it, and removed by an empty value", async () => {
    const Name = newTopicName();
    const arn = `arn:aws:sns:us-east-1:${owner.accountId}:${Name}`;
    const text = `  ${policy(arn, {}).replaceAll(",", ",\n  ")}\n`;
    await sns("CreateTopic", { Name, ...map("Attributes", { Policy: text, DisplayName: "d" }) }, owner);
    expect(await policyOf(arn, owner)).toBe(text.trim());
    const changed = policy(arn, { Effect: "Deny" });
    await setPolicy(arn, changed, owner);
    expect(await policyOf(arn, owner)).toBe(changed);
    await sns("SetTopicAttributes", { TopicArn: arn, AttributeName: "DisplayName", AttributeValue: "e" }, owner);
    expect(await policyOf(arn, owner)).toBe(changed);
    await setPolicy(arn, "", owner);
    expect(await policyOf(arn, owner)).toContain("__default_policy_ID");
    expect(await storedPolicy(arn)).toBeNull();
    expect(attributesOf(await sns("GetTopicAttributes", { TopicArn: arn }, owner)).DisplayName).toBe("e");
  });

  test("leaves a topic without a policy when the default policy is put back", async () => {
    const topic = await createTopic(owner);
    await setPolicy(topic, await policyOf(topic, owner), owner);
    expect(await storedPolicy(topic)).toBeNull();
  });

  test("in CreateTopic for an existing topic must be the same, else InvalidParameter", async () => {
    const topic = await createTopic(owner);
    const Name = topic.split(":").at(-1) ?? "";
    const create = (Policy: string) => ({ Name, ...map("Attributes", { Policy }) });
    const differs = invalid("Attributes Reason: Topic already exists with different attributes");
    expect(await snsRefused("CreateTopic", create(policy(topic, {})), owner)).toEqual(differs);
    await sns("CreateTopic", create(""), owner);
    await setPolicy(topic, policy(topic, {}), owner);
    await sns("CreateTopic", create(JSON.stringify(JSON.parse(policy(topic, {})), null, 2)), owner);
    await sns("CreateTopic", { Name }, owner);
    expect(await snsRefused("CreateTopic", create(policy(topic, { Effect: "Deny" })), owner)).toEqual(differs);
    expect(await snsRefused("CreateTopic", create(""), owner)).toEqual(differs);
  });

  test.each<[string, (topic: string) => string, string]>([
    ["a text that is not JSON", () => "x", "Policy Error: Policies must be valid JSON and the first byte must be '{'"],
    ["incomplete JSON", () => "{", "Policy Error: This policy contains invalid Json"],
    ["an empty document", () => "{}", "Policy Error: Missing required field Statement"],
    ["another topic", (topic) => policy(`${topic}x`, {}), "Policy Error: Policy has invalid resource"],
    [
      "an invalid principal",
      (topic) => policy(topic, { Principal: { AWS: "me" } }),
      "Policy Error: Invalid principal in policy",
    ],
    ["SNS:*", (topic) => policy(topic, { Action: "SNS:*" }), "Policy statement action out of service scope!"],
    [
      "two resources",
      (topic) => policy(topic, { Resource: [topic, "*"] }),
      "Policy statement must apply to a single resource!",
    ],
    [
      "two statements with one Sid",
      (topic) => policy(topic, { Sid: "a" }, { Sid: "a" }),
      "Policy Error: Every policy statement must have a unique ID",
    ],
    [
      "more than 30 KB",
      (topic) => policy(topic, { Sid: "x".repeat(30 * 1024) }),
      "Policy Error: Policy exceeds the maximum allowed document size.",
    ],
    [
      "an unknown condition",
      (topic) => policy(topic, { Condition: { Like: { "aws:SourceArn": "a" } } }),
      "Policy Error: Invalid Condition type : Like",
    ],
  ])("is refused with InvalidParameter for %s, and nothing changes", async (_what, text, message) => {
    const topic = await createTopic(owner);
    const parameters = { TopicArn: topic, AttributeName: "Policy", AttributeValue: text(topic) };
    expect(await snsRefused("SetTopicAttributes", parameters, owner)).toEqual(invalid(message));
    expect(await storedPolicy(topic)).toBeNull();
    const Name = newTopicName();
    const created = { Name, ...map("Attributes", { Policy: text(topic.replace(/[^:]+$/, Name)) }) };
    expect(await snsRefused("CreateTopic", created, owner)).toEqual(invalid(message));
    expect(await storedPolicy(topic.replace(/[^:]+$/, Name))).toBeNull();
  });
});

describe("another account", () => {
  /** Each with the parameters it needs to succeed. */
  const ACTIONS: readonly (readonly [string, (topic: string) => Record<string, string>])[] = [
    ["GetTopicAttributes", (TopicArn) => ({ TopicArn })],
    ["SetTopicAttributes", (TopicArn) => ({ TopicArn, AttributeName: "DisplayName", AttributeValue: "x" })],
    ["ListSubscriptionsByTopic", (TopicArn) => ({ TopicArn })],
    ["ListTagsForResource", (ResourceArn) => ({ ResourceArn })],
    ["Subscribe", (TopicArn) => ({ TopicArn, Protocol: "http", Endpoint: newInbox() })],
    ["Publish", (TopicArn) => ({ TopicArn, Message: "m" })],
    [
      "AddPermission",
      (TopicArn) => ({
        TopicArn,
        Label: "l",
        "AWSAccountId.member.1": guest.accountId,
        "ActionName.member.1": "Publish",
      }),
    ],
    ["RemovePermission", (TopicArn) => ({ TopicArn, Label: "none" })],
    ["DeleteTopic", (TopicArn) => ({ TopicArn })],
  ];

  test.each(ACTIONS)(
    "may %s if the policy allows the account, and its users if their own policies do too",
    async (action, parameters) => {
      const topic = await createTopic(owner);
      const stranger = await createAccount();
      const may = await createUser([{ Effect: "Allow", Action: `sns:${action}`, Resource: topic }], guest);
      const mayNot = await createUser([{ Effect: "Allow", NotAction: `sns:${action}`, Resource: "*" }], guest);
      // In their own account this is sufficient; here the topic's policy must allow it too.
      for (const as of [guest, may.key])
        expect(await snsRefused(action, parameters(topic), as)).toMatchObject(NOT_BY_TOPIC);

      await setPolicy(topic, policy(topic, { Principal: { AWS: guest.accountId }, Action: `SNS:${action}` }), owner);
      expect(await snsRefused(action, parameters(topic), mayNot.key)).toMatchObject(NOT_BY_IDENTITY);
      expect(await snsRefused(action, parameters(topic), stranger)).toMatchObject(NOT_BY_TOPIC);
      await sns(action, parameters(topic), may.key);
      const again = action === "AddPermission" ? { ...parameters(topic), Label: "other" } : parameters(topic);
      if (action !== "DeleteTopic") await sns(action, again, guest);
    },
  );

  test.each(ACTIONS)("may not %s if the policy allows all other actions", async (action, parameters) => {
    const topic = await createTopic(owner);
    const others = ACTIONS.map(([name]) => `SNS:${name}`).filter((name) => name !== `SNS:${action}`);
    await setPolicy(topic, policy(topic, { Principal: "*", Action: others }), owner);
    expect(await snsRefused(action, parameters(topic), guest)).toMatchObject(NOT_BY_TOPIC);
  });

  test("is allowed only for the user that the policy names", async () => {
    const topic = await createTopic(owner);
    const [named, other] = [await createUser([EVERYTHING], guest), await createUser([EVERYTHING], guest)];
    await setPolicy(topic, policy(topic, { Principal: { AWS: named.arn } }), owner);
    await sns("Publish", { TopicArn: topic, Message: "m" }, named.key);
    for (const as of [other.key, guest]) {
      expect(await snsRefused("Publish", { TopicArn: topic, Message: "m" }, as)).toMatchObject(NOT_BY_TOPIC);
    }
    const without = await createUser(undefined, guest);
    await setPolicy(topic, policy(topic, { Principal: { AWS: without.arn } }), owner);
    expect(await snsRefused("Publish", { TopicArn: topic, Message: "m" }, without.key)).toMatchObject(NOT_BY_IDENTITY);
  });

  test("is not allowed by a statement for S3, whatever its requests claim", async () => {
    const topic = await createTopic(owner);
    const Condition = { StringEquals: { "aws:SourceAccount": guest.accountId } };
    await setPolicy(topic, policy(topic, {}, { Principal: "*", Condition }), owner);
    const parameters = { TopicArn: topic, Message: "m" };
    const { key } = await createUser([EVERYTHING], guest);
    for (const as of [guest, key]) expect(await snsRefused("Publish", parameters, as)).toMatchObject(NOT_BY_TOPIC);
    // Nor by SNS's default statement together with another one.
    const SourceOwner = { StringEquals: { "AWS:SourceOwner": guest.accountId } };
    await setPolicy(topic, policy(topic, { Principal: { AWS: "*" }, Condition: SourceOwner }), owner);
    expect(await snsRefused("Publish", parameters, guest)).toMatchObject(NOT_BY_TOPIC);
  });

  test("is checked for sns:Protocol and sns:Endpoint when it subscribes", async () => {
    const topic = await createTopic(owner);
    const Condition = {
      StringEquals: { "sns:Protocol": "https" },
      StringLike: { "sns:Endpoint": "https://*.example.com/*" },
    };
    await setPolicy(
      topic,
      policy(topic, { Principal: { AWS: guest.accountId }, Action: "SNS:Subscribe", Condition }),
      owner,
    );
    const at = (Endpoint: string) => ({ TopicArn: topic, Protocol: Endpoint.split(":")[0] ?? "", Endpoint });
    await sns("Subscribe", at("https://a.example.com/"), guest);
    expect(await snsRefused("Subscribe", at("http://a.example.com/"), guest)).toMatchObject(NOT_BY_TOPIC);
    expect(await snsRefused("Subscribe", at("https://example.org/"), guest)).toMatchObject(NOT_BY_TOPIC);
  });

  test("is refused in the same way whether or not the topic exists", async () => {
    const topic = await createTopic(owner);
    const [there, none] = await Promise.all(
      [topic, `${topic}-none`].map(async (TopicArn) => {
        const { status, code, message } = await snsRefused("Publish", { TopicArn, Message: "m" }, guest);
        return { status, code, message: message.replace(TopicArn, "X") };
      }),
    );
    expect(there).toEqual(none);
  });

  test("may set the policy only if it may set attributes", async () => {
    const topic = await createTopic(owner);
    const mine = policy(topic, {
      Principal: { AWS: guest.accountId },
      Action: ["SNS:Publish", "SNS:GetTopicAttributes"],
    });
    await setPolicy(topic, mine, owner);
    const wider = { TopicArn: topic, AttributeName: "Policy", AttributeValue: policy(topic, { Principal: "*" }) };
    expect(await snsRefused("SetTopicAttributes", wider, guest)).toMatchObject(NOT_BY_TOPIC);
    expect(await policyOf(topic, guest)).toBe(mine);
    const add = {
      TopicArn: topic,
      Label: "l",
      "AWSAccountId.member.1": guest.accountId,
      "ActionName.member.1": "DeleteTopic",
    };
    expect(await snsRefused("AddPermission", add, guest)).toMatchObject(NOT_BY_TOPIC);
  });
});

describe("the topic's own account", () => {
  test("a user without policies is allowed by its name or by *, and not by the account", async () => {
    const topic = await createTopic(owner);
    const { arn, key } = await createUser(undefined, owner);
    const parameters = { TopicArn: topic, Message: "m" };
    for (const Principal of [{ AWS: arn }, "*"]) {
      await setPolicy(topic, policy(topic, { Principal }), owner);
      await sns("Publish", parameters, key);
      expect(await snsRefused("GetTopicAttributes", parameters.TopicArn ? { TopicArn: topic } : {}, key)).toMatchObject(
        DENIED,
      );
    }
    await setPolicy(topic, policy(topic, { Principal: { AWS: owner.accountId } }), owner);
    expect(await snsRefused("Publish", parameters, key)).toMatchObject(NOT_BY_IDENTITY);
  });

  test("a Deny of a user's or session's own policy overrides the topic's Allow", async () => {
    const topic = await createTopic(owner);
    const deny = { Effect: "Deny", Action: "sns:Publish", Resource: "*" };
    const denied = await createUser([deny], owner);
    const free = await createUser([{ Effect: "Allow", Action: "sts:*", Resource: "*" }], owner);
    await setPolicy(topic, policy(topic, { Principal: "*" }), owner);
    const parameters = { TopicArn: topic, Message: "m" };
    expect(await snsRefused("Publish", parameters, denied.key)).toMatchObject(DENIED);
    await sns("Publish", parameters, free.key);
    for (const Statement of [[EVERYTHING, deny], [{ Effect: "Allow", Action: "s3:*", Resource: "*" }]]) {
      const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
      const session = credentialsOf(await sts("GetFederationToken", { Name: "Bob", Policy }, free.key));
      expect(await snsRefused("Publish", parameters, session)).toMatchObject(DENIED);
    }
  });

  test("the topic's Deny overrides users' policies and the root, who can still replace the policy", async () => {
    const topic = await createTopic(owner);
    const { key } = await createUser([EVERYTHING], owner);
    const session = credentialsOf(await sts("GetSessionToken", {}, owner));
    const Action = ["Publish", "GetTopicAttributes", "SetTopicAttributes", "DeleteTopic", "Subscribe"];
    const text = policy(topic, { Effect: "Deny", Principal: "*", Action: Action.map((name) => `SNS:${name}`) });
    await setPolicy(topic, text, owner);
    const set = { TopicArn: topic, AttributeName: "Policy", AttributeValue: "" };
    for (const as of [key, session]) {
      expect(await snsRefused("GetTopicAttributes", { TopicArn: topic }, as)).toMatchObject(BY_TOPIC);
      expect(await snsRefused("SetTopicAttributes", set, as)).toMatchObject(BY_TOPIC);
    }
    for (const as of [key, session, owner]) {
      expect(await snsRefused("Publish", { TopicArn: topic, Message: "m" }, as)).toMatchObject(BY_TOPIC);
      expect(await snsRefused("DeleteTopic", { TopicArn: topic }, as)).toMatchObject(BY_TOPIC);
    }
    expect(await policyOf(topic, owner)).toBe(text);
    await setPolicy(topic, "", owner);
    await sns("Publish", { TopicArn: topic, Message: "m" }, key);
  });

  test("a Deny for everyone except one account refuses others, however they are allowed", async () => {
    const topic = await createTopic(owner);
    const text = policy(
      topic,
      { Principal: "*" },
      { Effect: "Deny", Principal: "*", Condition: { StringNotEquals: { "aws:PrincipalAccount": owner.accountId } } },
    );
    await setPolicy(topic, text, owner);
    expect(await snsRefused("Publish", { TopicArn: topic, Message: "m" }, guest)).toMatchObject(BY_TOPIC);
    await sns("Publish", { TopicArn: topic, Message: "m" }, owner);
  });

  test("a policy that can no longer be parsed denies everything, and the root can replace it", async () => {
    const topic = await createTopic(owner);
    await testEnv.DB.prepare("UPDATE topics SET policy = '{' WHERE arn = ?1").bind(topic).run();
    for (const as of [owner, guest]) {
      expect(await snsRefused("Publish", { TopicArn: topic, Message: "m" }, as)).toMatchObject(BY_TOPIC);
    }
    await setPolicy(topic, "", owner);
    await sns("Publish", { TopicArn: topic, Message: "m" }, owner);
  });
});

describe("a subscription created by another account", () => {
  async function subscribedByGuest() {
    const topic = await createTopic(owner);
    await setPolicy(topic, policy(topic, { Principal: { AWS: guest.accountId }, Action: "SNS:Subscribe" }), owner);
    return { topic, ...(await subscribe(topic, {}, guest)) };
  }

  test("can be seen, changed and ended by that account and by the topic's", async () => {
    const { topic, arn, inbox } = await subscribedByGuest();
    const set = { SubscriptionArn: arn, AttributeName: "RawMessageDelivery", AttributeValue: "true" };
    const stranger = await createAccount();
    for (const as of [guest, owner]) {
      const shown = attributesOf(await sns("GetSubscriptionAttributes", { SubscriptionArn: arn }, as));
      expect(shown).toMatchObject({ Owner: guest.accountId, TopicArn: topic, Endpoint: inbox });
      await sns("SetSubscriptionAttributes", set, as);
    }
    const listed = (await sns("ListSubscriptionsByTopic", { TopicArn: topic }, owner))?.children[0]?.children[0];
    expect([textIn(listed, "SubscriptionArn"), textIn(listed, "Owner")]).toEqual([arn, guest.accountId]);
    const arns = async (as: TestAccount) =>
      (await sns("ListSubscriptions", {}, as))?.children[0]?.children.map((one) => textIn(one, "SubscriptionArn"));
    expect(await arns(guest)).toContain(arn);
    expect(await arns(owner)).not.toContain(arn);
    for (const [action, parameters] of [
      ["GetSubscriptionAttributes", { SubscriptionArn: arn }],
      ["SetSubscriptionAttributes", set],
      ["Unsubscribe", { SubscriptionArn: arn }],
    ] as const) {
      expect(await snsRefused(action, parameters, stranger)).toMatchObject(NOT_BY_TOPIC);
      const { key } = await createUser(undefined, guest);
      expect(await snsRefused(action, parameters, key)).toMatchObject(NOT_BY_IDENTITY);
    }
    await sns("Unsubscribe", { SubscriptionArn: arn }, guest);
    expect(await snsRefused("GetSubscriptionAttributes", { SubscriptionArn: arn }, owner)).toMatchObject({
      code: "NotFound",
    });
  });

  test("receives published messages, and gives its account no other access to the topic", async () => {
    const { topic, arn } = await subscribedByGuest();
    await sns("Publish", { TopicArn: topic, Message: "m" }, owner);
    expect(takeMessages(topic).map(({ receiver }) => receiver)).toEqual([
      { kind: "subscription", topicArn: topic, subscriptionArn: arn },
    ]);
    for (const action of ["GetTopicAttributes", "ListSubscriptionsByTopic", "DeleteTopic"]) {
      expect(await snsRefused(action, { TopicArn: topic }, guest)).toMatchObject(NOT_BY_TOPIC);
    }
    const others = await subscribe(topic, {}, owner);
    expect(await snsRefused("Unsubscribe", { SubscriptionArn: others.arn }, guest)).toMatchObject(NOT_BY_TOPIC);
  });

  test("is confirmed by that account with its token, which a third account cannot use", async () => {
    const topic = await createTopic(owner);
    await setPolicy(topic, policy(topic, { Principal: { AWS: guest.accountId }, Action: "SNS:Subscribe" }), owner);
    await sns("Subscribe", { TopicArn: topic, Protocol: "http", Endpoint: newInbox() }, guest);
    const Token = takeToken(topic);
    const confirm = { TopicArn: topic, Token };
    expect(await snsRefused("ConfirmSubscription", confirm, await createAccount())).toMatchObject(NOT_BY_TOPIC);
    expect(await snsRefused("ConfirmSubscription", { ...confirm, Token: "0".repeat(64) }, guest)).toMatchObject(
      NOT_BY_TOPIC,
    );
    await sns("ConfirmSubscription", confirm, guest);
  });
});

describe("AddPermission and RemovePermission", () => {
  const add = (topic: string, more: Record<string, string> = {}) => ({
    TopicArn: topic,
    Label: "guests",
    "AWSAccountId.member.1": guest.accountId,
    "ActionName.member.1": "Publish",
    "ActionName.member.2": "GetTopicAttributes",
    ...more,
  });

  test("add a statement to the policy and remove it", async () => {
    const topic = await createTopic(owner);
    await sns("AddPermission", add(topic), owner);
    const document = JSON.parse(await policyOf(topic, guest));
    expect(document.Statement.map(({ Sid }: { Sid: string }) => Sid)).toEqual(["__default_statement_ID", "guests"]);
    expect(document.Statement[1]).toEqual({
      Sid: "guests",
      Effect: "Allow",
      Principal: { AWS: [`arn:aws:iam::${guest.accountId}:root`] },
      Action: ["SNS:Publish", "SNS:GetTopicAttributes"],
      Resource: topic,
    });
    await sns("Publish", { TopicArn: topic, Message: "m" }, guest);
    await sns("RemovePermission", { TopicArn: topic, Label: "guests" }, owner);
    expect(await snsRefused("Publish", { TopicArn: topic, Message: "m" }, guest)).toMatchObject(NOT_BY_TOPIC);
    // The remaining policy is the default one, which counts as none.
    expect(await storedPolicy(topic)).toBeNull();
    await sns("RemovePermission", { TopicArn: topic, Label: "guests" }, owner);
  });

  test("keep the rest of a policy, also a single statement that is not a list", async () => {
    const topic = await createTopic(owner);
    const one = { Sid: "one", Effect: "Allow", Principal: "*", Action: "SNS:Subscribe", Resource: topic };
    await setPolicy(topic, JSON.stringify({ Version: "2012-10-17", Id: "mine", Statement: one }), owner);
    await sns("AddPermission", add(topic), owner);
    expect(JSON.parse(await policyOf(topic, owner))).toMatchObject({ Id: "mine", Statement: [one, { Sid: "guests" }] });
    await sns("RemovePermission", { TopicArn: topic, Label: "one" }, owner);
    expect(JSON.parse(await policyOf(topic, owner)).Statement).toHaveLength(1);
    expect(await snsRefused("RemovePermission", { TopicArn: topic, Label: "guests" }, owner)).toEqual(
      invalid("Policy Error: the last statement cannot be removed"),
    );
  });

  test("all take effect when many run at the same time", async () => {
    const topic = await createTopic(owner);
    await Promise.all(["a", "b"].map((Label) => sns("AddPermission", add(topic, { Label }), owner)));
    expect(JSON.parse(await policyOf(topic, owner)).Statement).toHaveLength(3);
  });

  test.each<[Record<string, string>, string]>([
    [{ Label: "" }, "Label Reason: no value for required parameter"],
    [{ Label: "a b" }, "Label"],
    [{ "AWSAccountId.member.1": "me" }, "Policy Error: PrincipalNotFound"],
    [{ "AWSAccountId.member.1": "" }, "Policy Error: PrincipalNotFound"],
    [{ "ActionName.entry.1": "Publish" }, "ActionName"],
    [{ "ActionName.member.1": "*" }, "Policy statement action out of service scope!"],
    [{ "ActionName.member.1": "Unsubscribe" }, "Policy statement action out of service scope!"],
  ])("AddPermission with %o is InvalidParameter", async (more, message) => {
    const topic = await createTopic(owner);
    expect(await snsRefused("AddPermission", add(topic, more), owner)).toEqual(invalid(message));
    expect(await storedPolicy(topic)).toBeNull();
  });

  test("AddPermission without actions or accounts is InvalidParameter", async () => {
    const { TopicArn, Label, ...lists } = add(await createTopic(owner));
    for (const name of ["AWSAccountId", "ActionName"]) {
      const left = Object.entries(lists).filter(([key]) => !key.startsWith(name));
      for (const empty of [{}, { [name]: "" }] as Record<string, string>[]) {
        const parameters = { TopicArn, Label, ...Object.fromEntries(left), ...empty };
        expect(await snsRefused("AddPermission", parameters, owner)).toEqual(
          invalid(`${name} Reason: no value for required parameter`),
        );
      }
    }
  });

  test("are InvalidParameter for an existing label and for a policy that becomes too long", async () => {
    const topic = await createTopic(owner);
    await sns("AddPermission", add(topic), owner);
    expect(await snsRefused("AddPermission", add(topic), owner)).toEqual(invalid("Statement already exists"));
    await setPolicy(topic, policy(topic, { Sid: "x".repeat(30_400) }), owner);
    expect(await snsRefused("AddPermission", add(topic, { Label: "y".repeat(80) }), owner)).toEqual(
      invalid("Policy Error: Policy exceeds the maximum allowed document size."),
    );
  });

  test("are NotFound for a topic that does not exist", async () => {
    const topic = `arn:aws:sns:us-east-1:${owner.accountId}:none`;
    const notFound = { status: 404, code: "NotFound", message: "Topic does not exist" };
    expect(await snsRefused("AddPermission", add(topic), owner)).toEqual(notFound);
    expect(await snsRefused("RemovePermission", { TopicArn: topic, Label: "l" }, owner)).toEqual(notFound);
  });
});
