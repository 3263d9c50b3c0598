/**
 * Parsed policies, remembered by what they were parsed from. A stored policy that cannot be read any more denies
 * everything: it was accepted once, so the fault is ours, and a fault must not open a door.
 */
import type { Bucket } from "../../model/bucket.ts";
import type { TopicAccess } from "../../model/topic.ts";
import { type PolicyDocument, parseStoredPolicy } from "./document.ts";
import type { PolicyKind } from "./statement.ts";

/** Characters of the texts of all that are remembered; parsed, they take up to some twenty times that. */
const MAX_REMEMBERED_LENGTH = 1024 * 1024;

/** By what they are attached to and say, the one longest unused first. */
const remembered = new Map<string, PolicyDocument>();
let rememberedLength = 0;

const ofBuckets = new WeakMap<Bucket, PolicyDocument>();
const ofTopics = new WeakMap<TopicAccess, PolicyDocument>();

const DENY_ALL = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}';

/** Undefined if the bucket has none. */
export function bucketPolicyOf(bucket: Bucket): PolicyDocument | undefined {
  const text = bucket.documents.policy;
  if (text === undefined) return undefined;
  const parsed =
    ofBuckets.get(bucket) ??
    recall(text, { kind: "bucket", bucket: bucket.name, users: bucket.documents.policyUsers ?? {} });
  ofBuckets.set(bucket, parsed);
  return parsed;
}

/** Undefined if the topic has been given none. */
export function topicPolicyOf(topic: TopicAccess): PolicyDocument | undefined {
  if (topic.policy === undefined) return undefined;
  const { arn: topicArn, policy } = topic;
  const parsed = ofTopics.get(topic) ?? recall(policy.text, { kind: "topic", topicArn, users: policy.users });
  ofTopics.set(topic, parsed);
  return parsed;
}

/** A policy of a user or a session. */
export function userPolicy(text: string): PolicyDocument {
  return recall(text, { kind: "user" });
}

function recall(text: string, kind: PolicyKind): PolicyDocument {
  const name = `${attachmentName(kind)}${text}`;
  const parsed = remembered.get(name) ?? parseOrDeny(text, kind);
  forget(name);
  remembered.set(name, parsed);
  rememberedLength += name.length;
  for (const oldest of remembered.keys()) {
    if (rememberedLength <= MAX_REMEMBERED_LENGTH) break;
    forget(oldest);
  }
  return parsed;
}

/** Nothing that begins as the text of a policy does. */
function attachmentName(kind: PolicyKind): string {
  switch (kind.kind) {
    case "bucket":
      return `${kind.bucket} ${JSON.stringify(kind.users)}`;
    case "topic":
      return `${kind.topicArn} ${JSON.stringify(kind.users)}`;
    case "user":
      return "";
  }
}

function forget(name: string): void {
  if (remembered.delete(name)) rememberedLength -= name.length;
}

function parseOrDeny(text: string, kind: PolicyKind): PolicyDocument {
  try {
    return parseStoredPolicy(text, kind);
  } catch {
    return parseStoredPolicy(DENY_ALL, { kind: "user" });
  }
}
