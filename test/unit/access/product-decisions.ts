/** Asks the product the questions that the second authorizer answers. */
import type { Permission, S3Action } from "../../../src/access/actions.ts";
import { authorize } from "../../../src/access/authorize.ts";
import { authorizeSession, authorizeUser } from "../../../src/access/authorize-iam.ts";
import { authorizeKey } from "../../../src/access/authorize-kms.ts";
import { authorizeTopic } from "../../../src/access/authorize-sns.ts";
import { decisionContext } from "../../../src/access/decision.ts";
import { S3Error } from "../../../src/errors.ts";
import { DEFAULT_ALIAS } from "../../../src/model/kms-key.ts";
import type { Case } from "../../support/second-authorizer/cases.ts";
import { KEY_ARN, type OtherCase, TOPIC } from "../../support/second-authorizer/other-cases.ts";

export function productAllows(asked: Case, permission = permissionOf(asked)): Promise<boolean> {
  const { caller, bucket, object, sent } = asked;
  const question = {
    caller,
    permissions: [permission],
    buckets: new Map([[bucket.name, bucket]]),
    facts: () => sent,
    findObject: async () => object,
  };
  return isGranted(() => authorize(question));
}

function permissionOf({ action, bucket, key, versionId, requestTags, isNew }: Case): Permission {
  const named = { action: action as S3Action, bucket: bucket.name };
  if (key === undefined) return { on: "bucket", ...named };
  return {
    on: "object",
    ...named,
    key,
    ...(versionId !== undefined && { versionId }),
    ...(isNew === true && { isNew }),
    ...(requestTags !== undefined && { requestTags }),
  };
}

export type OtherService = "iam" | "sts" | "sns" | "kms";

export function serviceOf(action: string): OtherService {
  const [service] = action.toLowerCase().split(":");
  if (service === "iam" || service === "sts" || service === "sns" || service === "kms") return service;
  throw new Error(`There is no service for ${action}.`);
}

export function productAllowsOther(asked: OtherCase): Promise<boolean> {
  return isGranted(async () => decideOther(asked));
}

/** @throws S3Error `AccessDenied` */
function decideOther({ caller, action, resource, accountId, sent, topicPolicy, isDefaultKey }: OtherCase): unknown {
  const facts = { ...sent, resourceAccountId: accountId };
  const service = serviceOf(action);
  switch (service) {
    case "iam": {
      const user = { id: "AIDA", accountId, name: "alice", path: "/", arn: resource, createdAt: new Date(0) };
      return authorizeUser({ caller, action: action as `iam:${string}`, facts }, user);
    }
    case "sts": {
      if (action === "sts:GetCallerIdentity") return undefined;
      const on = action === "sts:GetSessionToken" ? undefined : resource;
      return authorizeSession({ caller, action: action as `sts:${string}`, facts }, on);
    }
    case "sns": {
      const question = { caller, action: action as `SNS:${string}`, facts };
      return authorizeTopic(question, { arn: TOPIC, accountId, policy: topicPolicy });
    }
    case "kms": {
      const id = KEY_ARN.slice(KEY_ARN.indexOf("/") + 1);
      const key = { id, accountId, region: "us-east-1", alias: isDefaultKey ? DEFAULT_ALIAS : "own" };
      const context = decisionContext({
        caller,
        buckets: new Map(),
        facts: () => ({ ...sent, signatureVersion: "AWS4-HMAC-SHA256" }),
        findObject: async () => undefined,
      });
      const use = { action: action as "kms:Decrypt", key, objectArn: "arn:aws:s3:::demo-b/k", context: {} };
      return authorizeKey(context, use);
    }
    default:
      return service satisfies never;
  }
}

async function isGranted(decide: () => Promise<unknown>): Promise<boolean> {
  try {
    await decide();
    return true;
  } catch (error) {
    if (error instanceof S3Error && error.code === "AccessDenied") return false;
    throw error;
  }
}
