/** Policies of topics as requests bring them ("Access policy" of the SNS developer guide). */
import { parsePolicy } from "../access/policy/document.ts";
import { isDefaultTopicPolicy } from "../access/policy/topic-policy.ts";
import { S3Error } from "../errors.ts";
import { invalidParameter } from "./errors.ts";

/**
 * The policy to keep; undefined for none. So is the default one, which then goes on meaning what it did before it was
 * read and put back.
 * @param text empty: none
 * @throws SnsError InvalidParameter
 */
export function parseTopicPolicy(
  text: string,
  topic: { readonly arn: string; readonly accountId: string },
): string | undefined {
  const policy = text.trim();
  if (policy === "") return undefined;
  try {
    parsePolicy(policy, { kind: "topic", topicArn: topic.arn });
  } catch (error) {
    if (error instanceof S3Error) throw policyError(error.message);
    throw error;
  }
  return isDefaultTopicPolicy(policy, topic) ? undefined : policy;
}

/** AWS was seen to say "Policy Error: …", but for what begins with "Policy statement". */
function policyError(problem: string) {
  return invalidParameter(problem.startsWith("Policy statement ") ? problem : `Policy Error: ${problem}`);
}
