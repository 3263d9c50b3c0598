/** Messages to one subscription of a topic: events of buckets, published messages and confirmations. */
import { formatAwsMessage } from "../delivery/aws-record.ts";
import { type DeliveryOutcome, outcomeOfCall } from "../delivery/outcome.ts";
import type { MacKey } from "../model/mac-key.ts";
import { newUuid } from "../model/random-ids.ts";
import type { SignatureVersion, Subscription } from "../model/topic.ts";
import { callTarget } from "../outbound/fetch.ts";
import { type Target, type TargetPolicy, tryTarget } from "../outbound/target.ts";
import type { SignatureHash, Signer, Signers } from "../signing/signer.ts";
import type { Subscriptions, UnconfirmedSubscription } from "../storage/d1/subscriptions.ts";
import type { Topics } from "../storage/d1/topics.ts";
import type { DeliveryMessage, Event, Receiver, TestEvent, TopicMessage } from "../storage/journal/messages.ts";
import {
  type Confirmation,
  confirmationText,
  formatEnvelope,
  type Notification,
  stringToSign,
  subscribeUrl,
  unsubscribeUrl,
} from "./envelope.ts";

/** Deviation: SNS waits 15 seconds. An endpoint that does not answer must not occupy a connection for so long. */
const TIMEOUT_MS = 5_000;
const SUBJECT = "Amazon S3 Notification";
const USER_AGENT = "Amazon Simple Notification Service Agent";
/** Signatures that are kept for the other subscriptions of a topic. */
const MAX_KEPT_SIGNATURES = 16;

interface Dependencies {
  readonly signers: Pick<Signers, "open">;
  /** @param endpoint scheme and host by which the deployment was reached, which must not be called */
  targetPolicy(endpoint: string): TargetPolicy;
  /** Scheme and host for receivers; undefined: those by which the deployment was reached. */
  readonly publicOrigin: string | undefined;
  readonly topics: Pick<Topics, "findConfirmed">;
  readonly subscriptions: Pick<Subscriptions, "findAwaiting">;
  /** Signs the links that unsubscribe. */
  readonly tokenKey: MacKey;
}

type Recipient = Subscription & { readonly signatureVersion: SignatureVersion };

interface OutgoingMessage {
  readonly to: Recipient;
  readonly message: Notification | Confirmation;
  readonly endpoint: string;
}

