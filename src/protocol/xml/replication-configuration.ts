/**
 * Request and answer of the replication operations (API_PutBucketReplication, API_ReplicationRule, "Replication
 * configuration file elements"). A rule with a Filter has schema V2, a rule without has schema V1, which the reference
 * system uses too.
 */
import { invalidArgument, invalidRequest, S3Error } from "../../errors.ts";
import { STORAGE_CLASSES, type StorageClass, type Tag } from "../../model/object.ts";
import {
  formatDestinationArn,
  isSameDestination,
  parseDestinationArn,
  type ReplicationConfiguration,
  type ReplicationDestination,
  type ReplicationRule,
} from "../../model/replication.ts";
import { validateTags } from "../tags.ts";
import {
  childrenOf,
  childText,
  findChild,
  malformedXml,
  nameOf,
  parseXml,
  requireChild,
  requireChildText,
  requireOnly,
  textOf,
  type XmlElement,
} from "./reader.ts";
import { parseTagElement, tagNode } from "./tagging.ts";
import { formatXml, type XmlNode, xmlElement, xmlOptional, xmlText } from "./writer.ts";

/** "The maximum size of a replication configuration is 2 MB" (API_PutBucketReplication). */
export const MAX_REPLICATION_BYTES = 2 * 1024 * 1024;
export const MAX_RULES = 1000;
/** Every change of an object is one task for each destination. */
export const MAX_DESTINATIONS = 20;
export const MAX_ID_LENGTH = 255;
export const MAX_PREFIX_LENGTH = 1024;
const MAX_ROLE_LENGTH = 2048;
/** The largest `Integer` of the API reference. */
const MAX_PRIORITY = 2_147_483_647;

const RULE_ELEMENTS = [
  "ID",
  "Priority",
  "Prefix",
  "Filter",
  "Status",
  "SourceSelectionCriteria",
  "ExistingObjectReplication",
  "Destination",
  "DeleteMarkerReplication",
];
const DESTINATION_ELEMENTS = [
  "Bucket",
  "Account",
  "StorageClass",
  "AccessControlTranslation",
  "EncryptionConfiguration",
  "ReplicationTime",
  "Metrics",
];
const UNSUPPORTED_OF_DESTINATIONS = ["EncryptionConfiguration", "ReplicationTime", "Metrics"];

/** A rule of the request. A rule without an ID gets one when it is stored. */
export interface ParsedRule extends Omit<ReplicationRule, "id"> {
  readonly id: string | undefined;
}

export interface ParsedReplication {
  readonly role?: string;
  readonly rules: readonly ParsedRule[];
}

/** Root, role, and all elements of the schema for each rule, with ten tags of three elements. */
const MAX_ELEMENTS = 2 + MAX_RULES * 60;

/**
 * Whether the destinations exist is not checked here.
 *
 * @throws S3Error `MalformedXML`; `InvalidRequest` for more than 1,000 rules, overlapping prefixes or several
 *   destinations in V1, more than 20 in V2, equal priorities, elements that the schema lacks or requires, and an owner
 *   without an account; `InvalidArgument` for an invalid ID, prefix, account or ARN; `NotImplemented` for elements that
 *   would have no effect.
 */
export function parseReplicationConfiguration(body: Uint8Array): ParsedReplication {
  const root = parseXml(body, "ReplicationConfiguration", {
    maxBytes: MAX_REPLICATION_BYTES,
    maxElements: MAX_ELEMENTS,
  });
  requireOnly(root, ["Role", "Rule"]);
  const role = childText(root, "Role");
  if (role !== undefined && role.length > MAX_ROLE_LENGTH) {
    throw invalidArgument("Invalid Role specified in replication configuration", "Role", role.slice(0, 256));
  }
  const elements = childrenOf(root, "Rule");
  if (elements.length === 0) throw malformedXml("no Rule");
  if (elements.length > MAX_RULES) {
    throw invalidRequest(`The number of replication rules must not exceed the allowed limit of ${MAX_RULES} rules.`);
  }
  const rules = elements.map(readRule);
  requireUniqueIds(rules);
  requireOneSchema(rules);
  requireDestinationLimit(rules);
  return { ...(role !== undefined && role !== "" && { role }), rules };
}

/** Elements in the order of API_GetBucketReplication. */
export function formatReplicationConfiguration({ role, rules }: ReplicationConfiguration): string {
  return formatXml("ReplicationConfiguration", [xmlOptional("Role", role), ...rules.map(formatRule)]);
}

function formatRule(rule: ReplicationRule): XmlNode {
  const isV2 = rule.schema === "V2";
  const { replicatesExisting } = rule;
  return xmlElement("Rule", [
    xmlText("ID", rule.id),
    isV2 ? xmlText("Priority", rule.priority) : undefined,
    isV2 ? formatFilter(rule) : xmlText("Prefix", rule.prefix),
    formatStatus("Status", rule.isEnabled),
    replicatesExisting === undefined
      ? undefined
      : xmlElement("ExistingObjectReplication", [formatStatus("Status", replicatesExisting)]),
    formatDestination(rule.destination),
    isV2 ? xmlElement("DeleteMarkerReplication", [formatStatus("Status", rule.replicatesDeletes)]) : undefined,
  ]);
}

