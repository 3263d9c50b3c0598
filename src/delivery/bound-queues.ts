/**
 * The operator's queues that are bound to the Worker, under the ARNs they would have as SQS queues of the root account.
 * Deviation: a binding has no policy that could allow other accounts, so only buckets of the root account can send to
 * it.
 */
import type { Queues } from "../storage/journal/messages.ts";

/** @returns undefined if no queue has that ARN, or the bucket may not send to it */
export function findBoundQueue(
  arn: string,
  { bucket, rootAccountId }: { readonly bucket: { readonly accountId: string }; readonly rootAccountId: string },
  { bound }: Pick<Queues, "bound">,
) {
  const [, , , , accountId, name = ""] = arn.split(":");
  return accountId === rootAccountId && bucket.accountId === rootAccountId ? bound.get(name) : undefined;
}
