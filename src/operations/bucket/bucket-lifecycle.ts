/**
 * The lifecycle configuration of a bucket (API_PutBucketLifecycleConfiguration and the pages of the other two names).
 * PutBucketLifecycle is the same request with the rules of the older schema. `src/lifecycle` does what the rules say.
 */
import { invalidRequest, S3Error } from "../../errors.ts";
import { TRANSITION_MINIMUMS, type TransitionMinimum } from "../../model/lifecycle.ts";
import {
  formatLifecycleRules,
  MAX_LIFECYCLE_BYTES,
  parseLifecycleRules,
} from "../../protocol/xml/lifecycle-configuration.ts";
import { documentBody, noBody, operation, requireBucket } from "../operation.ts";

/**
 * Limit of a stored configuration as JSON, because every isolate caches it: 1,000 rules with prefixes of ordinary length.
 */
export const MAX_STORED_LENGTH = 256 * 1024;

const TRANSITION_MINIMUM_HEADER = "x-amz-transition-default-minimum-object-size";

export const GetBucketLifecycleConfiguration = operation({
  name: "GetBucketLifecycleConfiguration",
  body: noBody,
  parse: requireBucket,
  requires: (bucket) => [{ action: "s3:GetLifecycleConfiguration", on: "bucket", bucket }],
  async execute(bucket, { grant, stores }) {
    const configuration = await stores.documents.get(grant.bucket(bucket), "lifecycle");
    if (configuration !== undefined) return configuration;
    throw new S3Error("NoSuchLifecycleConfiguration", { details: { BucketName: bucket } });
  },
  respond: ({ rules, transitionMinimum }) => ({
    status: 200,
    headers: { [TRANSITION_MINIMUM_HEADER]: transitionMinimum },
    body: formatLifecycleRules(rules),
  }),
});

export const PutBucketLifecycleConfiguration = operation({
  name: "PutBucketLifecycleConfiguration",
  body: documentBody({ maxBytes: MAX_LIFECYCLE_BYTES, digest: "required" }),
  parse: (request) => ({
    bucket: requireBucket(request),
    transitionMinimum: parseTransitionMinimum(request.headers.get(TRANSITION_MINIMUM_HEADER)),
    now: request.now,
  }),
  requires: ({ bucket }) => [{ action: "s3:PutLifecycleConfiguration", on: "bucket", bucket }],
  async execute({ bucket, transitionMinimum, now }, { grant, stores }, body) {
    const document = { rules: parseLifecycleRules(body), transitionMinimum };
    if (JSON.stringify(document).length > MAX_STORED_LENGTH) {
      throw invalidRequest(`A lifecycle configuration can have at most ${MAX_STORED_LENGTH} characters of values.`);
    }
    await stores.documents.put(grant.bucket(bucket), { kind: "lifecycle", document, now });
  },
  respond: (_, { transitionMinimum }) => ({
    status: 200,
    headers: { [TRANSITION_MINIMUM_HEADER]: transitionMinimum },
  }),
});

export const DeleteBucketLifecycle = operation({
  name: "DeleteBucketLifecycle",
  body: noBody,
  parse: requireBucket,
  requires: (bucket) => [{ action: "s3:PutLifecycleConfiguration", on: "bucket", bucket }],
  execute: (bucket, { grant, stores }) => stores.documents.delete(grant.bucket(bucket), "lifecycle"),
  respond: () => ({ status: 204 }),
});

function parseTransitionMinimum(header: string | null): TransitionMinimum {
  if (header === null) return "all_storage_classes_128K";
  const known = TRANSITION_MINIMUMS.find((each) => each === header);
  if (known !== undefined) return known;
  throw invalidRequest(`Invalid TransitionDefaultMinimumObjectSize found: ${header}`);
}
