/**
 * Request and answer of the lifecycle operations (API_PutBucketLifecycleConfiguration, "Lifecycle configuration elements").
 * All rules have a `Prefix` (V1, the older schema) or all have a `Filter` (V2). What AWS refuses, and in which words, is
 * from LocalStack's recordings of 2026-02 and from validation that projects have tried on AWS (NooBaa PR 9969).
 */
import { invalidArgument, invalidRequest } from "../../errors.ts";
import type {
  Expiration,
  LifecycleFilter,
  LifecycleRule,
  NoncurrentExpiration,
  NoncurrentTransition,
  Transition,
} from "../../model/lifecycle.ts";
import type { StorageClass, Tag } from "../../model/object.ts";
import { newRuleId } from "../../model/random-ids.ts";
import { formatIso8601, parseIso8601 } from "../dates.ts";
import { validateTags } from "../tags.ts";
import { requireConsistentRules } from "./lifecycle-consistency.ts";
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
export const MAX_ID_LENGTH = 255;
/** "Objects must be stored for at least 30 days before they can be transitioned to S3 Standard-IA." */
const MIN_DAYS_BEFORE_IA = 30;
const MAX_INTEGER = 2_147_483_647;
const MAX_FILTER_BYTES = 1_099_511_627_776_000;
const MAX_TAG_KEY_LENGTH = 128;
const MAX_TAG_VALUE_LENGTH = 256;
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
  if (elements.length === 0) throw malformedXml("no rule");
  if (elements.length > MAX_LIFECYCLE_RULES) {
    throw invalidRequest(
      `The number of lifecycle rules must not exceed the allowed limit of ${MAX_LIFECYCLE_RULES} rules.`,
    );
  }
  const rules = elements.map(readRule);
  const ids = new Set<string>();
  for (const { id } of rules) {
    if (ids.has(id)) {
      throw invalidArgument("Rule ID must be unique. Found same ID for more than one rule", "ID", id);
    }
    ids.add(id);
  }
  requireConsistentRules(rules);
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
  return {
    id: readId(element),
    isEnabled: status === "Enabled",
    schema: filter === undefined ? "V1" : "V2",
    filter: filter === undefined ? { prefix: prefix ?? "", tags: [] } : readFilter(filter),
    ...(expiration !== undefined && { expiration: readExpiration(expiration) }),
    ...(noncurrentExpiration !== undefined && {
      noncurrentExpiration: readNoncurrentExpiration(noncurrentExpiration),
    }),
    transitions: childrenOf(element, "Transition").map(readTransition),
    noncurrentTransitions: childrenOf(element, "NoncurrentVersionTransition").map(readNoncurrentTransition),
    ...(abort !== undefined && { abortUploadAfterDays: readAbort(abort) }),
  };
}

function readId(element: XmlElement): string {
  const id = childText(element, "ID") ?? "";
  if (id.length > MAX_ID_LENGTH) {
    throw invalidArgument(`ID length should not exceed allowed limit of ${MAX_ID_LENGTH}`, "ID", id);
  }
  return id === "" ? newRuleId() : id;
}

/** One condition, or `And` with at least two. */
function readFilter(element: XmlElement): LifecycleFilter {
  requireOnly(element, [...FILTER_ELEMENTS, "And"]);
  if (childrenOf(element).length > 1) throw malformedXml("a Filter has one element");
  const and = findChild(element, "And");
  if (and !== undefined) {
    requireOnly(and, FILTER_ELEMENTS);
    if (childrenOf(and).length < 2) throw malformedXml("an And has two conditions");
  }
  const from = and ?? element;
  const prefix = childText(from, "Prefix");
  const tags = readFilterTags(from);
  const greaterThan = readSize(from, "ObjectSizeGreaterThan", 0);
  const lessThan = readSize(from, "ObjectSizeLessThan", 1);
  if (greaterThan !== undefined && lessThan !== undefined && lessThan <= greaterThan) {
    throw invalidRequest("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.");
  }
  return {
    ...(prefix !== undefined && { prefix }),
    tags,
    ...(greaterThan !== undefined && { sizeGreaterThan: greaterThan }),
    ...(lessThan !== undefined && { sizeLessThan: lessThan }),
    ...(and !== undefined && { isAnd: true }),
  };
}

