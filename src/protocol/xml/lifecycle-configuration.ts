/**
 * Request and answer of the lifecycle operations (API_PutBucketLifecycleConfiguration, "Lifecycle configuration elements").
 * A rule has a `Prefix` (the older schema) or a `Filter`.
 */
import { invalidArgument, S3Error } from "../../errors.ts";
import type {
  Expiration,
  LifecycleFilter,
  LifecycleRule,
  NoncurrentExpiration,
  NoncurrentTransition,
  Transition,
} from "../../model/lifecycle.ts";
import type { StorageClass } from "../../model/object.ts";
import { newRuleId } from "../../model/random-ids.ts";
import { formatIso8601, parseIso8601 } from "../dates.ts";
import { validateTags } from "../tags.ts";
import {
  childrenOf,
  childText,
  findChild,
  malformedXml,
  parseXml,
  requireChildText,
  requireOnly,
  type XmlElement,
} from "./reader.ts";
import { parseTagElement, tagNode } from "./tagging.ts";
import { formatXml, type XmlNode, xmlElement, xmlOptional, xmlText } from "./writer.ts";

export const MAX_LIFECYCLE_RULES = 1000;
export const MAX_LIFECYCLE_BYTES = 2 * 1024 * 1024;
const MAX_ID_LENGTH = 255;
/** "NewerNoncurrentVersions: up to 100". */
const MAX_NEWER_VERSIONS = 100;
/** "Objects must be stored for at least 30 days before they can be transitioned to S3 Standard-IA." */
const MIN_DAYS_BEFORE_IA = 30;
const MAX_INTEGER = 2_147_483_647;
/** The root, and for each rule its elements with ten tags and ten transitions. */
const MAX_ELEMENTS = 1 + MAX_LIFECYCLE_RULES * 100;

const RULE_ELEMENTS = [
  "ID",
  "Prefix",
  "Filter",
  "Status",
  "Expiration",
  "NoncurrentVersionExpiration",
  "Transition",
  "NoncurrentVersionTransition",
  "AbortIncompleteMultipartUpload",
];
const FILTER_ELEMENTS = ["Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan"];

/**
 * Rules without an ID get one.
 * @throws S3Error `MalformedXML`; `InvalidArgument` for numbers, dates and IDs that AWS refuses; `InvalidRequest` for rules
 *   that contradict themselves, for duplicate tag keys, and for a rule without an action
 */
export function parseLifecycleRules(body: Uint8Array): readonly LifecycleRule[] {
  const limits = { maxBytes: MAX_LIFECYCLE_BYTES, maxElements: MAX_ELEMENTS };
  const root = parseXml(body, "LifecycleConfiguration", limits);
  requireOnly(root, ["Rule"]);
  const elements = childrenOf(root, "Rule");
  if (elements.length === 0 || elements.length > MAX_LIFECYCLE_RULES) throw malformedXml("1 to 1,000 rules");
  const rules = elements.map(readRule);
  const ids = new Set<string>();
  for (const { id } of rules) {
    if (ids.has(id)) {
      throw invalidArgument("Rule ID must be unique. Found same ID for more than one rule", "ID", id);
    }
    ids.add(id);
  }
  return rules;
}

/** Elements in the order in which AWS returns them. */
export function formatLifecycleRules(rules: readonly LifecycleRule[]): string {
  return formatXml("LifecycleConfiguration", rules.map(formatRule));
}

function readRule(element: XmlElement): LifecycleRule {
  requireOnly(element, RULE_ELEMENTS);
  const status = requireChildText(element, "Status");
  if (status !== "Enabled" && status !== "Disabled") throw malformedXml(`unknown Status ${status}`);
  const prefix = childText(element, "Prefix");
  const filter = findChild(element, "Filter");
  if ((prefix === undefined) === (filter === undefined)) throw malformedXml("neither or both of Prefix and Filter");
  const expiration = findChild(element, "Expiration");
  const noncurrentExpiration = findChild(element, "NoncurrentVersionExpiration");
  const abort = findChild(element, "AbortIncompleteMultipartUpload");
  const rule: LifecycleRule = {
    id: readId(element),
    isEnabled: status === "Enabled",
    schema: filter === undefined ? "V1" : "V2",
    filter: filter === undefined ? { prefix: prefix ?? "", tags: [] } : readFilter(filter),
    ...(expiration !== undefined && { expiration: readExpiration(expiration) }),
    ...(noncurrentExpiration !== undefined && {
      noncurrentExpiration: readNoncurrent(noncurrentExpiration, "NoncurrentVersionExpiration"),
    }),
    transitions: childrenOf(element, "Transition").map(readTransition),
    noncurrentTransitions: childrenOf(element, "NoncurrentVersionTransition").map(readNoncurrentTransition),
    ...(abort !== undefined && { abortUploadAfterDays: readAbort(abort) }),
  };
  requireConsistent(rule);
  return rule;
}

