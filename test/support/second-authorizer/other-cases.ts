/** Random questions about IAM, STS, SNS and KMS. */
import fc from "fast-check";
import { callerOf, OWNER, ownPoliciesAbout, sent, usersIn } from "./cases.ts";
import type { ServiceQuestion, TopicPolicyText } from "./others.ts";
import { conditionFor, principal } from "./random-policies.ts";

export const TOPIC = `arn:aws:sns:us-east-1:${OWNER.id}:topic`;
const KEY_ID = "00000000-0000-0000-0000-000000000001";
export const KEY_ARN = `arn:aws:kms:us-east-1:${OWNER.id}:key/${KEY_ID}`;
const USER_ARN = `arn:aws:iam::${OWNER.id}:user/alice`;

/** Actions with the resource that they are on. */
const ASKED: readonly (readonly [action: string, resource: string])[] = [
  ["iam:GetUser", USER_ARN],
  ["iam:DeleteUser", USER_ARN],
  ["sts:GetCallerIdentity", "*"],
  ["sts:GetSessionToken", "*"],
  ["sts:GetFederationToken", `arn:aws:sts::${OWNER.id}:federated-user/fed`],
  ["SNS:Publish", TOPIC],
  ["SNS:GetTopicAttributes", TOPIC],
  ["SNS:SetTopicAttributes", TOPIC],
  ["SNS:Subscribe", TOPIC],
  ["kms:Decrypt", KEY_ARN],
  ["kms:GenerateDataKey", KEY_ARN],
];

export interface OtherCase extends ServiceQuestion {
  readonly topicPolicy: TopicPolicyText | undefined;
  readonly isDefaultKey: boolean;
}

const topicStatement = (action: string) =>
  fc
    .record({
      Effect: fc.constantFrom("Allow", "Allow", "Allow", "Deny"),
      principal,
      Action: fc.constantFrom(action, action, [action, "SNS:Receive"], "SNS:Publish", "sns:publish", "SNS:Receive"),
      Resource: fc.constantFrom(TOPIC, "*", `${TOPIC.slice(0, -1)}?`),
      condition: conditionFor({ action, resource: TOPIC, isNew: false }, TOPIC_KEYS),
    })
    .map(({ Effect, principal: named, condition, ...rest }) => ({
      Effect: "NotPrincipal" in named ? "Deny" : Effect,
      ...named,
      ...rest,
      ...(condition && { Condition: condition }),
    }));

/** SNS refuses policies with keys of other services. */
const TOPIC_KEYS = /^aws:/i;

const topicPolicy = (action: string) =>
  fc
    .record({
      Version: fc.constantFrom("2012-10-17", "2008-10-17"),
      statements: fc.array(topicStatement(action), { minLength: 1, maxLength: 2 }),
    })
    .map(({ Version, statements }): TopicPolicyText => {
      // "Every policy statement must have a unique ID."
      const Statement = statements.map((statement, index) => ({ Sid: `s${index}`, ...statement }));
      const text = JSON.stringify({ Version, Statement });
      return { text, users: usersIn(text) };
    });

const CASES = ASKED.map(([action, resource]) =>
  fc
    .record({
      who: fc.constantFrom("root", "other root", 0, 0, 1, 2, 2),
      ...ownPoliciesAbout({ action, resource, isNew: false }),
      sent,
      topicPolicy: fc.option(topicPolicy(action), { nil: undefined, freq: 3 }),
      isDefaultKey: fc.boolean(),
    })
    .map((made): OtherCase => {
      const caller = callerOf(made);
      if (caller.kind === "anonymous") throw new Error("No caller of these services is anonymous.");
      // The resources of STS belong to the caller.
      const isOfCaller = action.startsWith("sts:");
      const accountId = isOfCaller ? caller.account.id : OWNER.id;
      const named = isOfCaller ? resource.replace(OWNER.id, accountId) : resource;
      return { ...made, caller, action, resource: named, accountId };
    }),
);

export const otherCase: fc.Arbitrary<OtherCase> = fc.oneof(...CASES);
