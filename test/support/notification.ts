/** Notification configurations, and receivers that exist only in this file: requests to them never leave the test. */
import { env } from "cloudflare:workers";
import { onTestFinished, vi } from "vitest";
import type { Env } from "../../src/env.ts";
import { type SendOptions, send } from "./request.ts";
import { testEnv } from "./s3.ts";

/** A request that a receiver got. */
export interface Call {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Answer = (call: Call) => Response | Promise<Response>;

/** Answers as a receiver of callbacks must: with the Base64 form of a challenge, and 200 for everything else. */
export const willing: Answer = ({ headers, body }) =>
  new Response(headers["x-jdcloud-message-type"] === "SubscriptionConfirmation" ? btoa(body) : "ok");

/** Never answers. */
export const silent: Answer = () => new Promise<Response>(() => undefined);

/** Receivers by URL for the rest of the test. All calls are recorded; other URLs cannot be reached. */
export function receivers(answers: Readonly<Record<string, Answer>>): Call[] {
  const calls: Call[] = [];
  const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    const call = {
      url: String(input),
      method: request.method,
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    };
    calls.push(call);
    const answer = answers[call.url];
    if (answer === undefined) throw new Error("Network connection lost.");
    return answer(call);
  });
  onTestFinished(() => spy.mockRestore());
  return calls;
}

/** A queue of the operator, bound as `QUEUE_<NAME>`, that records what it is sent. */
export function userQueue(failure?: string) {
  const sent: unknown[] = [];
  const send = async (body: unknown) => {
    if (failure !== undefined) throw new Error(failure);
    sent.push(body);
  };
  return { sent, send };
}

/** Bindings with some replaced. The new queue of events makes the Worker open its services again. */
export function envWith(bindings: Readonly<Record<string, unknown>>): Env {
  const { EVENTS } = testEnv;
  const events = { send: EVENTS.send.bind(EVENTS), sendBatch: EVENTS.sendBatch.bind(EVENTS) };
  return { ...testEnv, EVENTS: events, ...bindings } as unknown as Env;
}

export function notificationDocument(...rules: string[]): string {
  return `<NotificationConfiguration>${rules.join("")}</NotificationConfiguration>`;
}

export function topicRule(topic: string, { events = "s3:ObjectCreated:*", id = "", filter = "" } = {}): string {
  return rule("Topic", topic, { events, id, filter });
}

export function queueRule(arn: string, { events = "s3:ObjectCreated:*", id = "", filter = "" } = {}): string {
  return rule("Queue", arn, { events, id, filter });
}

function rule(kind: "Topic" | "Queue", destination: string, { events, id, filter }: Record<string, string>): string {
  const names = (events ?? "").split(" ").map((event) => `<Event>${event}</Event>`);
  const configuration = `${kind}Configuration`;
  return `<${configuration}>${id === "" ? "" : `<Id>${id}</Id>`}<${kind}>${destination}</${kind}>${names.join("")}${filter}</${configuration}>`;
}

export async function putNotification(bucket: string, body: string, options: SendOptions = {}): Promise<Response> {
  return send({ method: "PUT", bucket, query: "notification", body, ...options });
}

/** The document as text; throws if there is none. */
export async function notificationOf(bucket: string): Promise<string> {
  const response = await send({ bucket, query: "notification" });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`GetBucketNotificationConfiguration: ${response.status} ${text}`);
  return text;
}

/** Creates a topic without the SNS API. */
export async function makeTopic(accountId: string, name: string): Promise<string> {
  const arn = `arn:aws:sns:us-east-1:${accountId}:${name}`;
  await env.DB.prepare(
    "INSERT INTO topics (arn, account_id, display_name, signature_version, created_at) VALUES (?1, ?2, '', 1, 0)",
  )
    .bind(arn, accountId)
    .run();
  return arn;
}
