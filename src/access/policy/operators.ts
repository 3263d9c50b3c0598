/** How a value of a request is compared with a value of the policy (IAM User Guide, "Condition operators"). */
import { isInRange, parseIpRange } from "../../model/ip-address.ts";
import {
  equalsIgnoringCase,
  matchesArnPattern,
  matchesPattern,
  type Pattern,
  type PatternSyntax,
  parsePattern,
  type Reading,
} from "./pattern.ts";

/** Undefined if the policy's value contains a variable that has no value in this request. */
export type Comparison = (value: string, reading: Reading) => boolean | undefined;

export interface Operator {
  readonly family: "string" | "numeric" | "date" | "bool" | "binary" | "ip" | "arn" | "null";
  /** The condition holds if no value of the policy matches. */
  readonly negated: boolean;
  /** Undefined if the operator cannot compare with such a value. */
  compile(policyValue: string, variables: boolean): CompiledValue | undefined;
}

export interface CompiledValue {
  readonly compare: Comparison;
  /** Present for the operators that support variables or wildcards. */
  readonly pattern?: Pattern;
}

type Order = (difference: number) => boolean;

const ORDERS: Readonly<Record<string, Order>> = {
  Equals: (difference) => difference === 0,
  LessThan: (difference) => difference < 0,
  LessThanEquals: (difference) => difference <= 0,
  GreaterThan: (difference) => difference > 0,
  GreaterThanEquals: (difference) => difference >= 0,
};

const stringEquals = (negated: boolean): Operator => ({
  family: "string",
  negated,
  compile: withPattern({ wildcards: false }, (pattern) => (value, reading) => matchesPattern(pattern, value, reading)),
});

const stringEqualsIgnoreCase = (negated: boolean): Operator => ({
  family: "string",
  negated,
  compile: withPattern(
    { wildcards: false },
    (pattern) => (value, reading) => equalsIgnoringCase(pattern, value, reading),
  ),
});

const stringLike = (negated: boolean): Operator => ({
  family: "string",
  negated,
  compile: withPattern({ wildcards: true }, (pattern) => (value, reading) => matchesPattern(pattern, value, reading)),
});

/** ArnEquals and ArnLike "behave identically". */
const arnLike = (negated: boolean): Operator => ({
  family: "arn",
  negated,
  compile: withPattern(
    { wildcards: true },
    (pattern) => (value, reading) => matchesArnPattern(pattern, value, reading),
  ),
});

const ipAddress = (negated: boolean): Operator => ({
  family: "ip",
  negated,
  compile(policyValue) {
    const range = parseIpRange(policyValue);
    return range && { compare: (value) => isInRange(value, range) };
  },
});

const BOOL: Operator = {
  family: "bool",
  negated: false,
  compile(policyValue, variables) {
    const pattern = parsePattern(policyValue, { wildcards: false, variables });
    if (pattern === undefined || (pattern.isFixed && !/^(true|false)$/i.test(policyValue))) return undefined;
    return { pattern, compare: (value, reading) => equalsIgnoringCase(pattern, value, reading) };
  },
};

const BINARY: Operator = {
  family: "binary",
  negated: false,
  // Both sides are base64.
  compile: (policyValue) =>
    /^[A-Za-z0-9+/]*={0,2}$/.test(policyValue) ? { compare: (value) => value === policyValue } : undefined,
};

/** The value says whether the key must be absent; `condition.ts` compares it with the fact. */
const NULL: Operator = {
  family: "null",
  negated: false,
  compile: (policyValue) =>
    /^(true|false)$/i.test(policyValue) ? { compare: (isAbsent) => isAbsent === policyValue.toLowerCase() } : undefined,
};

/** `StringEquals` etc., without qualifiers. Names are case-sensitive, as on AWS. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map([
  ["StringEquals", stringEquals(false)],
  ["StringNotEquals", stringEquals(true)],
  ["StringEqualsIgnoreCase", stringEqualsIgnoreCase(false)],
  ["StringNotEqualsIgnoreCase", stringEqualsIgnoreCase(true)],
  ["StringLike", stringLike(false)],
  ["StringNotLike", stringLike(true)],
  // As the reference system's documentation spells them.
  ["NotStringEquals", stringEquals(true)],
  ["NotStringLike", stringLike(true)],
  ...ordered("Numeric", "numeric", parseNumber),
  ...ordered("Date", "date", parseDate),
  ["Bool", BOOL],
  ["BinaryEquals", BINARY],
  ["IpAddress", ipAddress(false)],
  ["NotIpAddress", ipAddress(true)],
  ["ArnEquals", arnLike(false)],
  ["ArnLike", arnLike(false)],
  ["ArnNotEquals", arnLike(true)],
  ["ArnNotLike", arnLike(true)],
  ["Null", NULL],
]);

function withPattern(syntax: Omit<PatternSyntax, "variables">, comparison: (pattern: Pattern) => Comparison) {
  return (policyValue: string, variables: boolean): CompiledValue | undefined => {
    const pattern = parsePattern(policyValue, { ...syntax, variables });
    return pattern && { compare: comparison(pattern), pattern };
  };
}

function ordered(
  prefix: string,
  family: "numeric" | "date",
  parse: (text: string) => number | undefined,
): [string, Operator][] {
  const operator = (negated: boolean, order: Order): Operator => ({
    family,
    negated,
    compile(policyValue) {
      const right = parse(policyValue);
      if (right === undefined) return undefined;
      return {
        compare(value) {
          const left = parse(value);
          return left !== undefined && order(left - right);
        },
      };
    },
  });
  const equals: Order = (difference) => difference === 0;
  return [
    ...Object.entries(ORDERS).map(([name, order]): [string, Operator] => [`${prefix}${name}`, operator(false, order)]),
    [`${prefix}NotEquals`, operator(true, equals)],
  ];
}

function parseNumber(text: string): number | undefined {
  return /^[+-]?\d{1,30}(?:\.\d{1,30})?$/.test(text) ? Number(text) : undefined;
}

/** The W3C's profile of ISO 8601 ("Date and Time Formats"); four digits are a year, other whole numbers Unix seconds. */
const W3C_DATE = /^\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?)?)?$/;

function parseDate(text: string): number | undefined {
  if (W3C_DATE.test(text)) {
    const time = Date.parse(text);
    return Number.isNaN(time) ? undefined : time;
  }
  return /^\d{1,12}(?:\.\d{1,9})?$/.test(text) ? Number(text) * 1000 : undefined;
}
