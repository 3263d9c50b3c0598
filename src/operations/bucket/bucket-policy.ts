/** GetBucketPolicy, PutBucketPolicy, DeleteBucketPolicy, GetBucketPolicyStatus (API_GetBucketPolicy and so on). */
import type { GrantedBucket } from "../../access/authorize.ts";
import { MAX_POLICY_TEXT_BYTES, parsePolicy, parseStoredPolicy } from "../../access/policy/document.ts";
import { isPublicPolicy } from "../../access/policy/inspect.ts";
import { namedPrincipals, resolvePrincipals, showPolicy } from "../../access/policy/principal.ts";
import { refusePublicPolicy } from "../../access/public-access-block.ts";
import { S3Error } from "../../errors.ts";
import { formatPolicyStatus } from "../../protocol/xml/bucket-settings.ts";
import type { Stores } from "../../storage/stores.ts";
import { documentBody, noBody, operation, requireBucket } from "../operation.ts";

export const GetBucketPolicy = operation({
  name: "GetBucketPolicy",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetBucketPolicy", on: "bucket", bucket }],
  async execute({ bucket: name }, { grant, stores }) {
    const bucket = grant.bucket(name);
    const text = await requirePolicy(bucket, stores);
    const users = (await stores.documents.get(bucket, "policyUsers")) ?? {};
    return showPolicy(text, users, await stores.principals.arnsOf(grant, users));
  },
  respond: (policy) => ({ status: 200, headers: { "content-type": "application/json" }, body: policy }),
});

export const PutBucketPolicy = operation({
  name: "PutBucketPolicy",
  // A digest is not required, because s3cmd sends none. `x-amz-confirm-remove-self-bucket-access` is ignored, because
  // the account that owns the bucket can always read, replace and delete the policy.
  body: documentBody({ maxBytes: MAX_POLICY_TEXT_BYTES, digest: "optional" }),
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutBucketPolicy", on: "bucket", bucket }],
  async execute({ bucket: name, now }, { grant, stores }, body) {
    const { documents } = stores;
    const bucket = grant.bucket(name);
    const text = decodeText(body);
    const policy = parsePolicy(text, { kind: "bucket", bucket: name, users: {} });
    const users = resolvePrincipals(policy, await stores.principals.find(grant, namedPrincipals(policy)));
    if (isPublicPolicy(policy)) {
      // Read again, because another isolate may have changed it.
      refusePublicPolicy(await documents.get(bucket, "publicAccessBlock"), true);
    }
    await documents.putPolicy(bucket, { text, users, now });
  },
  respond: () => ({ status: 204 }),
});

export const DeleteBucketPolicy = operation({
  name: "DeleteBucketPolicy",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:DeleteBucketPolicy", on: "bucket", bucket }],
  execute: ({ bucket }, { grant, stores }) => stores.documents.delete(grant.bucket(bucket), "policy"),
  respond: () => ({ status: 204 }),
});

export const GetBucketPolicyStatus = operation({
  name: "GetBucketPolicyStatus",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetBucketPolicyStatus", on: "bucket", bucket }],
  async execute({ bucket }, { grant, stores }) {
    const text = await requirePolicy(grant.bucket(bucket), stores);
    return isPublicPolicy(parseStoredPolicy(text, { kind: "bucket", bucket, users: {} }));
  },
  respond: (isPublic) => ({ status: 200, body: formatPolicyStatus(isPublic) }),
});

async function requirePolicy(bucket: GrantedBucket, { documents }: Stores): Promise<string> {
  const policy = await documents.get(bucket, "policy");
  if (policy === undefined) throw new S3Error("NoSuchBucketPolicy", { details: { BucketName: bucket.name } });
  return policy;
}

/** @throws S3Error `MalformedPolicy`: JSON is UTF-8. */
function decodeText(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch (cause) {
    throw new S3Error("MalformedPolicy", { message: "This policy contains invalid Json", cause });
  }
}
