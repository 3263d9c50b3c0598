/** Typed readers of request parameters, with the constraints of the SNS API reference. */
import { parseTopicArn, type SignatureVersion, type TopicName, topicOfSubscription } from "../model/topic.ts";
import { FormParameters } from "../query-api/form.ts";
import { invalidParameter } from "./errors.ts";

export interface NamedTopic extends TopicName {
  readonly arn: string;
}

/** "up to 256 alphanumeric characters, hyphens and underscores"; only names of FIFO topics have a dot. */
const TOPIC_NAME = /^[A-Za-z0-9_-]{1,256}$/;
const MEMBER = /^member\.[1-9]\d{0,2}$/;
const ENTRY = /^entry\.([1-9]\d{0,2})\.(key|value)$/;
/** "The maximum length is 100 characters" for display names and subjects. */
const MAX_TITLE_LENGTH = 100;

/** The parameters of one action. Every reader throws `SnsError` InvalidParameter. */
export class Parameters extends FormParameters {
  require(name: string): string {
    const value = this.find(name);
    if (value === undefined || value === "") throw invalidParameter(name, "no value for required parameter");
    return value;
  }

  requireTopicName(): string {
    const name = this.require("Name");
    if (TOPIC_NAME.test(name)) return name;
    throw invalidParameter("Topic Name");
  }

  requireTopic(name = "TopicArn"): NamedTopic {
    const arn = this.#requireArn(name);
    const topic = parseTopicArn(arn);
    if (topic === undefined) throw invalidParameter(name);
    return { arn, ...topic };
  }

  /** A subscription and its topic. */
  requireSubscription(): { readonly arn: string; readonly topic: NamedTopic } {
    const arn = this.#requireArn("SubscriptionArn");
    const topic = topicOfSubscription(arn);
    if (topic === undefined) throw invalidParameter("SubscriptionId");
    return { arn, topic };
  }

  readBoolean(name: string): boolean {
    return parseBoolean(`${name} Reason`, this.find(name) ?? "false");
  }

  /** A map: `<name>.entry.1.key`, `<name>.entry.1.value`, … */
  readMap(name: string): ReadonlyMap<string, string> {
    const entries = new Map<string, { key?: string; value?: string }>();
    for (const [rest, text] of this.entriesOf(name)) {
      // SDKs send this for an empty map or list.
      if (rest === "" && text === "") continue;
      const [, number, part] = ENTRY.exec(rest) ?? [];
      if (number === undefined) throw invalidParameter(name);
      entries.set(number, { ...entries.get(number), [part === "key" ? "key" : "value"]: text });
    }
    const map = new Map<string, string>();
    for (const { key, value } of entries.values()) {
      if (key === undefined || value === undefined || map.has(key)) throw invalidParameter(name);
      map.set(key, value);
    }
    return map;
  }

  /** A list with at least one member: `<name>.member.1`, … */
  requireList(name: string): readonly string[] {
    const entries = this.entriesOf(name).filter(([rest, text]) => rest !== "" || text !== "");
    if (entries.length === 0) throw invalidParameter(name, "no value for required parameter");
    return entries.map(([rest, text]) => {
      if (!MEMBER.test(rest)) throw invalidParameter(name);
      return text;
    });
  }

  /** Refuses a list or map that is not supported. */
  refuseEntries(name: string, reason: string): void {
    if (this.entriesOf(name).some(([rest, text]) => rest !== "" || text !== "")) throw invalidParameter(name, reason);
  }

  #requireArn(name: string): string {
    const arn = this.require(name);
    const elements = arn.split(":").length;
    if (elements >= 6) return arn;
    throw invalidParameter(name, `An ARN must have at least 6 elements, not ${elements}`);
  }
}

/** @param what the text before the colon of the error message */
export function parseBoolean(what: string, text: string): boolean {
  if (/^true$/i.test(text)) return true;
  if (/^false$/i.test(text)) return false;
  throw invalidParameter(`${what}: Invalid value [${text.slice(0, 32)}]. Must be true or false.`);
}

export function parseSignatureVersion(text: string): SignatureVersion {
  if (text === "1" || text === "2") return text === "1" ? 1 : 2;
  throw invalidParameter("SignatureVersion", `Invalid value [${text.slice(0, 32)}]. Must be 1 or 2.`);
}

export function parseTitle(name: "DisplayName" | "Subject", text: string): string {
  if (text.length <= MAX_TITLE_LENGTH && !/\p{Cc}/u.test(text)) return text;
  throw invalidParameter(name);
}
