/**
 * Parsed policies, cached by the text they were parsed from. A stored policy that cannot be parsed any more denies
 * everything: it was accepted once, so the error is in this code, and an error must not grant access.
 *
 * The cache is module state in a pure folder. It lives as long as the isolate, since parsing takes far longer than a
 * decision, and it changes no result: the same text and attachment always give the same policy. Passing it in would add
 * a parameter to every decision of S3, IAM and SNS.
 */
import type { Bucket } from "../../model/bucket.ts";
import type { TopicAccess } from "../../model/topic.ts";
import { type PolicyDocument, parseStoredPolicy } from "./document.ts";
import type { PolicyKind } from "./statement.ts";

/** Limit on the characters of all cached texts; parsed policies take up to about twenty times as much memory. */
const MAX_CACHED_LENGTH = 1024 * 1024;

/** By attachment and text, the least recently used first. */
const cached = new Map<string, PolicyDocument>();
let cachedLength = 0;

const ofBuckets = new WeakMap<Bucket, PolicyDocument>();
const ofTopics = new WeakMap<TopicAccess, PolicyDocument>();

const DENY_ALL = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}';

/** Undefined if the bucket has no policy. */
export function bucketPolicyOf(bucket: Bucket): PolicyDocument | undefined {
  const text = bucket.documents.policy;
  if (text === undefined) return undefined;
  const parsed =
    ofBuckets.get(bucket) ??
    parseCached(text, { kind: "bucket", bucket: bucket.name, users: bucket.documents.policyUsers ?? {} });
  ofBuckets.set(bucket, parsed);
  return parsed;
}

/** Undefined if the topic has no policy of its own. */
export function topicPolicyOf(topic: TopicAccess): PolicyDocument | undefined {
  if (topic.policy === undefined) return undefined;
  const { arn: topicArn, policy } = topic;
  const parsed = ofTopics.get(topic) ?? parseCached(policy.text, { kind: "topic", topicArn, users: policy.users });
  ofTopics.set(topic, parsed);
  return parsed;
}

/** A policy of a user or a session. */
export function userPolicy(text: string): PolicyDocument {
  return parseCached(text, { kind: "user" });
}

function parseCached(text: string, kind: PolicyKind): PolicyDocument {
  const name = `${attachmentName(kind)}${text}`;
  const parsed = cached.get(name) ?? parseOrDeny(text, kind);
  drop(name);
  cached.set(name, parsed);
  cachedLength += name.length;
  for (const oldest of cached.keys()) {
    if (cachedLength <= MAX_CACHED_LENGTH) break;
    drop(oldest);
  }
  return parsed;
}

/** Cannot be the beginning of a policy's text, so that attachment and text form a unique name. */
function attachmentName(kind: PolicyKind): string {
  switch (kind.kind) {
    case "bucket":
      return `${kind.bucket} ${JSON.stringify(kind.users)}`;
    case "topic":
      return `${kind.topicArn} ${JSON.stringify(kind.users)}`;
    case "user":
      return "";
    default:
      return kind satisfies never;
  }
}

function drop(name: string): void {
  if (cached.delete(name)) cachedLength -= name.length;
}

function parseOrDeny(text: string, kind: PolicyKind): PolicyDocument {
  try {
    return parseStoredPolicy(text, kind);
  } catch {
    return parseStoredPolicy(DENY_ALL, { kind: "user" });
  }
}
