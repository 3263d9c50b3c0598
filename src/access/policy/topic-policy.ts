/** The default policy of a topic. */
import { asRecord, parseStrictJson } from "./json.ts";

interface Owned {
  readonly arn: string;
  readonly accountId: string;
}

const ID = "__default_policy_ID";
const SID = "__default_statement_ID";
const ACTIONS = [
  "SNS:GetTopicAttributes",
  "SNS:SetTopicAttributes",
  "SNS:AddPermission",
  "SNS:RemovePermission",
  "SNS:DeleteTopic",
  "SNS:Subscribe",
  "SNS:ListSubscriptionsByTopic",
  "SNS:Publish",
];

/** As SNS shows it. No caller has the key aws:SourceOwner, so the default policy allows nothing by itself. */
export function defaultTopicPolicy({ arn, accountId }: Owned): string {
  const statement = {
    Sid: SID,
    Effect: "Allow",
    Principal: { AWS: "*" },
    Action: ACTIONS,
    Resource: arn,
    Condition: { StringEquals: { "AWS:SourceOwner": accountId } },
  };
  return JSON.stringify({ Version: "2008-10-17", Id: ID, Statement: [statement] });
}

/**
 * Whether a policy is equivalent to the one that `defaultTopicPolicy` returns. Terraform "deletes" a policy by putting
 * the default one, which in its version also contains `SNS:Receive`.
 */
export function isDefaultTopicPolicy(text: string, topic: Owned): boolean {
  return isSamePolicy(withoutReceive(text), defaultTopicPolicy(topic));
}

/** Whether two policies are equal, ignoring layout and the order of names and of actions. */
export function isSamePolicy(one: string, other: string): boolean {
  const [first, second] = [parseStrictJson(one), parseStrictJson(other)];
  return first !== undefined && second !== undefined && canonical(first.value) === canonical(second.value);
}

function withoutReceive(text: string): string {
  return JSON.stringify(parseStrictJson(text)?.value ?? null, (name, value: unknown) =>
    name === "Action" && Array.isArray(value) ? value.filter((action) => action !== "SNS:Receive") : value,
  );
}

function canonical(value: unknown, name = ""): string {
  if (Array.isArray(value)) {
    const items = value.map((item) => canonical(item));
    return `[${(name === "Action" ? items.sort() : items).join(",")}]`;
  }
  const record = asRecord(value);
  if (record === undefined) return JSON.stringify(value);
  const fields = Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item, key)}`).join(",")}}`;
}
