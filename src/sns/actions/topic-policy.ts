/**
 * Policies of topics in requests ("Access policy" of the SNS developer guide), and AddPermission and RemovePermission,
 * which edit them by Sid.
 */
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
 * @returns the policy to store; undefined for none. The default policy counts as none, so that reading and putting it
 *   back changes nothing.
 * @param text empty for none
 * @param before the policy that the text edits, if any
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

/** AWS was seen to begin messages with "Policy Error: ", except those that begin with "Policy statement". */
function policyError(problem: string) {
  return invalidParameter(problem.startsWith("Policy statement ") ? problem : `Policy Error: ${problem}`);
}

type Statements = readonly unknown[];

/** Attempts to edit a policy that other requests change at the same time. */
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

/** Changes nothing if no statement has the label. */
export const RemovePermission: SnsAction = {
  parameters: ["TopicArn", "Label"],
  async run(call) {
    const label = requireLabel(call);
    return edit(call, (statements) => {
      const left = statements.filter((one) => sidOf(one) !== label);
      // A policy needs a statement, and a topic without a policy accepts events of its account's buckets.
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