export class TopicDeliveries {
  readonly #dependencies: Dependencies;
  /**
   * By hash and text, the oldest first. What is signed is the same for all subscriptions of a topic, and a signature takes more
   * CPU time than the rest of a delivery.
   */
  readonly #signatures = new Map<string, string>();

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  /** @returns why the URL cannot be subscribed; undefined if it can */
  findUrlProblem(url: string, endpoint: string): string | undefined {
    const target = tryTarget(url, this.#dependencies.targetPolicy(endpoint));
    return typeof target === "string" ? target : undefined;
  }

  /** @throws failures of the deployment itself, such as D1's: then the attempt does not count */
  async deliver(
    event: Event | TestEvent | TopicMessage,
    receiver: Extract<Receiver, { kind: "subscription" }>,
  ): Promise<DeliveryOutcome> {
    const outgoing = await this.#compose(event, receiver);
    // No longer wanted: unsubscribed meanwhile, or already confirmed.
    if (outgoing === undefined) return { kind: "delivered", latencyMs: 0 };
    const target = tryTarget(outgoing.to.endpoint, this.#dependencies.targetPolicy(outgoing.endpoint));
    if (typeof target === "string") return { kind: "refused", reason: target, latencyMs: 0 };
    return this.#send(target, outgoing);
  }

  async #compose(
    event: Event | TestEvent | TopicMessage,
    { subscriptionArn, topicArn }: Extract<Receiver, { kind: "subscription" }>,
  ): Promise<OutgoingMessage | undefined> {
    const { topics, subscriptions } = this.#dependencies;
    if (!("topic" in event)) {
      const to = await topics.findConfirmed(subscriptionArn);
      const { time, endpoint } = "test" in event ? event.test : event.origin;
      const MessageId = await eventMessageId(event, topicArn);
      const common = { MessageId, TopicArn: topicArn, Timestamp: new Date(time).toISOString() };
      const message = { ...common, Type: "Notification", Subject: SUBJECT, Message: formatAwsMessage(event) } as const;
      return to && { to, endpoint, message };
    }
    const { messageId, time, endpoint, content } = event.topic;
    const common = { MessageId: messageId, TopicArn: topicArn, Timestamp: new Date(time).toISOString() };
    if (content.type === "Notification") {
      const to = await topics.findConfirmed(subscriptionArn);
      const { message: Message, subject: Subject } = content;
      const message = { ...common, Type: content.type, Message, ...(Subject !== undefined && { Subject }) } as const;
      return to && { to, endpoint, message };
    }
    const { type: Type, token: Token } = content;
    const to = await subscriptions.findAwaiting(subscriptionArn, Token, new Date());
    const Message = confirmationText(Type, topicArn, subscriptionArn);
    const SubscribeURL = subscribeUrl(this.#origin(endpoint), topicArn, Token);
    return to && { to, endpoint, message: { ...common, Type, Token, Message, SubscribeURL } };
  }

  async #send(target: Target, { to, message, endpoint }: OutgoingMessage): Promise<DeliveryOutcome> {
    const isRaw = to.isRaw && message.Type === "Notification";
    const body = isRaw ? message.Message : await this.#envelope(to, message, endpoint);
    const startedAt = Date.now();
    const outcome = await callTarget(target, {
      method: "POST",
      headers: {
        "content-type": "text/plain; charset=UTF-8",
        "user-agent": USER_AGENT,
        "x-amz-sns-message-type": message.Type,
        "x-amz-sns-message-id": message.MessageId,
        "x-amz-sns-topic-arn": message.TopicArn,
        ...(message.Type !== "SubscriptionConfirmation" && { "x-amz-sns-subscription-arn": to.arn }),
        ...(isRaw && { "x-amz-sns-rawdelivery": "true" }),
      },
      body,
      timeoutMs: TIMEOUT_MS,
      maxResponseBytes: 0,
    });
    return outcomeOfCall(outcome, Date.now() - startedAt, (status) => status >= 200 && status < 300);
  }

  async #envelope(to: Recipient, message: Notification | Confirmation, endpoint: string): Promise<string> {
    const { signers, tokenKey } = this.#dependencies;
    const signer = await signers.open();
    const origin = this.#origin(endpoint);
    const hash = to.signatureVersion === 1 ? "SHA-1" : "SHA-256";
    const signature = {
      SignatureVersion: to.signatureVersion,
      Signature: await this.#sign(signer, hash, stringToSign(message)),
      SigningCertURL: origin + signer.certificatePath,
    };
    const link = message.Type === "Notification" ? await unsubscribeUrl(tokenKey, origin, to.arn) : undefined;
    return formatEnvelope(message, signature, link);
  }

  async #sign(signer: Signer, hash: SignatureHash, text: string): Promise<string> {
    const key = `${hash} ${text}`;
    const signature = this.#signatures.get(key) ?? (await signer.sign(hash, text));
    this.#signatures.set(key, signature);
    for (const oldest of this.#signatures.keys()) {
      if (this.#signatures.size <= MAX_KEPT_SIGNATURES) break;
      this.#signatures.delete(oldest);
    }
    return signature;
  }

  /** Scheme and host of links for receivers. */
  #origin(endpoint: string): string {
    return this.#dependencies.publicOrigin ?? endpoint;
  }
}

/** A UUID (RFC 9562, version 8) from the event: the same in every attempt and for every subscription of the topic. */
async function eventMessageId(event: Event | TestEvent, topicArn: string): Promise<string> {
  const names =
    "test" in event
      ? ["test", event.test.requestId, event.test.bucket.id]
      : [event.configurationId, event.origin.requestId, event.origin.bucket.id, event.change.event, event.change.key];
  const sequencer = "test" in event ? "" : event.change.sequencer;
  const text = new TextEncoder().encode(JSON.stringify([topicArn, ...names, sequencer]));
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", text)).subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

interface MessageContext {
  readonly now: Date;
  /** Scheme and host by which the deployment was reached, for links in the message. */
  readonly endpoint: string;
}

/** @param published.messageId "unique for each message published", the same for all subscriptions */
export function topicMessage(
  { arn: subscriptionArn, topicArn }: Subscription,
  { messageId, content }: Pick<TopicMessage["topic"], "messageId" | "content">,
  { now, endpoint }: MessageContext,
): DeliveryMessage {
  return {
    kind: "delivery",
    id: `${messageId}-${subscriptionArn}`,
    receiver: { kind: "subscription", topicArn, subscriptionArn },
    event: { topic: { messageId, time: now.getTime(), endpoint, content } },
    attempt: 0,
  };
}

export function confirmationMessage(
  type: "SubscriptionConfirmation" | "UnsubscribeConfirmation",
  { subscription, token }: UnconfirmedSubscription,
  context: MessageContext,
): DeliveryMessage {
  return topicMessage(subscription, { messageId: newUuid(), content: { type, token } }, context);
}