function readId(element: XmlElement): string {
  const id = childText(element, "ID") ?? "";
  if (id.length > MAX_ID_LENGTH) {
    throw invalidArgument(`ID length should not exceed allowed limit of ${MAX_ID_LENGTH}`, "ID", id);
  }
  return id === "" ? newRuleId() : id;
}

/** One element, or `And` with at least two. */
function readFilter(element: XmlElement): LifecycleFilter {
  requireOnly(element, [...FILTER_ELEMENTS, "And"]);
  if (childrenOf(element).length > 1) throw malformedXml("a Filter has one element");
  const and = findChild(element, "And");
  if (and !== undefined) requireOnly(and, FILTER_ELEMENTS);
  const from = and ?? element;
  const prefix = childText(from, "Prefix");
  const tags = childrenOf(from, "Tag").map(parseTagElement);
  const greaterThan = readInteger(from, "ObjectSizeGreaterThan", 0);
  const lessThan = readInteger(from, "ObjectSizeLessThan", 1);
  if (new Set(tags.map(({ key }) => key)).size < tags.length) {
    throw invalidRequest("Duplicate Tag Keys are not allowed.");
  }
  if (greaterThan !== undefined && lessThan !== undefined && lessThan <= greaterThan) {
    throw invalidRequest("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.");
  }
  return {
    ...(prefix !== undefined && { prefix }),
    tags: validateTags(tags, "object"),
    ...(greaterThan !== undefined && { sizeGreaterThan: greaterThan }),
    ...(lessThan !== undefined && { sizeLessThan: lessThan }),
    ...(and !== undefined && { isAnd: true }),
  };
}

function readExpiration(element: XmlElement): Expiration {
  requireOnly(element, ["Date", "Days", "ExpiredObjectDeleteMarker"]);
  const [only, ...others] = childrenOf(element);
  if (only === undefined || others.length > 0) throw malformedXml("an Expiration has one element");
  const marker = childText(element, "ExpiredObjectDeleteMarker")?.toLowerCase();
  if (marker !== undefined) {
    if (marker !== "true" && marker !== "false") throw malformedXml("ExpiredObjectDeleteMarker is no boolean");
    return { kind: "expired-delete-marker", isOn: marker === "true" };
  }
  const date = readDate(element);
  if (date !== undefined) return { kind: "date", date };
  const days = readInteger(element, "Days") ?? 0;
  if (days > 0) return { kind: "days", days };
  throw invalidArgument("'Days' for Expiration action must be a positive integer", "Days", String(days));
}

function readTransition(element: XmlElement): Transition {
  requireOnly(element, ["Date", "Days", "StorageClass"]);
  const storageClass = readStorageClass(element);
  const date = readDate(element);
  const days = readInteger(element, "Days");
  if ((date === undefined) === (days === undefined)) throw malformedXml("neither or both of Date and Days");
  if (date !== undefined) return { kind: "date", date, storageClass };
  return { kind: "days", days: requireDaysBeforeIa(days ?? 0, "Days", "Transition"), storageClass };
}

function readNoncurrentTransition(element: XmlElement): NoncurrentTransition {
  requireOnly(element, ["NoncurrentDays", "NewerNoncurrentVersions", "StorageClass"]);
  const storageClass = readStorageClass(element);
  const { days, ...others } = readNoncurrentNumbers(element, "NoncurrentVersionTransition", 0);
  if (days === undefined) throw malformedXml("NoncurrentDays missing");
  return {
    ...others,
    days: requireDaysBeforeIa(days, "NoncurrentDays", "NoncurrentVersionTransition"),
    storageClass,
  };
}

function readNoncurrent(element: XmlElement, action: string): NoncurrentExpiration {
  requireOnly(element, ["NoncurrentDays", "NewerNoncurrentVersions"]);
  const numbers = readNoncurrentNumbers(element, action, 1);
  if (numbers.days === undefined && numbers.newerVersions === undefined) throw malformedXml(`${action} is empty`);
  return numbers;
}

