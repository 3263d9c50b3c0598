/** How statistics, logs and limits name a receiver, and which account is responsible for a delivery. */
import { formatHex } from "../checksum/digests.ts";
import { parseTopicArn } from "../model/topic.ts";
import { tryTarget } from "../outbound/target.ts";
import type { DeliveryMessage, Receiver } from "../storage/journal/messages.ts";

export interface ReceiverIdentity {
  /** Key of its row. Two receivers with one name differ in it, and so do two accounts that call one URL. */
  readonly id: string;
  readonly kind: Receiver["kind"];
  /** An ARN, or a URL without its query, which can contain a token. */
  readonly name: string;
  /** The account of the bucket, or of the subscription. */
  readonly accountId: string;
  /** `host:port`, which receivers with different URLs can share; for a queue its ARN. */
  readonly host: string;
}

/** @param endpoint of a subscription; undefined if the subscription no longer exists */
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
    name: describeReceiver(receiver),
    accountId,
    host: kind === "queue" ? fullName : hostOf(kind === "callback" ? fullName : (endpoint ?? "")),
  };
}

/** The `name` of a receiver. */
export function describeReceiver(receiver: Receiver): string {
  return receiver.kind === "callback" ? withoutQuery(receiver.url) : fullNameOf(receiver);
}

/** Empty for an invalid URL, which is never called. */
function hostOf(url: string): string {
  // Whether the URL may be called is checked at each call.
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

/** The account that causes a delivery: the bucket's, or the topic's for a message that is about no bucket. */
export function responsibleAccount({ event, receiver }: Pick<DeliveryMessage, "event" | "receiver">): string {
  if ("origin" in event) return event.origin.bucket.accountId;
  if ("test" in event) return event.test.bucket.accountId;
  return receiver.kind === "subscription" ? (parseTopicArn(receiver.topicArn)?.accountId ?? "") : "";
}
