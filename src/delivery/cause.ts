import { parseTopicArn } from "../model/topic.ts";
import type { DeliveryMessage } from "../storage/journal/messages.ts";

/** The account that causes a delivery: of the bucket, or of the topic where it is about no bucket. */
export function causeOf({ event, receiver }: Pick<DeliveryMessage, "event" | "receiver">): string {
  if ("origin" in event) return event.origin.bucket.accountId;
  if ("test" in event) return event.test.bucket.accountId;
  return receiver.kind === "subscription" ? (parseTopicArn(receiver.topicArn)?.accountId ?? "") : "";
}
