/** Request and answer of access logging (API_PutBucketLogging, API_GetBucketLogging). */
import {
  type BucketLogging,
  type LogKeyFormat,
  PARTITION_DATE_SOURCES,
  type PartitionDateSource,
} from "../../model/access-logging.ts";
import type { AclGrant } from "../../model/acl.ts";
import { requireGrantLimit } from "../acl-headers.ts";
import { formatGrants, parseGrant } from "./access-control-policy.ts";
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
import { formatXml, type XmlNode, xmlElement, xmlText } from "./writer.ts";

/** 100 grants of 300 bytes, and a prefix. */
export const MAX_LOGGING_BYTES = 64 * 1024;
/** A log object's key is the prefix and up to 167 characters more, and a key has at most 1,024 bytes. */
export const MAX_TARGET_PREFIX_BYTES = 800;

/**
 * Undefined: without LoggingEnabled, which switches logging off.
 * @throws S3Error `MalformedXML`; `InvalidArgument` for invalid grantees; `UnresolvableGrantByEmailAddress`
 */
export function parseLoggingStatus(body: Uint8Array): BucketLogging | undefined {
  const root = parseXml(body, "BucketLoggingStatus", { maxBytes: MAX_LOGGING_BYTES });
  requireOnly(root, ["LoggingEnabled"]);
  const enabled = findChild(root, "LoggingEnabled");
  if (enabled === undefined) return undefined;
  requireOnly(enabled, ["TargetBucket", "TargetPrefix", "TargetGrants", "TargetObjectKeyFormat"]);
  const targetPrefix = childText(enabled, "TargetPrefix");
  if (targetPrefix === undefined) throw malformedXml("TargetPrefix is missing");
  if (new TextEncoder().encode(targetPrefix).byteLength > MAX_TARGET_PREFIX_BYTES) {
    throw malformedXml("TargetPrefix is too long for the key of a log object");
  }
  const grants = findChild(enabled, "TargetGrants");
  const format = findChild(enabled, "TargetObjectKeyFormat");
  return {
    targetBucket: requireChildText(enabled, "TargetBucket"),
    targetPrefix,
    ...(grants !== undefined && { targetGrants: parseTargetGrants(grants) }),
    ...(format !== undefined && { keyFormat: parseKeyFormat(format) }),
  };
}

/** The permissions are READ, WRITE and FULL_CONTROL; AWS accepts READ_ACP too (LocalStack's recordings, 2026-02). */
function parseTargetGrants(list: XmlElement): readonly AclGrant[] {
  requireOnly(list, ["Grant"]);
  return requireGrantLimit(childrenOf(list).map(parseGrant));
}

function parseKeyFormat(format: XmlElement): LogKeyFormat {
  requireOnly(format, ["SimplePrefix", "PartitionedPrefix"]);
  const simple = findChild(format, "SimplePrefix");
  const partitioned = findChild(format, "PartitionedPrefix");
  if ((simple === undefined) === (partitioned === undefined)) {
    throw malformedXml("TargetObjectKeyFormat has not exactly one format");
  }
  if (partitioned === undefined) return { kind: "simple" };
  requireOnly(partitioned, ["PartitionDateSource"]);
  const text = childText(partitioned, "PartitionDateSource");
  return text === undefined ? { kind: "partitioned" } : { kind: "partitioned", dateSource: parseDateSource(text) };
}

function parseDateSource(text: string): PartitionDateSource {
  const source = PARTITION_DATE_SOURCES.find((known) => known === text);
  if (source === undefined) throw malformedXml(`unknown partition date source ${text}`);
  return source;
}

/** @param displayNameOf as for `formatGrants` */
export function formatLoggingStatus(
  logging: BucketLogging | undefined,
  displayNameOf: (canonicalId: string) => string | undefined,
): string {
  if (logging === undefined) return formatXml("BucketLoggingStatus", []);
  const { targetBucket, targetPrefix, targetGrants, keyFormat } = logging;
  return formatXml("BucketLoggingStatus", [
    xmlElement("LoggingEnabled", [
      xmlText("TargetBucket", targetBucket),
      targetGrants && xmlElement("TargetGrants", formatGrants(targetGrants, displayNameOf)),
      keyFormat && xmlElement("TargetObjectKeyFormat", [keyFormatNode(keyFormat)]),
      xmlText("TargetPrefix", targetPrefix),
    ]),
  ]);
}

function keyFormatNode(format: LogKeyFormat): XmlNode {
  if (format.kind === "simple") return xmlElement("SimplePrefix", []);
  const { dateSource } = format;
  return xmlElement("PartitionedPrefix", dateSource === undefined ? [] : [xmlText("PartitionDateSource", dateSource)]);
}