function readFilterTags(element: XmlElement): readonly Tag[] {
  const tags = childrenOf(element, "Tag").map(parseTagElement);
  if (new Set(tags.map(({ key }) => key)).size < tags.length) {
    throw invalidRequest("Duplicate Tag Keys are not allowed.");
  }
  for (const { key, value } of tags) {
    if (key === "" || key.length > MAX_TAG_KEY_LENGTH) {
      throw invalidRequest("A Tag's Key must be a length between 1 and 128.");
    }
    if (value.length > MAX_TAG_VALUE_LENGTH) {
      throw invalidRequest("A Tag's Value must be a length between 0 and 256.");
    }
  }
  return validateTags(tags, "object");
}

function readSize(element: XmlElement, name: string, least: number): number | undefined {
  const size = readInteger(element, name, Number.MAX_SAFE_INTEGER);
  if (size === undefined || (size >= least && size <= MAX_FILTER_BYTES)) return size;
  throw invalidRequest(`'${name}' should be between ${least} and ${MAX_FILTER_BYTES}.`);
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
  requirePositive(days, "Days", "Expiration");
  return { kind: "days", days };
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
  const { days, ...others } = readNoncurrent(element, "NoncurrentVersionTransition");
  return {
    ...others,
    days: requireDaysBeforeIa(days, "NoncurrentDays", "NoncurrentVersionTransition"),
    storageClass,
  };
}

function readNoncurrentExpiration(element: XmlElement): NoncurrentExpiration {
  const action = "NoncurrentVersionExpiration";
  requireOnly(element, ["NoncurrentDays", "NewerNoncurrentVersions"]);
  const numbers = readNoncurrent(element, action);
  requirePositive(numbers.days, "NoncurrentDays", action);
  return numbers;
}

/** Without NoncurrentDays the element is malformed, even if it has NewerNoncurrentVersions. */
function readNoncurrent(element: XmlElement, action: string): NoncurrentExpiration {
  const days = readInteger(element, "NoncurrentDays");
  if (days === undefined) throw malformedXml("NoncurrentDays missing");
  // The documentation says "up to 100", and AWS accepts more.
  const newerVersions = readInteger(element, "NewerNoncurrentVersions");
  if (newerVersions === undefined) return { days };
  requirePositive(newerVersions, "NewerNoncurrentVersions", action);
  return { days, newerVersions };
}

function requirePositive(value: number, name: string, action: string): void {
  if (value > 0) return;
  throw invalidArgument(`'${name}' for ${action} action must be a positive integer`, name, String(value));
}

function readAbort(element: XmlElement): number {
  requireOnly(element, ["DaysAfterInitiation"]);
  const days = readInteger(element, "DaysAfterInitiation");
  if (days === undefined) throw malformedXml("DaysAfterInitiation missing");
  requirePositive(days, "DaysAfterInitiation", "AbortIncompleteMultipartUpload");
  return days;
}

/**
 * R2 has one class to go to. The classes that AWS has no transition to are refused as there, all other names as those that
 * are no class.
 */
function readStorageClass(element: XmlElement): StorageClass {
  const text = requireChildText(element, "StorageClass");
  if (text === "STANDARD_IA") return text;
  if (text === "STANDARD" || text === "REDUCED_REDUNDANCY") {
    throw invalidArgument("Invalid target Storage class for Transition action", "StorageClass", text);
  }
  throw malformedXml(`unknown StorageClass ${text}`);
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

function readInteger(element: XmlElement, name: string, most = MAX_INTEGER): number | undefined {
  const text = childText(element, name);
  if (text === undefined) return undefined;
  const value = /^\s*-?\d{1,19}\s*$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value) || Math.abs(value) > most) throw malformedXml(`${name} is no number`);
  return value;
}

function requireDaysBeforeIa(days: number, name: string, action: string): number {
  if (days >= MIN_DAYS_BEFORE_IA) return days;
  if (days < 0) throw invalidArgument(`'${name}' in ${action} action must be nonnegative`, name, String(days));
  const message = `'${name}' in ${action} action must be greater than or equal to ${MIN_DAYS_BEFORE_IA} for storageClass 'STANDARD_IA'`;
  throw invalidArgument(message, name, String(days));
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
