/** Documents of object lock (API_PutObjectLockConfiguration, API_PutObjectRetention, API_PutObjectLegalHold). */
import { invalidArgument, S3Error } from "../../errors.ts";
import {
  type DefaultRetention,
  type ObjectLockConfiguration,
  RETENTION_MODES,
  type Retention,
  type RetentionMode,
} from "../../model/object-lock.ts";
import { formatPacificTime, formatRetainUntil, parseIso8601 } from "../dates.ts";
import {
  childrenOf,
  childText,
  findChild,
  malformedXml,
  parseXml,
  requireChild,
  requireChildText,
  requireOnly,
  type XmlElement,
} from "./reader.ts";
import { formatXml, xmlElement, xmlText } from "./writer.ts";

export const MAX_OBJECT_LOCK_BYTES = 16 * 1024;
const LIMITS = { maxBytes: MAX_OBJECT_LOCK_BYTES };

/** "The maximum retention period is 100 years" (object-lock-managing). */
export const MAX_DEFAULT_RETENTION = { Days: 36_500, Years: 100 } as const;

/**
 * @throws S3Error `MalformedXML`; `InvalidArgument` for a period that is not positive or too long; `NotImplemented` for an
 *   event hold
 */
export function parseObjectLockConfiguration(body: Uint8Array): ObjectLockConfiguration {
  const root = parseXml(body, "ObjectLockConfiguration", LIMITS);
  requireOnly(root, ["ObjectLockEnabled", "Rule"]);
  if (requireChildText(root, "ObjectLockEnabled") !== "Enabled") throw malformedXml("ObjectLockEnabled is not Enabled");
  const rule = findChild(root, "Rule");
  if (rule === undefined) return {};
  requireOnly(rule, ["DefaultRetention"]);
  return { defaultRetention: readDefaultRetention(requireChild(rule, "DefaultRetention")) };
}

export function formatObjectLockConfiguration({ defaultRetention }: ObjectLockConfiguration): string {
  return formatXml("ObjectLockConfiguration", [
    xmlText("ObjectLockEnabled", "Enabled"),
    defaultRetention === undefined
      ? undefined
      : xmlElement("Rule", [
          xmlElement("DefaultRetention", [
            xmlText("Mode", defaultRetention.mode),
            xmlText(defaultRetention.period.unit, defaultRetention.period.length),
          ]),
        ]),
  ]);
}

/**
 * Undefined for an empty document, which removes the retention.
 * @throws S3Error `MalformedXML`; `InvalidArgument` for a date that is not in the future; `NotImplemented` for an event hold
 */
export function parseRetention(body: Uint8Array, now: Date): Retention | undefined {
  const root = parseXml(body, "Retention", LIMITS);
  refuseEventHold(root, ["EventHold", "EventHoldDuration"]);
  requireOnly(root, ["Mode", "RetainUntilDate"]);
  if (childrenOf(root).length === 0) return undefined;
  const mode = readMode(root);
  const text = requireChildText(root, "RetainUntilDate");
  const date = parseIso8601(text);
  if (date === undefined) throw malformedXml(`not a date: ${text}`);
  if (date.getTime() <= now.getTime()) {
    // AWS shows the date in this form (LocalStack's recordings of 2026-02).
    throw invalidArgument("The retain until date must be in the future!", "RetainUntilDate", formatPacificTime(date));
  }
  return { mode, until: date.getTime() };
}

export function formatRetention({ mode, until }: Retention): string {
  return formatXml("Retention", [xmlText("Mode", mode), xmlText("RetainUntilDate", formatRetainUntil(until))]);
}

/** @throws S3Error `MalformedXML` */
export function parseLegalHold(body: Uint8Array): boolean {
  const root = parseXml(body, "LegalHold", LIMITS);
  requireOnly(root, ["Status"]);
  const status = requireChildText(root, "Status");
  if (status !== "ON" && status !== "OFF") throw malformedXml(`unknown Status ${status}`);
  return status === "ON";
}

export function formatLegalHold(isOn: boolean): string {
  return formatXml("LegalHold", [xmlText("Status", isOn ? "ON" : "OFF")]);
}

function readDefaultRetention(element: XmlElement): DefaultRetention {
  refuseEventHold(element, ["DefaultEventHold"]);
  requireOnly(element, ["Mode", "Days", "Years"]);
  const mode = readMode(element);
  const days = childText(element, "Days");
  const years = childText(element, "Years");
  if ((days === undefined) === (years === undefined)) throw malformedXml("neither or both of Days and Years");
  const unit = days === undefined ? "Years" : "Days";
  const text = days ?? years ?? "";
  if (!/^\s*-?\d{1,10}\s*$/.test(text)) throw malformedXml(`${unit} is no number`);
  const length = Number(text);
  if (length <= 0) throw invalidPeriod("Default retention period must be a positive integer value.", unit);
  if (length > MAX_DEFAULT_RETENTION[unit]) throw invalidPeriod("Default retention period too large.", unit);
  return { mode, period: { unit, length } };
}

/** AWS answers without the value (seen on AWS by versitygw's authors). */
function invalidPeriod(message: string, unit: string): S3Error {
  return new S3Error("InvalidArgument", { message, details: { ArgumentName: unit } });
}

/** Object Lock's event holds keep a version until its hold is released, and then for a period. */
function refuseEventHold(element: XmlElement, names: readonly string[]): void {
  if (!names.some((name) => findChild(element, name) !== undefined)) return;
  throw new S3Error("NotImplemented", { message: "Event holds are not implemented." });
}

function readMode(element: XmlElement): RetentionMode {
  const text = requireChildText(element, "Mode");
  const mode = RETENTION_MODES.find((known) => known === text);
  if (mode === undefined) throw malformedXml(`unknown Mode ${text}`);
  return mode;
}
