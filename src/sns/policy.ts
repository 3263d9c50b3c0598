/** Policies of topics as requests bring them ("Access policy" of the SNS developer guide). */
import type { TopicGrant } from "../access/authorize-sns.ts";
import { parsePolicy, parseStoredPolicy } from "../access/policy/document.ts";
import { namedPrincipals, resolvePrincipals } from "../access/policy/named-principals.ts";
import { isDefaultTopicPolicy } from "../access/policy/topic-policy.ts";
import { S3Error } from "../errors.ts";
import type { TopicPolicy } from "../model/topic.ts";
import type { Stores } from "../storage/stores.ts";
import { invalidParameter } from "./errors.ts";

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