function formatFilter({ prefix, tags }: ReplicationRule): XmlNode {
  const written = tags.map(tagNode);
  if (written.length === 0) return xmlElement("Filter", [xmlText("Prefix", prefix)]);
  if (written.length === 1 && prefix === "") return xmlElement("Filter", written);
  return xmlElement("Filter", [xmlElement("And", [xmlText("Prefix", prefix), ...written])]);
}

function formatDestination(destination: ReplicationDestination): XmlNode {
  return xmlElement("Destination", [
    xmlText("Bucket", formatDestinationArn(destination)),
    xmlOptional("Account", destination.account),
    xmlOptional("StorageClass", destination.storageClass),
    destination.overridesOwner ? xmlElement("AccessControlTranslation", [xmlText("Owner", "Destination")]) : undefined,
  ]);
}

function formatStatus(name: string, isEnabled: boolean): XmlNode {
  return xmlText(name, isEnabled ? "Enabled" : "Disabled");
}

function readRule(element: XmlElement): ParsedRule {
  requireOnly(element, RULE_ELEMENTS);
  const id = readId(element);
  const isEnabled = readStatus(element);
  const filter = findChild(element, "Filter");
  const prefix = childText(element, "Prefix");
  if (filter !== undefined && prefix !== undefined) throw malformedXml("both Prefix and Filter");
  const existing = findChild(element, "ExistingObjectReplication");
  const common = {
    id,
    isEnabled,
    destination: readDestination(requireChild(element, "Destination")),
    ...(existing !== undefined && { replicatesExisting: readStatus(existing, "only-child") }),
  };
  if (findChild(element, "SourceSelectionCriteria") !== undefined) throw notImplemented("SourceSelectionCriteria");
  const priority = readPriority(element);
  const deletes = findChild(element, "DeleteMarkerReplication");
  const replicatesDeletes = deletes === undefined ? undefined : readStatus(deletes, "only-child");
  if (filter === undefined) {
    // API_ReplicationRule requires one of the two; an empty Prefix matches all keys.
    if (prefix === undefined) throw malformedXml("neither Prefix nor Filter");
    if (priority !== undefined) throw wrongVersion("Priority cannot be used");
    if (replicatesDeletes !== undefined) throw wrongVersion("DeleteMarkerReplication cannot be used");
    requirePrefix(prefix);
    return { ...common, schema: "V1", priority: 0, prefix, tags: [], replicatesDeletes: false };
  }
  const chosen = readFilter(filter);
  if (priority === undefined) throw wrongVersion("Priority must be specified");
  if (replicatesDeletes === undefined) throw wrongVersion("DeleteMarkerReplication must be specified");
  if (replicatesDeletes && chosen.tags.length > 0) {
    throw invalidRequest(
      "Delete marker replication is not supported if any Tag filter is specified. Please refer to S3 Developer Guide for more information.",
    );
  }
  return { ...common, schema: "V2", priority, ...chosen, replicatesDeletes };
}

function readId(element: XmlElement): string | undefined {
  const id = childText(element, "ID");
  if (id !== undefined && id.length > MAX_ID_LENGTH) {
    throw invalidArgument(`ID length should not exceed allowed limit of ${MAX_ID_LENGTH}`, "ID", id);
  }
  return id === "" ? undefined : id;
}

/** @param scope `only-child`: the element has no child except Status */
function readStatus(element: XmlElement, scope?: "only-child"): boolean {
  if (scope === "only-child") requireOnly(element, ["Status"]);
  const status = requireChildText(element, "Status");
  if (status !== "Enabled" && status !== "Disabled") throw malformedXml(`${nameOf(element)} is neither on nor off`);
  return status === "Enabled";
}

function readPriority(element: XmlElement): number | undefined {
  const text = childText(element, "Priority");
  if (text === undefined) return undefined;
  const digits = /^[ \t\r\n]*(\d{1,10})[ \t\r\n]*$/.exec(text)?.[1];
  const priority = Number(digits);
  if (digits === undefined || priority > MAX_PRIORITY) throw malformedXml("Priority is not an integer from 0");
  return priority;
}

/** `Prefix`, `Tag`, or `And` with both; an empty Filter matches every object (API_ReplicationRuleFilter). */
function readFilter(filter: XmlElement): { prefix: string; tags: readonly Tag[] } {
  requireOnly(filter, ["Prefix", "Tag", "And"]);
  if (childrenOf(filter).length > 1) throw malformedXml("a Filter has one element");
  const and = findChild(filter, "And");
  const from = and ?? filter;
  if (and !== undefined) requireOnly(and, ["Prefix", "Tag"]);
  const prefix = childText(from, "Prefix") ?? "";
  requirePrefix(prefix);
  const tags = childrenOf(from, "Tag").map(parseTagElement);
  return { prefix, tags: validateTags(tags, "object") };
}

