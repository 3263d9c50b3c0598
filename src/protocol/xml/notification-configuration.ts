/**
 * Request and answer of the notification operations (API_PutBucketNotificationConfiguration, "Amazon S3 Event
 * Notifications"). Instead of a topic's ARN a rule may have the reference system's `NS:` with callback URLs.
 *
 * Messages and arguments of errors are those that LocalStack and moto recorded on AWS, as far as they did.
 */
import { invalidArgument, S3Error } from "../../errors.ts";
import { OBJECT_EVENTS } from "../../model/event.ts";
import type { NotificationConfiguration, NotificationDestination, NotificationRule } from "../../model/notification.ts";
import { percentDecode, utf8Length } from "../percent-encoding.ts";
import {
  childrenOf,
  childText,
  childTexts,
  directText,
  findChild,
  malformedXml,
  nameOf,
  parseXml,
  requireChildText,
  requireOnly,
  textOf,
  type XmlElement,
} from "./reader.ts";
import { formatXml, type XmlNode, xmlElement, xmlText } from "./writer.ts";

/** The rules that a change matches are part of its queue message, which has at most 128 KB. */
export const MAX_NOTIFICATION_BYTES = 64 * 1024;
/** "You can add up to 100 event notification configurations for each bucket" (quotas). */
export const MAX_RULES = 100;
const MAX_ID_LENGTH = 255;
/** The reference system allows 1,022 bytes, the length of its keys. */
export const MAX_FILTER_BYTES = 1024;
/** The limit of the reference system. */
export const MAX_CALLBACK_URLS = 5;
const CALLBACK = "NS:";

/** "Supported event types for SQS, SNS, and Lambda": names for several events. */
const WILDCARDS = [
  "s3:ObjectCreated:*",
  "s3:ObjectRemoved:*",
  "s3:ObjectTagging:*",
  "s3:LifecycleExpiration:*",
  "s3:Replication:*",
];
const RAISED: ReadonlySet<string> = new Set([...OBJECT_EVENTS.map((event) => `s3:${event}`), ...WILDCARDS]);
/** Events of the same page that belong to features that are not offered. */
const NEVER_RAISED: ReadonlySet<string> = new Set([
  "s3:ReducedRedundancyLostObject",
  "s3:ObjectRestore:*",
  "s3:ObjectRestore:Post",
  "s3:ObjectRestore:Completed",
  "s3:ObjectRestore:Delete",
  "s3:Replication:OperationMissedThreshold",
  "s3:Replication:OperationReplicatedAfterThreshold",
  "s3:Replication:OperationNotTracked",
  "s3:IntelligentTiering",
]);

const FUNCTIONS = ["CloudFunctionConfiguration", "LambdaFunctionConfiguration"];
/** The name of the argument in errors about a function. */
const FUNCTION = "CloudFunction";
/** The element of the destination, by the name of the rule's element. */
const RULES = { TopicConfiguration: "Topic", QueueConfiguration: "Queue" } as const;
type RuleName = keyof typeof RULES;

/**
 * The structure of a rule is checked before its values. Whether destinations exist is not checked here.
 *
 * @param newId makes an id for a rule without one
 * @throws S3Error `MalformedXML`; `InvalidArgument` for a function, an invalid ARN, `NS:` without one to five URLs, an
 *   unknown event, an invalid filter, an id that is too long or repeated, and rules that overlap; `NotImplemented` for
 *   EventBridge and for events that are never raised here; `InvalidRequest` for more than 100 rules.
 */
export function parseNotificationConfiguration(body: Uint8Array, newId: () => string): NotificationConfiguration {
  const root = parseXml(body, "NotificationConfiguration", { maxBytes: MAX_NOTIFICATION_BYTES });
  requireOnly(root, [...Object.keys(RULES), ...FUNCTIONS, "EventBridgeConfiguration"]);
  refuseOtherDestinations(root);
  const elements = childrenOf(root);
  if (elements.length > MAX_RULES) {
    throw new S3Error("InvalidRequest", {
      message: `Too many configurations submitted. The maximum number of configurations is ${MAX_RULES}`,
    });
  }
  const rules = elements.map((element) => readRule(element, newId));
  requireUniqueIds(rules);
  requireDisjointRules(rules);
  return { rules };
}

/** Topics before queues, as in S3's sample; `Prefix` and `Suffix` are capitalised as in S3's answers. */
export function formatNotificationConfiguration({ rules }: NotificationConfiguration): string {
  const topics = rules.filter(({ destination }) => destination.kind !== "queue");
  const queues = rules.filter(({ destination }) => destination.kind === "queue");
  return formatXml("NotificationConfiguration", [
    ...topics.map((rule) => formatRule("TopicConfiguration", rule)),
    ...queues.map((rule) => formatRule("QueueConfiguration", rule)),
  ]);
}

