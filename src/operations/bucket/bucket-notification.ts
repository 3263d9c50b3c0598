/** GetBucketNotificationConfiguration and PutBucketNotificationConfiguration (API pages of these names). */
import { invalidArgument, S3Error } from "../../errors.ts";
import {
  formatNotificationConfiguration,
  MAX_NOTIFICATION_BYTES,
  parseNotificationConfiguration,
} from "../../protocol/xml/notification-configuration.ts";
import { documentBody, noBody, operation, requireBucket } from "../operation.ts";

const SKIP_VALIDATION = "x-amz-skip-destination-validation";

export const GetBucketNotificationConfiguration = operation({
  name: "GetBucketNotificationConfiguration",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetBucketNotification", bucket }],
  execute: async ({ bucket }, { grant, stores }) =>
    (await stores.documents.get(grant.bucket(bucket), "notification")) ?? { rules: [] },
  respond: (configuration) => ({ status: 200, body: formatNotificationConfiguration(configuration) }),
});

export const PutBucketNotificationConfiguration = operation({
  name: "PutBucketNotificationConfiguration",
  body: documentBody({ maxBytes: MAX_NOTIFICATION_BYTES, digest: "optional" }),
  parse: (request) => ({
    bucket: requireBucket(request),
    now: request.now,
    // "Skips validation of Amazon SQS, Amazon SNS, and AWS Lambda destinations. True or false value."
    skipsValidation: request.headers.get(SKIP_VALIDATION)?.toLowerCase() === "true",
  }),
  requires: ({ bucket }) => [{ action: "s3:PutBucketNotification", bucket }],
  async execute({ bucket: name, now, skipsValidation }, { grant, stores, destinations }, body) {
    const bucket = grant.bucket(name);
    const configuration = parseNotificationConfiguration(body, () => crypto.randomUUID());
    const { rules } = configuration;
    // "This action replaces the existing notification configuration": an empty one turns notifications off.
    if (rules.length === 0) return stores.documents.delete(bucket, "notification");

    if (!skipsValidation) {
      const inaccessible = await destinations.findInaccessible(bucket, rules);
      if (inaccessible.length > 0) throw unableToValidate(inaccessible);
    }
    // Nobody is told of events who has not asked for them, so URLs are always verified.
    const unverified = await destinations.findUnverified(rules);
    if (unverified !== undefined) throw invalidArgument(unverified.problem, "Topic", unverified.place);
    if (!skipsValidation) {
      const deaf = await destinations.sendTestEvents(bucket, rules);
      if (deaf.length > 0) throw unableToValidate(deaf);
    }
    await stores.documents.put(bucket, "notification", configuration, now);
  },
  respond: () => ({ status: 200 }),
});

/** As S3 answers, with numbered arguments (LocalStack's recordings test_multiple_invalid_sqs_arns). */
function unableToValidate(unusable: readonly { readonly place: string; readonly problem: string }[]): S3Error {
  const details = unusable.flatMap(({ place, problem }, index) => [
    [`ArgumentName${index + 1}`, place],
    [`ArgumentValue${index + 1}`, problem],
  ]);
  return new S3Error("InvalidArgument", {
    message: "Unable to validate the following destination configurations",
    details: Object.fromEntries(details),
  });
}
