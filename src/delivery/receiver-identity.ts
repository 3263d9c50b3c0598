import { formatHex } from "../checksum/digests.ts";
import { parseTopicArn } from "../model/topic.ts";
import { tryTarget } from "../outbound/target.ts";
import type { DeliveryMessage, Receiver } from "../storage/journal/messages.ts";

/** A receiver in statistics and logs. */
export interface ReceiverIdentity {
  /** Of its row; tells receivers with the same name apart, and accounts that call the same URL. */
  readonly id: string;
  readonly kind: Receiver["kind"];
  /** An ARN, or a URL without its query, where tokens stand. */
  readonly name: string;
  /** By whose doing it is called: of the bucket, or of the subscription. */
  readonly accountId: string;
  /** `host:port`, which receivers with different URLs share; of a queue its ARN. */
  readonly host: string;
}

/** @param endpoint of a subscription; undefined: there is none any more */
export async function identifyReceiver(
  receiver: Receiver,
  { accountId, endpoint }: { readonly accountId: string; readonly endpoint?: string },
): Promise<ReceiverIdentity> {
  const { kind } = receiver;
  const fullName = fullNameOf(receiver);
  const caller = kind === "callback" ? `${accountId} ` : "";
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${kind} ${caller}${fullName}`));
  return {
    id: formatHex(new Uint8Array(digest)),
    kind,
    name: kind === "callback" ? withoutQuery(fullName) : fullName,
    accountId,
    host: kind === "queue" ? fullName : hostOf(kind === "callback" ? fullName : (endpoint ?? "")),
  };
}

/** The same receiver for people, where no row is asked for. */
export function describeReceiver(receiver: Receiver): string {
  return receiver.kind === "callback" ? withoutQuery(receiver.url) : fullNameOf(receiver);
}

/** Empty for what is no URL, and so is not called. */
function hostOf(url: string): string {
  // Whether it may be called is asked when it is.
  const target = tryTarget(url, { allowPrivate: true, ownHosts: [] });
  return typeof target === "string" ? "" : `${target.host}:${target.port}`;
}

function fullNameOf(receiver: Receiver): string {
  switch (receiver.kind) {
    case "callback":
      return receiver.url;
    case "subscription":
      return receiver.subscriptionArn;
    case "queue":
      return receiver.arn;
  }
}

function withoutQuery(url: string): string {
  return url.replace(/\?.*$/s, "");
}

/** The account that causes a delivery: of the bucket, or of the topic where it is about no bucket. */
export function responsibleAccount({ event, receiver }: Pick<DeliveryMessage, "event" | "receiver">): string {
  if ("origin" in event) return event.origin.bucket.accountId;
  if ("test" in event) return event.test.bucket.accountId;
  return receiver.kind === "subscription" ? (parseTopicArn(receiver.topicArn)?.accountId ?? "") : "";
}
