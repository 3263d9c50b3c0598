/** The readers of XML documents: each reads what has its root, and a document that it accepts reads the same after it is written. */
import { parseAccessControlPolicy } from "../../../src/protocol/xml/access-control-policy.ts";
import { parseCreateBucketConfiguration } from "../../../src/protocol/xml/bucket-location.ts";
import {
  formatEncryptionConfiguration,
  formatOwnershipControls,
  formatPublicAccessBlock,
  parseAbacStatus,
  parseAccelerate,
  parseEncryptionConfiguration,
  parseOwnershipControls,
  parsePublicAccessBlock,
  parseRequestPayment,
} from "../../../src/protocol/xml/bucket-settings.ts";
import { formatCorsConfiguration, parseCorsConfiguration } from "../../../src/protocol/xml/cors-configuration.ts";
import { parseDelete } from "../../../src/protocol/xml/delete-objects.ts";
import {
  formatInventoryConfiguration,
  parseInventoryConfiguration,
} from "../../../src/protocol/xml/inventory-configuration.ts";
import { formatLifecycleRules, parseLifecycleRules } from "../../../src/protocol/xml/lifecycle-configuration.ts";
import { parseLoggingStatus } from "../../../src/protocol/xml/logging-status.ts";
import { parseCompleteMultipartUpload } from "../../../src/protocol/xml/multipart-uploads.ts";
import {
  formatNotificationConfiguration,
  parseNotificationConfiguration,
} from "../../../src/protocol/xml/notification-configuration.ts";
import {
  formatObjectLockConfiguration,
  formatRetention,
  parseLegalHold,
  parseObjectLockConfiguration,
  parseRetention,
} from "../../../src/protocol/xml/object-lock.ts";
import { parseAnyXml } from "../../../src/protocol/xml/reader.ts";
import { parseReplicationConfiguration } from "../../../src/protocol/xml/replication-configuration.ts";
import { formatTagging, parseTagging } from "../../../src/protocol/xml/tagging.ts";
import {
  formatVersioningConfiguration,
  parseVersioningConfiguration,
} from "../../../src/protocol/xml/versioning-configuration.ts";
import {
  formatWebsiteConfiguration,
  parseWebsiteConfiguration,
} from "../../../src/protocol/xml/website-configuration.ts";

export const NOW = new Date("2026-06-01T00:00:00Z");

export interface XmlTarget {
  read(body: Uint8Array): unknown;
  /** What is read, written and read again. */
  readAgain?(body: Uint8Array): unknown;
}

function pair<Value>(read: (body: Uint8Array) => Value, write: (value: Value) => string): XmlTarget {
  return { read, readAgain: (body) => read(new TextEncoder().encode(write(read(body)))) };
}

export const XML_TARGETS: Readonly<Record<string, XmlTarget>> = {
  AbacStatus: { read: parseAbacStatus },
  AccelerateConfiguration: { read: parseAccelerate },
  AccessControlPolicy: { read: parseAccessControlPolicy },
  BucketLoggingStatus: { read: parseLoggingStatus },
  CORSConfiguration: pair(parseCorsConfiguration, formatCorsConfiguration),
  CompleteMultipartUpload: { read: parseCompleteMultipartUpload },
  CreateBucketConfiguration: { read: parseCreateBucketConfiguration },
  Delete: { read: parseDelete },
  InventoryConfiguration: pair((body) => parseInventoryConfiguration(body, "i"), formatInventoryConfiguration),
  LegalHold: { read: parseLegalHold },
  LifecycleConfiguration: pair(parseLifecycleRules, formatLifecycleRules),
  NotificationConfiguration: pair(
    (body) => parseNotificationConfiguration(body, () => "id"),
    formatNotificationConfiguration,
  ),
  ObjectLockConfiguration: pair(parseObjectLockConfiguration, formatObjectLockConfiguration),
  OwnershipControls: pair(parseOwnershipControls, formatOwnershipControls),
  PublicAccessBlockConfiguration: pair(parsePublicAccessBlock, formatPublicAccessBlock),
  ReplicationConfiguration: { read: parseReplicationConfiguration },
  RequestPaymentConfiguration: { read: parseRequestPayment },
  Retention: pair(
    (body) => parseRetention(body, NOW),
    (retention) => (retention === undefined ? "<Retention/>" : formatRetention(retention)),
  ),
  ServerSideEncryptionConfiguration: pair(parseEncryptionConfiguration, formatEncryptionConfiguration),
  Tagging: pair((body) => parseTagging(body, "object"), formatTagging),
  VersioningConfiguration: pair(parseVersioningConfiguration, formatVersioningConfiguration),
  WebsiteConfiguration: pair(parseWebsiteConfiguration, formatWebsiteConfiguration),
};

const ANY: XmlTarget = { read: (body) => parseAnyXml(body, { maxBytes: 1_000_000 }) };

/** The reader of the first root that the text seems to have. */
export function xmlTargetOf(text: string): XmlTarget {
  const root = /<(\w+)/.exec(text)?.[1] ?? "";
  return Object.hasOwn(XML_TARGETS, root) ? (XML_TARGETS[root] ?? ANY) : ANY;
}