function readNoncurrentNumbers(element: XmlElement, action: string, least: number): NoncurrentExpiration {
  const days = readInteger(element, "NoncurrentDays");
  if (days !== undefined && days < least) {
    throw invalidArgument(
      `'NoncurrentDays' for ${action} action must be a positive integer`,
      "NoncurrentDays",
      String(days),
    );
  }
  const newerVersions = readInteger(element, "NewerNoncurrentVersions");
  if (newerVersions !== undefined && (newerVersions < 1 || newerVersions > MAX_NEWER_VERSIONS)) {
    throw invalidArgument(
      `'NewerNoncurrentVersions' for ${action} action must be between 1 and ${MAX_NEWER_VERSIONS}`,
      "NewerNoncurrentVersions",
      String(newerVersions),
    );
  }
  return { ...(days !== undefined && { days }), ...(newerVersions !== undefined && { newerVersions }) };
}

function readAbort(element: XmlElement): number {
  requireOnly(element, ["DaysAfterInitiation"]);
  const days = readInteger(element, "DaysAfterInitiation");
  if (days === undefined) throw malformedXml("DaysAfterInitiation missing");
  if (days > 0) return days;
  throw invalidArgument(
    "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
    "DaysAfterInitiation",
    String(days),
  );
}

/** R2 has one class to go to. Every other name is answered as AWS answers names that are no class. */
function readStorageClass(element: XmlElement): StorageClass {
  const text = requireChildText(element, "StorageClass");
  if (text !== "STANDARD_IA") throw malformedXml(`unknown StorageClass ${text}`);
  return text;
}

function readDate(element: XmlElement): number | undefined {
  const text = childText(element, "Date");
  if (text === undefined) return undefined;
  // Clients also write a date without a time.
  const date = parseIso8601(/^\d{4}-\d{2}-\d{2}$/.test(text.trim()) ? `${text.trim()}T00:00:00Z` : text);
  if (date === undefined) throw malformedXml(`not a date: ${text}`);
  if (date.getTime() % (24 * 60 * 60 * 1000) !== 0) {
    throw invalidArgument("'Date' must be at midnight GMT", "Date", date.toISOString());
  }
  return date.getTime();
}

/** @param least smaller numbers are malformed; without it the caller refuses them */
function readInteger(element: XmlElement, name: string, least = Number.NEGATIVE_INFINITY): number | undefined {
  const text = childText(element, name);
  if (text === undefined) return undefined;
  const isSize = name.startsWith("ObjectSize");
  const value = /^\s*-?\d{1,15}\s*$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value) || value < least || (!isSize && value > MAX_INTEGER))
    throw malformedXml(`${name} is no number`);
  return value;
}

function requireDaysBeforeIa(days: number, name: string, action: string): number {
  if (days >= MIN_DAYS_BEFORE_IA) return days;
  const message = `'${name}' in ${action} action must be greater than or equal to ${MIN_DAYS_BEFORE_IA} for storageClass 'STANDARD_IA'`;
  throw invalidArgument(message, name, String(days));
}

/** What AWS refuses in a rule whose elements are valid each by itself. */
function requireConsistent(rule: LifecycleRule): void {
  const { expiration, noncurrentExpiration, transitions, noncurrentTransitions, abortUploadAfterDays, filter } = rule;
  const hasAction =
    expiration ?? noncurrentExpiration ?? abortUploadAfterDays ?? transitions[0] ?? noncurrentTransitions[0];
  if (hasAction === undefined) throw invalidRequest("At least one action needs to be specified in a rule");
  const hasTags = filter.tags.length > 0;
  const hasSize = filter.sizeGreaterThan !== undefined || filter.sizeLessThan !== undefined;
  for (const [name, isUsed] of [
    ["AbortIncompleteMultipartUpload", abortUploadAfterDays !== undefined],
    ["ExpiredObjectDeleteMarker", expiration?.kind === "expired-delete-marker"],
  ] as const) {
    if (isUsed && hasTags) throw invalidRequest(`${name} cannot be specified with Tags.`);
    if (isUsed && hasSize) throw invalidRequest(`${name} cannot be specified with Object Size.`);
  }
  requireDifferentClasses(transitions, "Transition", filter);
  requireDifferentClasses(noncurrentTransitions, "NoncurrentVersionTransition", filter);
  requireExpirationLast(rule);
}

