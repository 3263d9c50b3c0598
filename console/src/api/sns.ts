/** Topics and their subscriptions. */
import type { ApiClient } from "./client.ts";
import { callQuery, type FormFields } from "./query.ts";
import { childrenOf, findElement, findText, textOf } from "./xml.ts";

export interface Subscription {
  /** `PendingConfirmation` or an ARN. */
  readonly arn: string;
  readonly protocol: string;
  readonly endpoint: string;
}

export interface Listed<Item> {
  readonly rows: readonly Item[];
  readonly next: string | undefined;
}

function call(client: ApiClient, action: string, fields: FormFields): Promise<Element> {
  return callQuery(client, { service: "sns", action, fields });
}

function membersOf(result: Element, list: string): Element[] {
  const found = findElement(result, list);
  return found === undefined ? [] : childrenOf(found, "member");
}

/** ARNs of topics. */
export async function listTopics(client: ApiClient, token: string | undefined): Promise<Listed<string>> {
  const result = await call(client, "ListTopics", { NextToken: token });
  const rows = membersOf(result, "Topics").map((topic) => textOf(topic, "TopicArn"));
  return { rows, next: findText(result, "NextToken") || undefined };
}

/** @returns the topic's ARN */
export async function createTopic(client: ApiClient, name: string): Promise<string> {
  return textOf(await call(client, "CreateTopic", { Name: name }), "TopicArn");
}

export async function deleteTopic(client: ApiClient, arn: string): Promise<void> {
  await call(client, "DeleteTopic", { TopicArn: arn });
}

export async function getTopic(client: ApiClient, arn: string): Promise<ReadonlyMap<string, string>> {
  const result = await call(client, "GetTopicAttributes", { TopicArn: arn });
  const attributes = findElement(result, "Attributes");
  const entries = attributes === undefined ? [] : childrenOf(attributes, "entry");
  return new Map(entries.map((entry) => [textOf(entry, "key"), textOf(entry, "value")]));
}

export interface TopicAttribute {
  readonly arn: string;
  readonly name: string;
  readonly value: string;
}

export async function setTopicAttribute(client: ApiClient, { arn, name, value }: TopicAttribute): Promise<void> {
  await call(client, "SetTopicAttributes", { TopicArn: arn, AttributeName: name, AttributeValue: value });
}

export async function listSubscriptions(
  client: ApiClient,
  arn: string,
  token: string | undefined,
): Promise<Listed<Subscription>> {
  const result = await call(client, "ListSubscriptionsByTopic", { TopicArn: arn, NextToken: token });
  const rows = membersOf(result, "Subscriptions").map((subscription) => ({
    arn: textOf(subscription, "SubscriptionArn"),
    protocol: textOf(subscription, "Protocol"),
    endpoint: textOf(subscription, "Endpoint"),
  }));
  return { rows, next: findText(result, "NextToken") || undefined };
}

export async function subscribe(client: ApiClient, arn: string, endpoint: string): Promise<void> {
  const protocol = endpoint.startsWith("https:") ? "https" : "http";
  await call(client, "Subscribe", { TopicArn: arn, Protocol: protocol, Endpoint: endpoint });
}

export async function unsubscribe(client: ApiClient, subscriptionArn: string): Promise<void> {
  await call(client, "Unsubscribe", { SubscriptionArn: subscriptionArn });
}

export async function publish(client: ApiClient, arn: string, message: string): Promise<void> {
  await call(client, "Publish", { TopicArn: arn, Message: message });
}
