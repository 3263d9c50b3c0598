/** Publish to a topic (SNS API reference). Targets other than topics do not exist. */
import { newUuid } from "../../model/random-ids.ts";
import { xmlText } from "../../protocol/xml/writer.ts";
import { invalidParameter, noSuchTopic } from "../errors.ts";
import { parseTitle } from "../parameters.ts";
import { topicMessage } from "../topic-deliveries.ts";
import { grantTopic, type SnsAction, type SnsCall } from "./action.ts";

/**
 * Deviation: 64 KiB instead of 256. A message passes through a queue, which accepts 128 KB in all, as JSON, in which
 * one byte can become two.
 */
const MAX_MESSAGE_BYTES = 64 * 1024;
const MAX_QUEUED_BYTES = 120_000;

const encoder = new TextEncoder();

export const Publish: SnsAction = {
  parameters: ["TopicArn", "TargetArn", "Message", "Subject", "MessageStructure", "MessageAttributes"],
  async run(call) {
    const { parameters, services } = call;
    const hasTarget = parameters.find("TopicArn") === undefined && parameters.find("TargetArn") !== undefined;
    const topic = parameters.requireTopic(hasTarget ? "TargetArn" : "TopicArn");
    parameters.refuseEntries("MessageAttributes", "message attributes are not supported");
    const subject = parameters.find("Subject");
    if (subject !== undefined && (subject === "" || /^\s/.test(subject))) throw invalidParameter("Subject");
    if (subject !== undefined) parseTitle("Subject", subject);
    const messages = readMessages(call);
    const grant = await grantTopic(call, topic);
    if ((await services.topics.find(grant)) === undefined) throw noSuchTopic();

    const messageId = newUuid();
    const receivers = (await services.topics.audiences([topic.arn])).confirmedOf(grant);
    await services.queues.deliveries.send(
      receivers.map((subscription) => {
        const message = subscription.endpoint.toLowerCase().startsWith("https:") ? messages.https : messages.http;
        const content = { type: "Notification", message, ...(subject !== undefined && { subject }) } as const;
        return topicMessage(subscription, { messageId, content }, call);
      }),
    );
    return [xmlText("MessageId", messageId)];
  },
};

interface Messages {
  readonly http: string;
  readonly https: string;
}

function readMessages({ parameters }: SnsCall): Messages {
  const text = parameters.find("Message");
  if (text === undefined || text === "") throw invalidParameter("Empty message");
  const bytes = encoder.encode(text).byteLength;
  if (bytes > MAX_MESSAGE_BYTES || encoder.encode(JSON.stringify(text)).byteLength > MAX_QUEUED_BYTES) {
    throw invalidParameter("Message too long");
  }
  const structure = parameters.find("MessageStructure");
  if (structure === undefined) return { http: text, https: text };
  if (structure !== "json") throw invalidParameter("MessageStructure");
  return readStructure(text);
}

/** "a JSON object … [with] at least a top-level JSON key of "default" with a value that is a string" (API_Publish). */
function readStructure(text: string): Messages {
  const fields = parseObject(text);
  const of = (protocol: string) => {
    const value = fields.get(protocol);
    return typeof value === "string" ? value : undefined;
  };
  const fallback = of("default");
  if (fallback === undefined) throw invalidParameter("Message Structure - No default entry in JSON message body");
  return { http: of("http") ?? fallback, https: of("https") ?? fallback };
}

function parseObject(text: string): ReadonlyMap<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return new Map(Object.entries(value));
  } catch {
    // Invalid JSON is refused below, as JSON that is not an object.
  }
  throw invalidParameter("Message Structure - JSON message body failed to parse");
}
