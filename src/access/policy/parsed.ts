/**
 * Parsed policies, remembered by what they were parsed from. A stored policy that cannot be read any more denies
 * everything: it was accepted once, so the fault is ours, and a fault must not open a door.
 */
import type { Bucket } from "../../model/bucket.ts";
import type { TopicAccess } from "../../model/topic.ts";
import { type PolicyDocument, type PolicyKind, parsePolicy } from "./document.ts";

const MAX_REMEMBERED = 500;

const ofBuckets = new WeakMap<Bucket, PolicyDocument>();
const ofTopics = new WeakMap<TopicAccess, PolicyDocument>();
const ofUsers = new Map<string, PolicyDocument>();

const DENY_ALL = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}';

/** Undefined if the bucket has none. */
export function bucketPolicyOf(bucket: Bucket): PolicyDocument | undefined {
  const text = bucket.documents.policy;
  if (text === undefined) return undefined;
  const known = ofBuckets.get(bucket);
  if (known !== undefined) return known;
  const parsed = parseOrDeny(text, { kind: "bucket", bucket: bucket.name });
  ofBuckets.set(bucket, parsed);
  return parsed;
}

/** Undefined if the topic has been given none. */
export function topicPolicyOf(topic: TopicAccess): PolicyDocument | undefined {
  if (topic.policy === undefined) return undefined;
  const known = ofTopics.get(topic);
  if (known !== undefined) return known;
  const parsed = parseOrDeny(topic.policy, { kind: "topic", topicArn: topic.arn });
  ofTopics.set(topic, parsed);
  return parsed;
}

/** A policy of a user or a session. */
export function userPolicy(text: string): PolicyDocument {
  const known = ofUsers.get(text);
  if (known !== undefined) return known;
  if (ofUsers.size >= MAX_REMEMBERED) ofUsers.clear();
  const parsed = parseOrDeny(text, { kind: "user" });
  ofUsers.set(text, parsed);
  return parsed;
}

function parseOrDeny(text: string, kind: PolicyKind): PolicyDocument {
  try {
    return parsePolicy(text, kind);
  } catch {
    return parsePolicy(DENY_ALL, { kind: "user" });
  }
}