function requireDifferentClasses(
  transitions: readonly { readonly storageClass: StorageClass }[],
  action: string,
  { prefix = "" }: LifecycleFilter,
): void {
  if (new Set(transitions.map(({ storageClass }) => storageClass)).size === transitions.length) return;
  throw invalidRequest(
    `'StorageClass' must be different for '${action}' actions in same 'Rule' with prefix '${prefix}'`,
  );
}

function requireExpirationLast(rule: LifecycleRule): void {
  const { expiration, transitions, noncurrentExpiration, noncurrentTransitions, filter } = rule;
  const where = `filter '(prefix=${filter.prefix ?? ""})'`;
  for (const transition of transitions) {
    if (expiration?.kind === "days" && transition.kind === "days" && expiration.days <= transition.days) {
      throw invalidArgument(
        `'Days' in the Expiration action for ${where} must be greater than 'Days' in the Transition action`,
        "Days",
        String(expiration.days),
      );
    }
    const isMixed = (expiration?.kind === "days" || expiration?.kind === "date") && expiration.kind !== transition.kind;
    if (isMixed) {
      const message = `Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for ${where}`;
      throw invalidRequest(message);
    }
  }
  for (const { days = 0 } of noncurrentTransitions) {
    const expiresAfter = noncurrentExpiration?.days;
    if (expiresAfter !== undefined && expiresAfter <= days) {
      throw invalidArgument(
        `'NoncurrentDays' in the NoncurrentVersionExpiration action for ${where} must be greater than 'NoncurrentDays' in the NoncurrentVersionTransition action`,
        "NoncurrentDays",
        String(expiresAfter),
      );
    }
  }
}

function formatRule(rule: LifecycleRule): XmlNode {
  const { filter, expiration, noncurrentExpiration, abortUploadAfterDays } = rule;
  return xmlElement("Rule", [
    xmlText("ID", rule.id),
    rule.schema === "V1" ? xmlText("Prefix", filter.prefix ?? "") : formatFilter(filter),
    xmlText("Status", rule.isEnabled ? "Enabled" : "Disabled"),
    ...rule.transitions.map((transition) =>
      xmlElement("Transition", [formatWhen(transition), xmlText("StorageClass", transition.storageClass)]),
    ),
    expiration === undefined ? undefined : xmlElement("Expiration", [formatExpiration(expiration)]),
    ...rule.noncurrentTransitions.map((transition) =>
      xmlElement("NoncurrentVersionTransition", [
        ...formatNoncurrent(transition),
        xmlText("StorageClass", transition.storageClass),
      ]),
    ),
    noncurrentExpiration === undefined
      ? undefined
      : xmlElement("NoncurrentVersionExpiration", formatNoncurrent(noncurrentExpiration)),
    abortUploadAfterDays === undefined
      ? undefined
      : xmlElement("AbortIncompleteMultipartUpload", [xmlText("DaysAfterInitiation", abortUploadAfterDays)]),
  ]);
}

function formatFilter({ prefix, tags, sizeGreaterThan, sizeLessThan, isAnd = false }: LifecycleFilter): XmlNode {
  const parts = [
    xmlOptional("Prefix", prefix),
    ...tags.map(tagNode),
    xmlOptional("ObjectSizeGreaterThan", sizeGreaterThan),
    xmlOptional("ObjectSizeLessThan", sizeLessThan),
  ];
  return xmlElement("Filter", isAnd ? [xmlElement("And", parts)] : parts);
}

function formatExpiration(expiration: Expiration): XmlNode {
  if (expiration.kind !== "expired-delete-marker") return formatWhen(expiration);
  return xmlText("ExpiredObjectDeleteMarker", expiration.isOn);
}

function formatWhen(when: { kind: "days"; days: number } | { kind: "date"; date: number }): XmlNode {
  return when.kind === "days" ? xmlText("Days", when.days) : xmlText("Date", formatIso8601(new Date(when.date)));
}

function formatNoncurrent({ days, newerVersions }: NoncurrentExpiration): (XmlNode | undefined)[] {
  return [xmlOptional("NoncurrentDays", days), xmlOptional("NewerNoncurrentVersions", newerVersions)];
}

function invalidRequest(message: string): S3Error {
  return new S3Error("InvalidRequest", { message });
}
