/** SNS calls to a Worker whose queue of deliveries records what it is sent, and attempts at the recorded deliveries. */
import { inject } from "vitest";
import type { DeliveryOutcome } from "../../src/delivery/outcome.ts";
import type { Env } from "../../src/env.ts";
import { openServices } from "../../src/services.ts";
import type { DeliveryMessage, TopicMessage } from "../../src/storage/journal/messages.ts";
import { type CallParameters, call, type RawCall, type Refusal, refusalOf, resultOf } from "./iam.ts";
import type { Received } from "./receiver.ts";
import { ROOT, testEnv } from "./s3.ts";
import { handleRequest } from "./worker.ts";
import { type Element, textIn } from "./xml.ts";

const messages: DeliveryMessage[] = [];
const keep = (body: DeliveryMessage) => messages.push(structuredClone(body));

/** The Worker's bindings with that queue. */
export const topicsEnv: Env = {
  ...testEnv,
  // A new object, so that it is not taken for the bindings of the Worker itself.
  EVENTS: { send: async () => undefined, sendBatch: async () => undefined } as unknown as Env["EVENTS"],
  DELIVERIES: {
    send: async (body: DeliveryMessage) => keep(body),
    sendBatch: async (batch: Iterable<{ body: DeliveryMessage }>) => {
      for (const { body } of batch) keep(body);
    },
  } as unknown as Env["DELIVERIES"],
};

/** An action that must succeed. */
export async function sns(action: string, parameters: CallParameters = {}, as: RawCall["as"] = ROOT) {
  return resultOf(await call("sns", action, parameters, { as, env: topicsEnv }), "sns", action);
}

/** An action that must be refused. */
export async function snsRefused(
  action: string,
  parameters: CallParameters = {},
  as: RawCall["as"] = ROOT,
): Promise<Refusal> {
  return refusalOf(await call("sns", action, parameters, { as, env: topicsEnv }), "sns");
}

let names = 0;

export const newTopicName = () => `topic-${names++}`;

export async function createTopic(as: RawCall["as"] = ROOT, attributes: CallParameters = {}): Promise<string> {
  const result = await sns("CreateTopic", { Name: newTopicName(), ...map("Attributes", attributes) }, as);
  return textIn(result, "TopicArn") ?? "";
}

/** A map as SDKs send it. */
export function map(name: string, entries: CallParameters): CallParameters {
  return Object.fromEntries(
    Object.entries(entries).flatMap(([key, value], index) => [
      [`${name}.entry.${index + 1}.key`, key],
      [`${name}.entry.${index + 1}.value`, value],
    ]),
  );
}

/** A map as SDKs read it. */
export function attributesOf(result: Element | undefined): Record<string, string> {
  const entries = result?.children.find(({ name }) => name === "Attributes")?.children ?? [];
  return Object.fromEntries(entries.map((entry) => [textIn(entry, "key") ?? "", textIn(entry, "value") ?? ""]));
}

let boxes = 0;

/** A URL that accepts and records every request. */
export function newInbox(): string {
  return `${inject("receiver").origin}/inbox?id=box-${Date.now().toString(36)}-${boxes++}`;
}

export async function received(inbox: string): Promise<Received[]> {
  return (await fetch(inbox)).json<Received[]>();
}

/** Removes and returns the messages of a topic from the queue. */
export function takeMessages(topicArn: string): DeliveryMessage[] {
  const taken = messages.filter(({ receiver }) => receiver.kind === "subscription" && receiver.topicArn === topicArn);
  for (const message of taken) messages.splice(messages.indexOf(message), 1);
  return taken;
}

export async function attempt({ event, receiver }: DeliveryMessage): Promise<DeliveryOutcome> {
  if (receiver.kind !== "subscription") throw new Error("not for a subscription");
  return openServices(topicsEnv).topicDeliveries.deliver(event, receiver);
}

/** The token in the only message of a topic in the queue. */
export function takeToken(topicArn: string): string {
  const [message, ...others] = takeMessages(topicArn);
  const { topic } = (message?.event ?? {}) as Partial<TopicMessage>;
  if (topic === undefined || !("token" in topic.content) || others.length > 0) throw new Error("not one confirmation");
  return topic.content.token;
}

export interface Subscribed {
  readonly arn: string;
  readonly inbox: string;
}

/** A confirmed subscription. */
export async function subscribe(
  topicArn: string,
  attributes: CallParameters = {},
  as: RawCall["as"] = ROOT,
): Promise<Subscribed> {
  const inbox = newInbox();
  const parameters = { TopicArn: topicArn, Protocol: "http", Endpoint: inbox, ...map("Attributes", attributes) };
  await sns("Subscribe", parameters, as);
  const confirmed = await sns("ConfirmSubscription", { TopicArn: topicArn, Token: takeToken(topicArn) }, as);
  return { arn: textIn(confirmed, "SubscriptionArn") ?? "", inbox };
}

/** Opens a link of a message, as a browser does. */
export async function visit(link: string, init: RequestInit = {}): Promise<Response> {
  return handleRequest(new Request(link, init), topicsEnv);
}
