/** AddPermission and RemovePermission (SNS API reference): statements of a topic's policy, by their Sid. */
import { asRecord, parseStrictJson } from "../../access/policy/json.ts";
import { defaultTopicPolicy } from "../../access/policy/topic-policy.ts";
import { invalidParameter, noSuchTopic, SnsError } from "../errors.ts";
import { readTopicPolicy } from "../policy.ts";
import { grantTopic, type SnsAction, type SnsCall } from "./action.ts";

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