function formatRule(name: RuleName, { id, destination, events, filter }: NotificationRule): XmlNode {
  return xmlElement(name, [
    xmlText("Id", id),
    xmlText(RULES[name], destination.kind === "callback" ? CALLBACK + destination.urls.join(",") : destination.arn),
    ...events.map((event) => xmlText("Event", event)),
    filter &&
      xmlElement("Filter", [
        xmlElement("S3Key", [formatFilterRule("Prefix", filter.prefix), formatFilterRule("Suffix", filter.suffix)]),
      ]),
  ]);
}

function formatFilterRule(name: string, value: string | undefined): XmlNode | undefined {
  return value === undefined ? undefined : xmlElement("FilterRule", [xmlText("Name", name), xmlText("Value", value)]);
}

/** Functions and the event bus are not offered, and a rule that has no effect is not stored. */
function refuseOtherDestinations(root: XmlElement): void {
  if (childrenOf(root, "EventBridgeConfiguration").length > 0) {
    throw new S3Error("NotImplemented", { message: "Amazon EventBridge is not offered as a destination." });
  }
  const named = FUNCTIONS.flatMap((name) => childrenOf(root, name))[0];
  if (named === undefined) return;
  const arnElement = childrenOf(named).find((child) => [FUNCTION, "LambdaFunctionArn"].includes(nameOf(child)));
  const arnText = arnElement === undefined ? "" : directText(arnElement);
  const arn = requireArn(arnText, FUNCTION, { service: "lambda", name: /^function:[\w-]{1,140}(:[\w$-]{1,128})?$/ });
  throw invalidArgument("Functions are not supported as destinations of notifications", FUNCTION, arn);
}

function readRule(element: XmlElement, newId: () => string): NotificationRule {
  const name: RuleName = nameOf(element) === "QueueConfiguration" ? "QueueConfiguration" : "TopicConfiguration";
  requireOnly(element, ["Id", RULES[name], "Event", "Filter"]);
  const id = childText(element, "Id");
  const destinationText = requireChildText(element, RULES[name]);
  const events = childrenOf(element, "Event").map(textOf);
  const filter = readFilter(findChild(element, "Filter"));
  if (events.length === 0) throw malformedXml(`no Event in ${name}`);

  for (const event of events) requireEvent(event);
  const destination = name === "QueueConfiguration" ? readQueue(destinationText) : readTopic(destinationText);
  // "If you use any other special characters in the value of the prefix or suffix, you must enter them in URL-encoded
  // (percent-encoded) format" ("Configuring event notifications using object key name filtering").
  const read = destination.kind === "callback" ? (value: string) => value : urlDecode;
  return {
    id: id === undefined || id === "" ? newId() : id,
    destination,
    events,
    prefix: read(filter?.prefix ?? ""),
    suffix: read(filter?.suffix ?? ""),
    ...(filter !== undefined && { filter }),
  };
}

function requireEvent(event: string): void {
  if (RAISED.has(event)) return;
  if (!NEVER_RAISED.has(event)) throw invalidArgument("The event is not supported for notifications", "Event", event);
  throw new S3Error("NotImplemented", {
    message: `The event ${event} is never raised here.`,
    details: { Event: event },
  });
}

function readTopic(text: string): NotificationDestination {
  if (!text.startsWith(CALLBACK))
    return { kind: "topic", arn: requireArn(text, "Topic", { service: "sns", name: /^[\w-]{1,256}$/ }) };
  const urls = [...new Set(text.slice(CALLBACK.length).split(","))];
  if (urls.length > MAX_CALLBACK_URLS || urls.includes("")) {
    throw invalidArgument(`NS: must be followed by 1 to ${MAX_CALLBACK_URLS} URLs, separated by commas`, "Topic", text);
  }
  return { kind: "callback", urls };
}

function readQueue(text: string): NotificationDestination {
  if (/^arn:[\w-]+:sqs:.*\.fifo$/.test(text))
    throw invalidArgument("FIFO SQS queues are not supported.", "Queue", text);
  return { kind: "queue", arn: requireArn(text, "Queue", { service: "sqs", name: /^[\w-]{1,80}$/ }) };
}

