/** GetBucketNotificationConfiguration and PutBucketNotificationConfiguration (API pages of these names). */
import type { GrantedBucket } from "../../access/authorize.ts";
import { invalidArgument, S3Error } from "../../errors.ts";
import type { NotificationConfiguration } from "../../model/notification.ts";
import {
  formatNotificationConfiguration,
  MAX_NOTIFICATION_BYTES,
  parseNotificationConfiguration,
} from "../../protocol/xml/notification-configuration.ts";
import type { OperationContext } from "../operation.ts";
import { settableConfiguration } from "./configuration.ts";

const SKIP_VALIDATION = "x-amz-skip-destination-validation";

export const { get: GetBucketNotificationConfiguration, put: PutBucketNotificationConfiguration } =
  settableConfiguration({
    name: "BucketNotificationConfiguration",
    kind: "notification",
    action: "BucketNotification",
    body: { maxBytes: MAX_NOTIFICATION_BYTES, digest: "optional" },
    parse: parseAndVerify,
    format: formatNotificationConfiguration,
    absent: { default: { rules: [] } },
  });

async function parseAndVerify(
  body: Uint8Array,
  bucket: GrantedBucket,
  { deployment, journal, request }: OperationContext,
): Promise<NotificationConfiguration | undefined> {
  const destinations = deployment.destinations.of(journal.origin);
  const configuration = parseNotificationConfiguration(body, () => crypto.randomUUID());
  const { rules } = configuration;
  // "This action replaces the existing notification configuration": an empty one turns notifications off.
  if (rules.length === 0) return undefined;

  // "Skips validation of Amazon SQS, Amazon SNS, and AWS Lambda destinations. True or false value."
  const skipsValidation = request.headers.get(SKIP_VALIDATION)?.toLowerCase() === "true";
  if (!skipsValidation) {
    const inaccessible = await destinations.findInaccessible(bucket, rules);
    if (inaccessible.length > 0) throw unableToValidate(inaccessible);
  }
  // A URL must confirm that it accepts notifications, so URLs are always verified.
  const unverified = await destinations.findUnverified(rules);
  if (unverified !== undefined) throw invalidArgument(unverified.problem, "Topic", unverified.address);
  if (!skipsValidation) {
    const deaf = await destinations.sendTestEvents(bucket, rules);
    if (deaf.length > 0) throw unableToValidate(deaf);
  }
  return configuration;
}

/** S3 numbers the arguments (LocalStack's recordings test_multiple_invalid_sqs_arns). */
function unableToValidate(unusable: readonly { readonly address: string; readonly problem: string }[]): S3Error {
  const details = unusable.flatMap(({ address, problem }, index) => [
    [`ArgumentName${index + 1}`, address],
    [`ArgumentValue${index + 1}`, problem],
  ]);
  return new S3Error("InvalidArgument", {
    message: "Unable to validate the following destination configurations",
    details: Object.fromEntries(details),
  });
}