function readDestination(element: XmlElement): ReplicationDestination {
  requireOnly(element, DESTINATION_ELEMENTS);
  for (const name of UNSUPPORTED_OF_DESTINATIONS) {
    if (findChild(element, name) !== undefined) throw notImplemented(name);
  }
  const arn = requireChildText(element, "Bucket");
  const place = parseDestinationArn(arn);
  if (place === undefined) throw invalidArgument("Invalid bucket ARN", "Bucket", arn.slice(0, 256));
  const account = readAccount(element);
  const translation = findChild(element, "AccessControlTranslation");
  const storageClass = readStorageClass(element);
  if (translation !== undefined) requireOwner(translation, account);
  if (place.remote !== undefined && account !== undefined) {
    throw invalidRequest("Account cannot be specified for a bucket of a remote endpoint.");
  }
  return {
    ...place,
    ...(storageClass !== undefined && { storageClass }),
    ...(account !== undefined && { account }),
    ...(translation !== undefined && { overridesOwner: true }),
  };
}

function readStorageClass(element: XmlElement): StorageClass | undefined {
  const text = childText(element, "StorageClass");
  if (text === undefined) return undefined;
  const storageClass = STORAGE_CLASSES.find((name) => name === text);
  if (storageClass === undefined) throw malformedXml(`unknown StorageClass ${text}`);
  return storageClass;
}

function readAccount(element: XmlElement): string | undefined {
  const account = childText(element, "Account");
  if (account !== undefined && !/^\d{12}$/.test(account)) {
    throw invalidArgument("Invalid Account specified in replication destination", "Account", account.slice(0, 256));
  }
  return account;
}

function requireOwner(translation: XmlElement, account: string | undefined): void {
  requireOnly(translation, ["Owner"]);
  if (textOf(requireChild(translation, "Owner")) !== "Destination") throw malformedXml("Owner is not Destination");
  if (account === undefined) {
    throw invalidRequest("Destination.Account must be specified when AccessControlTranslation is used.");
  }
}

function requirePrefix(prefix: string): void {
  if (prefix.length > MAX_PREFIX_LENGTH) {
    throw invalidArgument(`The maximum size of a prefix is ${MAX_PREFIX_LENGTH}`, "Prefix", prefix);
  }
}

function requireUniqueIds(rules: readonly ParsedRule[]): void {
  const ids = rules.flatMap(({ id }) => (id === undefined ? [] : [id]));
  const repeated = ids.find((id, index) => ids.indexOf(id) !== index);
  if (repeated !== undefined) {
    throw invalidArgument("Rule ID must be unique. Found same ID for more than one rule", "ID", repeated);
  }
}

function requireOneSchema(rules: readonly ParsedRule[]): void {
  const [first] = rules;
  if (first === undefined) return;
  if (rules.some(({ schema }) => schema !== first.schema)) {
    throw invalidRequest("Rules with a Filter and rules without one cannot be mixed in a replication configuration.");
  }
  if (first.schema === "V2") {
    const priorities = rules.map(({ priority }) => priority);
    if (new Set(priorities).size < priorities.length) {
      throw invalidRequest("Priority must be unique. Found same Priority for more than one rule.");
    }
    return;
  }
  if (rules.some(({ destination }) => !isSameDestination(destination, first.destination))) {
    throw invalidRequest("Number of distinct destination bucket ARNs cannot exceed 1");
  }
  requireDisjointPrefixes(rules.map(({ prefix }) => prefix));
}

/** Deviation: AWS limits only the number of rules. */
function requireDestinationLimit(rules: readonly ParsedRule[]): void {
  const arns = new Set(rules.map(({ destination }) => formatDestinationArn(destination)));
  if (arns.size > MAX_DESTINATIONS) {
    throw invalidRequest(`Number of distinct destination bucket ARNs cannot exceed ${MAX_DESTINATIONS}`);
  }
}

/** In sorted order, a prefix of other prefixes comes right before one of them. */
function requireDisjointPrefixes(prefixes: readonly string[]): void {
  const sorted = [...prefixes].sort();
  for (const [index, prefix] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next?.startsWith(prefix)) {
      throw invalidRequest(`Found overlapping prefixes '${prefix}' and '${next}'`);
    }
  }
}

function wrongVersion(fault: string): S3Error {
  return invalidRequest(
    `${fault} for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.`,
  );
}

function notImplemented(element: string): S3Error {
  return new S3Error("NotImplemented", {
    message: `The element ${element} of a replication configuration is not implemented.`,
  });
}
