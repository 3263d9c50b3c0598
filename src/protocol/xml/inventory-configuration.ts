/** Request and answers of the inventory operations (API_PutBucketInventoryConfiguration, API_InventoryConfiguration). */
import { invalidArgument, S3Error } from "../../errors.ts";
import {
  INVENTORY_FIELDS,
  INVENTORY_FREQUENCIES,
  type InventoryConfiguration,
  type InventoryDestination,
  type InventoryField,
} from "../../model/inventory.ts";
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
import { formatXml, type XmlNode, xmlElement, xmlOptional, xmlText } from "./writer.ts";

/** A configuration with the longest prefixes, escaped, takes less. */
export const MAX_INVENTORY_BYTES = 64 * 1024;
export const MAX_PREFIX_LENGTH = 1024;
/** A report's keys are this prefix and up to 178 characters more, and a key has at most 1,024 bytes. */
export const MAX_DESTINATION_PREFIX_LENGTH = 840;
export const MAX_ID_LENGTH = 64;

const ELEMENTS = [
  "Destination",
  "IsEnabled",
  "Filter",
  "Id",
  "IncludedObjectVersions",
  "OptionalFields",
  "Schedule",
] as const;
const VERSIONS = ["All", "Current"] as const;
/** Of the API's model, for settings that no object here can have. */
const UNSUPPORTED_FIELDS = [
  "IntelligentTieringReferenceDate",
  "ObjectLockEventHoldDuration",
  "ObjectLockEventHoldStatus",
];
const ARN = /^arn:(aws[a-z-]*):s3:::([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$/;

/**
 * @param id of the request's query
 * @throws S3Error `MalformedXML` for a document that does not follow the schema; `IdMismatch`; `InvalidS3DestinationBucket`;
 *   `InvalidArgument` for an invalid id, prefix or account, for formats other than CSV and for fields that no object
 *   can have; `NotImplemented` for SSE-KMS
 */
export function parseInventoryConfiguration(body: Uint8Array, id: string): InventoryConfiguration {
  const root = parseXml(body, "InventoryConfiguration", { maxBytes: MAX_INVENTORY_BYTES, maxElements: 100 });
  requireOnly(root, ELEMENTS);
  const filter = findChild(root, "Filter");
  const filterPrefix = filter && readPrefix(filter);
  const schedule = requireChild(root, "Schedule");
  requireOnly(schedule, ["Frequency"]);
  const configuration = {
    id: requireChildText(root, "Id"),
    isEnabled: oneOf(requireChildText(root, "IsEnabled"), ["true", "false"]) === "true",
    ...(filterPrefix !== undefined && { filterPrefix }),
    versions: oneOf(requireChildText(root, "IncludedObjectVersions"), VERSIONS),
    fields: readFields(findChild(root, "OptionalFields")),
    frequency: oneOf(requireChildText(schedule, "Frequency"), INVENTORY_FREQUENCIES),
    destination: readDestination(requireChild(root, "Destination")),
  };
  if (configuration.id !== id) throw new S3Error("IdMismatch");
  requireInventoryId(id);
  return configuration;
}

/** "Letters, numbers, periods, dashes and underscores", at most 64 of them. @throws S3Error `InvalidArgument` */
export function requireInventoryId(id: string): void {
  if (id.length > MAX_ID_LENGTH || !/^[\w.-]+$/.test(id)) {
    throw invalidArgument(
      `The id of an inventory configuration has 1 to ${MAX_ID_LENGTH} letters, digits, periods, dashes and underscores.`,
      "id",
      id.slice(0, 256),
    );
  }
}

function readPrefix(parent: XmlElement): string {
  requireOnly(parent, ["Prefix"]);
  return boundedPrefix(requireChildText(parent, "Prefix"));
}

function boundedPrefix(prefix: string, maxBytes = MAX_PREFIX_LENGTH): string {
  if (new TextEncoder().encode(prefix).length <= maxBytes) return prefix;
  throw invalidArgument(`This prefix has at most ${maxBytes} bytes.`, "Prefix", prefix.slice(0, 256));
}

function readFields(element: XmlElement | undefined): readonly InventoryField[] {
  if (element === undefined) return [];
  requireOnly(element, ["Field"]);
  const fields = childrenOf(element, "Field").map((field) => {
    const name = textOf(field);
    if (UNSUPPORTED_FIELDS.includes(name)) {
      throw invalidArgument(`No object has the field ${name} here.`, "OptionalFields", name);
    }
    return oneOf(name, INVENTORY_FIELDS);
  });
  return [...new Set(fields)];
}

function readDestination(element: XmlElement): InventoryDestination {
  requireOnly(element, ["S3BucketDestination"]);
  const destination = requireChild(element, "S3BucketDestination");
  requireOnly(destination, ["AccountId", "Bucket", "Encryption", "Format", "Prefix"]);
  const format = oneOf(requireChildText(destination, "Format"), ["CSV", "ORC", "Parquet"]);
  if (format !== "CSV") {
    throw invalidArgument("Inventory reports are written as CSV only.", "Format", format);
  }
  const arn = requireChildText(destination, "Bucket");
  const [, partition, bucket] = ARN.exec(arn) ?? [];
  if (partition === undefined || bucket === undefined) throw new S3Error("InvalidS3DestinationBucket");
  const prefix = childText(destination, "Prefix");
  const accountId = childText(destination, "AccountId");
  if (accountId !== undefined && !/^\d{12}$/.test(accountId)) {
    throw invalidArgument("An account id has 12 digits.", "AccountId", accountId.slice(0, 256));
  }
  return {
    bucket,
    partition,
    ...(prefix !== undefined && prefix !== "" && { prefix: boundedPrefix(prefix, MAX_DESTINATION_PREFIX_LENGTH) }),
    ...(accountId !== undefined && { accountId }),
    isEncrypted: readEncryption(findChild(destination, "Encryption")),
  };
}

function readEncryption(element: XmlElement | undefined): boolean {
  if (element === undefined) return false;
  const [kind, ...others] = childrenOf(element);
  if (kind === undefined || others.length > 0) throw malformedXml("not one kind of encryption");
  // The API's model writes SSE-S3 and SSE-KMS, which its SDKs read as SSES3 and SSEKMS.
  const name = nameOf(kind);
  if (name === "SSE-S3") return true;
  if (name !== "SSE-KMS") throw malformedXml(`unexpected ${name} in Encryption`);
  throw new S3Error("NotImplemented", { message: "Inventory reports are not encrypted with SSE-KMS." });
}

function oneOf<Value extends string>(text: string, values: readonly Value[]): Value {
  const known = values.find((value) => value === text);
  if (known === undefined) throw malformedXml(`unexpected value ${text.slice(0, 100)}`);
  return known;
}

export function formatInventoryConfiguration(configuration: InventoryConfiguration): string {
  return formatXml("InventoryConfiguration", elementsOf(configuration));
}

/** @param page.next the token of the next page. @param page.token the one of this page */
export function formatInventoryConfigurations(page: {
  readonly configurations: readonly InventoryConfiguration[];
  readonly token: string | undefined;
  readonly next: string | undefined;
}): string {
  return formatXml("ListInventoryConfigurationsResult", [
    xmlOptional("ContinuationToken", page.token),
    ...page.configurations.map((each) => xmlElement("InventoryConfiguration", elementsOf(each))),
    xmlText("IsTruncated", page.next !== undefined),
    xmlOptional("NextContinuationToken", page.next),
  ]);
}

function elementsOf({ destination, ...configuration }: InventoryConfiguration): readonly (XmlNode | undefined)[] {
  const { id, isEnabled, filterPrefix, versions, fields, frequency } = configuration;
  return [
    xmlText("Id", id),
    xmlText("IsEnabled", isEnabled),
    filterPrefix === undefined ? undefined : xmlElement("Filter", [xmlText("Prefix", filterPrefix)]),
    xmlElement("Destination", [
      xmlElement("S3BucketDestination", [
        xmlText("Format", "CSV"),
        xmlOptional("AccountId", destination.accountId),
        xmlText("Bucket", `arn:${destination.partition}:s3:::${destination.bucket}`),
        xmlOptional("Prefix", destination.prefix),
        destination.isEncrypted ? xmlElement("Encryption", [xmlElement("SSE-S3", [])]) : undefined,
      ]),
    ]),
    xmlElement("Schedule", [xmlText("Frequency", frequency)]),
    xmlText("IncludedObjectVersions", versions),
    fields.length === 0
      ? undefined
      : xmlElement(
          "OptionalFields",
          fields.map((field) => xmlText("Field", field)),
        ),
  ];
}
