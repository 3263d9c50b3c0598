/** Policies of topics as requests bring them ("Access policy" of the SNS developer guide). */
import type { TopicGrant } from "../../access/authorize-sns.ts";
import { parsePolicy, parseStoredPolicy } from "../../access/policy/document.ts";
import { asRecord, parseStrictJson } from "../../access/policy/json.ts";
import { namedPrincipals, resolvePrincipals } from "../../access/policy/principal.ts";
import { defaultTopicPolicy, isDefaultTopicPolicy } from "../../access/policy/topic-policy.ts";
import { S3Error } from "../../errors.ts";
import type { TopicPolicy } from "../../model/topic.ts";
import type { Stores } from "../../storage/stores.ts";
import { invalidParameter, noSuchTopic, SnsError } from "../errors.ts";
import { grantTopic, type SnsAction, type SnsCall } from "./action.ts";

/**
 * The policy to keep; undefined for none. So is the default one, which then goes on meaning what it did before it was
 * read and put back.
 * @param text empty: none
 * @param before what the text is an edited form of
 * @throws SnsError InvalidParameter
 */
export async function readTopicPolicy(
  text: string,
  topic: { readonly arn: string; readonly accountId: string },
  {
    grant,
    principals,
    before,
  }: { grant: TopicGrant; principals: Stores["principals"]; before?: TopicPolicy | undefined },
): Promise<TopicPolicy | undefined> {
  const policy = text.trim();
  if (policy === "") return undefined;
  const topicArn = topic.arn;
  const parsed = withSnsErrors(() => parsePolicy(policy, { kind: "topic", topicArn, users: {} }));
  if (isDefaultTopicPolicy(policy, topic)) return undefined;
  const found = await principals.find(grant, namedPrincipals(parsed));
  const known = before && {
    policy: parseStoredPolicy(before.text, { kind: "topic", topicArn, users: {} }),
    users: before.users,
  };
  try {
    return { text: policy, users: resolvePrincipals(parsed, found, known) };
  } catch (error) {
    if (error instanceof S3Error) throw invalidParameter("Policy Error: PrincipalNotFound");
    throw error;
  }
}

function withSnsErrors<Result>(parse: () => Result): Result {
  try {
    return parse();
  } catch (error) {
    if (error instanceof S3Error) throw policyError(error.message);
    throw error;
  }
}

/** AWS was seen to say "Policy Error: …", but for what begins with "Policy statement". */
function policyError(problem: string) {
  return invalidParameter(problem.startsWith("Policy statement ") ? problem : `Policy Error: ${problem}`);
}

type Statements = readonly unknown[];

/** Of changes that others make at the same moment. */
const MAX_ATTEMPTS = 3;
const ACCOUNT_ID = /^\d{12}$/;
const LABEL = /^[A-Za-z0-9_-]{1,80}$/;

export const AddPermission: SnsAction = {
  parameters: ["TopicArn", "Label", "AWSAccountId", "ActionName"],
  async run(call) {
    const { parameters } = call;
    const { arn } = parameters.requireTopic();
    const label = requireLabel(call);
    const accountIds = parameters.requireList("AWSAccountId");
    if (!accountIds.every((id) => ACCOUNT_ID.test(id))) throw invalidParameter("Policy Error: PrincipalNotFound");
    const statement = {
      Sid: label,
      Effect: "Allow",
      Principal: { AWS: accountIds.map((id) => `arn:aws:iam::${id}:root`) },
      Action: parameters.requireList("ActionName").map((name) => `SNS:${name}`),
      Resource: arn,
    };
    return edit(call, (statements) => {
      if (statements.some((one) => sidOf(one) === label)) throw invalidParameter("Statement already exists");
      return [...statements, statement];
    });
  },
};

/** Of a label that no statement has, this changes nothing. */
export const RemovePermission: SnsAction = {
  parameters: ["TopicArn", "Label"],
  async run(call) {
    const label = requireLabel(call);
    return edit(call, (statements) => {
      const left = statements.filter((one) => sidOf(one) !== label);
      // Without a statement it would be no policy, and none means something else.
      if (left.length === 0) throw invalidParameter("Policy Error: the last statement cannot be removed");
      return left;
    });
  },
};

async function edit(call: SnsCall, change: (statements: Statements) => Statements): Promise<undefined> {
  const { parameters, services } = call;
  const named = parameters.requireTopic();
  const grant = await grantTopic(call, named);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const topic = await services.topics.find(grant);
    if (topic === undefined) throw noSuchTopic();
    const document = asRecord(parseStrictJson(topic.policy?.text ?? defaultTopicPolicy(named))?.value) ?? {};
    const { Statement: listed } = document;
    const changed = { ...document, Statement: change(Array.isArray(listed) ? listed : [listed]) };
    const { principals } = services.stores;
    const policy = await readTopicPolicy(JSON.stringify(changed), named, { grant, principals, before: topic.policy });
    if (await services.topics.replacePolicy(grant, topic.policy, policy)) return undefined;
  }
  throw new SnsError("Throttled", "Rate exceeded");
}

function requireLabel({ parameters }: SnsCall): string {
  const label = parameters.require("Label");
  if (LABEL.test(label)) return label;
  throw invalidParameter("Label");
}

function sidOf(statement: unknown): unknown {
  return asRecord(statement)?.Sid;
}