/** `arn:aws:<service>:<region>:<account id>:<name>`; the name of a function contains colons. */
function requireArn(
  text: string,
  argument: string,
  { service, name }: { readonly service: string; readonly name: RegExp },
): string {
  const [arn, partition, named, region = "", account = "", ...resource] = text.split(":");
  const isArn = arn === "arn" && partition === "aws" && named === service;
  if (isArn && /^[a-z0-9-]+$/.test(region) && /^\d{12}$/.test(account) && name.test(resource.join(":"))) return text;
  throw invalidArgument("The ARN could not be parsed", argument, text);
}

type Filter = NonNullable<NotificationRule["filter"]>;

/** Undefined for a filter without rules. */
function readFilter(element: XmlElement | undefined): Filter | undefined {
  if (element === undefined) return undefined;
  requireOnly(element, ["S3Key"]);
  const key = findChild(element, "S3Key");
  if (key === undefined) return undefined;
  requireOnly(key, ["FilterRule"]);
  const filter: { prefix?: string; suffix?: string } = {};
  const filterRules = childrenOf(key);
  for (const rule of filterRules) {
    const { Name: written, Value: value } = childTexts(rule, ["Name", "Value"]);
    if (written === undefined || value === undefined) throw malformedXml("Name or Value missing in FilterRule");
    const name = written.toLowerCase();
    if (name !== "prefix" && name !== "suffix") {
      throw invalidArgument("filter rule name must be either prefix or suffix", "FilterRule.Name", written);
    }
    if (filter[name] !== undefined) {
      throw invalidArgument(`Cannot specify more than one ${name} rule in a filter.`, "FilterRule.Name", written);
    }
    if (utf8Length(value) > MAX_FILTER_BYTES) {
      const message = `Size of filter rule value cannot exceed ${MAX_FILTER_BYTES} bytes in UTF-8 representation`;
      throw invalidArgument(message, "FilterRule.Value", value);
    }
    filter[name] = value;
  }
  return filterRules.length === 0 ? undefined : filter;
}

/** Text that is not a valid URL encoding is used as it is. */
function urlDecode(value: string): string {
  try {
    return percentDecode(value.replaceAll("+", " "));
  } catch {
    return value;
  }
}

function requireUniqueIds(rules: readonly NotificationRule[]): void {
  const seen = new Set<string>();
  for (const { id } of rules) {
    if (id.length > MAX_ID_LENGTH) {
      throw invalidArgument(`ID length exceeded allowed limit of ${MAX_ID_LENGTH}`, "Id", id);
    }
    if (seen.has(id)) {
      throw invalidArgument("Same ID used for multiple configurations. IDs must be unique.", "Id", id);
    }
    seen.add(id);
  }
}

/**
 * S3's rule that a change matches at most one rule ("Examples of valid notification configurations with object key name
 * filtering", and of invalid ones). Rules with `NS:` are not checked: the first that matches a change is used.
 */
const SHARED_EVENT = "Configurations overlap. Configurations on the same bucket cannot share a common event type.";
const SHARED_KEYS =
  "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.";

/** @throws S3Error `InvalidArgument` if a change could match two rules with ARNs, or two events of one such rule. */
function requireDisjointRules(rules: readonly NotificationRule[]): void {
  const arnRules = rules.filter(({ destination }) => destination.kind !== "callback");
  for (const [index, rule] of arnRules.entries()) {
    const twice = sharedEvent(rule.events, rule.events, "of one rule");
    if (twice !== undefined) throw invalidArgument(SHARED_EVENT, "Event", twice);
    for (const earlier of arnRules.slice(0, index)) {
      const shared = sharedEvent(earlier.events, rule.events);
      if (shared === undefined || !canMatchSameKey(earlier, rule)) continue;
      const isFiltered = earlier.filter !== undefined || rule.filter !== undefined;
      throw invalidArgument(isFiltered ? SHARED_KEYS : SHARED_EVENT, "Event", shared);
    }
  }
}

/** Both names, as in S3's error. Within one rule an event is not compared with itself. */
function sharedEvent(left: readonly string[], right: readonly string[], of?: "of one rule"): string | undefined {
  for (const [index, one] of left.entries()) {
    const others = of === undefined ? right : right.slice(index + 1);
    const other = others.find((name) => includes(one, name) || includes(name, one));
    if (other !== undefined) return `${one}, ${other}`;
  }
  return undefined;
}

function includes(wide: string, narrow: string): boolean {
  return wide === narrow || (wide.endsWith("*") && narrow.startsWith(wide.slice(0, -1)));
}

/** Whether a key could match both filters. */
function canMatchSameKey(left: NotificationRule, right: NotificationRule): boolean {
  const prefixes = left.prefix.startsWith(right.prefix) || right.prefix.startsWith(left.prefix);
  return prefixes && (left.suffix.endsWith(right.suffix) || right.suffix.endsWith(left.suffix));
}
