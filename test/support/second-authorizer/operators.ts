/**
 * The condition operators ("IAM JSON policy elements: Condition operators"). Each is a test of one value of the request against
 * one value of the policy; whether it is negated is in the name.
 */
import { matcherOf, type TextRules, type Values } from "./text.ts";

export interface Compared {
  /** The value in the policy. */
  readonly listed: string;
  /** The value in the request. */
  readonly actual: string;
  readonly variables: boolean;
  readonly values: Values;
}

/** `unresolved`: a variable of the policy's value has no value in this request. */
export type Comparison = boolean | "unresolved";

export interface Operator {
  readonly isNegated: boolean;
  readonly compare: (compared: Compared) => Comparison;
}

const string = (rules: Omit<TextRules, "variables">) => (compared: Compared) => {
  const { listed, actual, variables, values } = compared;
  const matcher = matcherOf(listed, { ...rules, variables }, values);
  return matcher === undefined ? "unresolved" : matcher.test(actual);
};

const equals = string({ wildcards: false });
const equalsIgnoringCase = string({ wildcards: false, ignoreCase: true });
const like = string({ wildcards: true });

const both =
  <T>(read: (text: string) => T | undefined, test: (actual: T, listed: T) => boolean) =>
  ({ actual, listed }: Compared) => {
    const [one, other] = [read(actual), read(listed)];
    return one !== undefined && other !== undefined && test(one, other);
  };

const OPERATORS: Readonly<Record<string, Operator["compare"]>> = {
  StringEquals: equals,
  StringEqualsIgnoreCase: equalsIgnoringCase,
  StringLike: like,
  ArnEquals: arnLike,
  ArnLike: arnLike,
  NumericEquals: both(readNumber, (actual, listed) => actual === listed),
  NumericLessThan: both(readNumber, (actual, listed) => actual < listed),
  NumericLessThanEquals: both(readNumber, (actual, listed) => actual <= listed),
  NumericGreaterThan: both(readNumber, (actual, listed) => actual > listed),
  NumericGreaterThanEquals: both(readNumber, (actual, listed) => actual >= listed),
  DateEquals: both(readDate, (actual, listed) => actual === listed),
  DateLessThan: both(readDate, (actual, listed) => actual < listed),
  DateLessThanEquals: both(readDate, (actual, listed) => actual <= listed),
  DateGreaterThan: both(readDate, (actual, listed) => actual > listed),
  DateGreaterThanEquals: both(readDate, (actual, listed) => actual >= listed),
  Bool: both(readBoolean, (actual, listed) => actual === listed),
  IpAddress: isInRange,
  // "Byte for byte against a base-64 encoded representation"; the value of a request is represented in the same way.
  BinaryEquals: both(readBytes, (actual, listed) => actual === listed),
};

const NEGATIONS: Readonly<Record<string, string>> = {
  StringNotEquals: "StringEquals",
  StringNotEqualsIgnoreCase: "StringEqualsIgnoreCase",
  StringNotLike: "StringLike",
  ArnNotEquals: "ArnEquals",
  ArnNotLike: "ArnLike",
  NumericNotEquals: "NumericEquals",
  DateNotEquals: "DateEquals",
  NotIpAddress: "IpAddress",
};

export const OPERATOR_NAMES: readonly string[] = [...Object.keys(OPERATORS), ...Object.keys(NEGATIONS)];

export function operatorOf(name: string): Operator {
  const compare = OPERATORS[NEGATIONS[name] ?? name];
  if (compare === undefined) throw new Error(`There is no operator ${name}.`);
  return { isNegated: name in NEGATIONS, compare };
}

/** "Each of the six colon-delimited components of the ARN is checked separately." */
function arnLike(compared: Compared): Comparison {
  const [patterns, parts] = [partsOf(compared.listed, compared.variables), partsOf(compared.actual, false)];
  if (patterns.length !== 6 || parts.length !== 6) return false;
  const results = patterns.map((pattern, index) => like({ ...compared, listed: pattern, actual: parts[index] ?? "" }));
  if (results.includes("unresolved")) return "unresolved";
  return results.every((result) => result === true);
}

/** The sixth component is everything that follows the fifth colon. The colon in the name of a variable separates nothing. */
function partsOf(arn: string, variables: boolean): string[] {
  const parts = arn.split(variables ? /:(?![^{}]*\})/ : ":");
  return parts.length < 6 ? parts : [...parts.slice(0, 5), parts.slice(5).join(":")];
}

/** "An integer or decimal value." */
function readNumber(text: string): number | undefined {
  return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
}

const ISO_DATE =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|([+-])(\d\d):(\d\d)))?)?)?$/;

/** "One of the W3C implementations of the ISO 8601 date formats or in epoch (UNIX) time." In milliseconds. */
function readDate(text: string): number | undefined {
  if (/^\d{5,12}$/.test(text)) return Number(text) * 1000;
  const found = ISO_DATE.exec(text);
  if (found === null) return undefined;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map((part) => (part === undefined ? undefined : Number(part)));
  const milliseconds = Number(`0.${found[7] ?? 0}`) * 1000;
  const ahead = (found[9] === "-" ? -1 : 1) * (Number(found[10] ?? 0) * 60 + Number(found[11] ?? 0));
  return Date.UTC(year, month - 1, day, hour, minute - ahead, second) + milliseconds;
}

function readBoolean(text: string): boolean | undefined {
  const lower = text.toLowerCase();
  return lower === "true" ? true : lower === "false" ? false : undefined;
}

function readBytes(text: string): string | undefined {
  return /^(?:[A-Za-z0-9+/]{4})+$/.test(text) ? atob(text) : undefined;
}

interface Address {
  readonly bits: bigint;
  readonly width: 32 | 128;
}

/** "If you specify an IP address without the associated routing prefix, IAM uses the default prefix value of /32." */
function isInRange({ actual, listed }: Compared): boolean {
  const [network = "", length] = listed.split("/");
  const [address, range] = [readAddress(actual), readAddress(network)];
  if (address === undefined || range === undefined || address.width !== range.width) return false;
  const ignored = BigInt(range.width - Number(length ?? range.width));
  return address.bits >> ignored === range.bits >> ignored;
}

function readAddress(text: string): Address | undefined {
  if (text.includes(":")) return readAddress6(text);
  const parts = text.split(".").map(Number);
  if (parts.length !== 4) return undefined;
  return { bits: parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n), width: 32 };
}

/** RFC 4291, 2.2, without the form that ends in an IPv4 address. */
function readAddress6(text: string): Address | undefined {
  const [before = "", after] = text.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const [first, last] = [groups(before), groups(after ?? "")];
  const zeros = after === undefined ? 0 : 8 - first.length - last.length;
  const all = [...first, ...Array.from({ length: zeros }, () => "0"), ...last];
  if (all.length !== 8) return undefined;
  return { bits: all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n), width: 128 };
}
