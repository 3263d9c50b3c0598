/**
 * The Condition element: all operators, and all keys of each operator, must hold; one of a key's values is enough.
 *
 * AWS documents these rules, which are easy to get wrong:
 * - A key that the request does not have fails the plain operators and satisfies the negated ones and `…IfExists`.
 * - `ForAllValues:` holds for a request that has no value at all. In an Allow it therefore does not limit callers that
 *   omit the key; such a statement also needs `"Null": {"<key>": "false"}`.
 * - `ForAnyValue:` does not hold for a request without the key, even with a negated operator.
 */
import { S3Error } from "../../errors.ts";
import { asRecord } from "./json.ts";
import { type CompiledValue, OPERATORS, type Operator } from "./operators.ts";
import type { Reading } from "./pattern.ts";

export interface Condition {
  readonly key: string;
  readonly operator: Operator;
  readonly qualifier: "ForAllValues" | "ForAnyValue" | undefined;
  readonly ifExists: boolean;
  readonly values: readonly ConditionValue[];
}

export interface ConditionValue extends CompiledValue {
  /** As written in the policy, with numbers and booleans as text. */
  readonly source: string;
}

export interface ConditionSyntax {
  readonly variables: boolean;
  /** Whether a key is accepted. */
  readonly isKey: (key: string) => boolean;
}

/**
 * The result of a condition whose key has not been looked up: `against` the caller, or `for` it if the decision is made
 * again once the values are known.
 */
export type Unknown = "against" | "for";

export interface ConditionContext {
  readonly reading: Reading;
  /** The result of a condition that depends on the key; undefined if the key's values decide. */
  readonly unknown: (key: string) => Unknown | undefined;
  readonly effect: "Allow" | "Deny";
}

/** All keys that the condition depends on: its own, and those of its variables. */
export function keysOfCondition({ key, values }: Condition): readonly string[] {
  return [key, ...values.flatMap(({ pattern }) => pattern?.variables ?? [])];
}

const OPERATOR_NAME = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/;

/** @throws S3Error `MalformedPolicy` */
export function parseConditions(block: unknown, syntax: ConditionSyntax): readonly Condition[] {
  const operators = asRecord(block);
  if (operators === undefined) throw malformed("Invalid policy syntax.");
  return Object.entries(operators).flatMap(([name, keys]) => {
    const parsedName = parseOperatorName(name);
    const listed = asRecord(keys);
    if (listed === undefined) throw malformed("Invalid policy syntax.");
    return Object.entries(listed).map(([key, values]): Condition => {
      if (!syntax.isKey(key)) throw malformed("Policy has an invalid condition key");
      return { key, ...parsedName, values: parseValues(values, { key, operator: parsedName.operator }, syntax) };
    });
  });
}

export function conditionHolds(condition: Condition, context: ConditionContext): boolean {
  const { key, operator, qualifier } = condition;
  const { reading, effect } = context;
  for (const named of keysOfCondition(condition)) {
    const unknown = context.unknown(named);
    if (unknown !== undefined) return (unknown === "against") === (effect === "Deny");
  }
  reading.effort.spend(condition.values.length);
  const values = reading.lookUp(key) ?? blankReferer(condition);
  if (operator.family === "null") {
    return condition.values.some(({ compare }) => compare(String(values === undefined), reading));
  }
  if (values === undefined) return holdsWithoutKey(condition);
  const holds = (value: string) => holdsForValue(condition, value, context);
  // "… or if the key values resolve to an empty data set, such as an empty string".
  if (qualifier === "ForAllValues") return values.every((value) => value === "" || holds(value));
  return operator.negated && qualifier === undefined ? values.every(holds) : values.some(holds);
}

function holdsWithoutKey({ operator, qualifier, ifExists }: Condition): boolean {
  if (ifExists || qualifier === "ForAllValues") return true;
  return qualifier === undefined && operator.negated;
}

function holdsForValue({ key, operator, values }: Condition, value: string, context: ConditionContext): boolean {
  let isUnresolved = false;
  const isReferer = operator.family === "string" && key.toLowerCase() === REFERER;
  for (const { compare, source } of values) {
    for (const text of isReferer ? refererReadings(value, source) : [value]) {
      const matches = compare(text, context.reading);
      if (matches) return !operator.negated;
      isUnresolved ||= matches === undefined;
    }
  }
  // A negated operator with an unresolved variable is uncertain: it may deny, and must not allow.
  return operator.negated && (!isUnresolved || context.effect === "Deny");
}

function blankReferer({ key, operator, values, ifExists }: Condition): readonly string[] | undefined {
  if (ifExists || operator.family !== "string" || key.toLowerCase() !== REFERER) return undefined;
  return values.some(({ source }) => source === "") ? [""] : undefined;
}

function parseOperatorName(name: string): Pick<Condition, "operator" | "qualifier" | "ifExists"> {
  const [, qualifier, baseName = "", ifExists] = OPERATOR_NAME.exec(name) ?? [];
  const operator = OPERATORS.get(baseName);
  const isBare = qualifier === undefined && ifExists === undefined;
  if (operator === undefined || (operator.family === "null" && !isBare)) {
    throw malformed(`Invalid Condition type : ${name.slice(0, 100)}`);
  }
  return {
    operator,
    qualifier: qualifier === "ForAllValues" || qualifier === "ForAnyValue" ? qualifier : undefined,
    ifExists: ifExists !== undefined,
  };
}

function parseValues(
  value: unknown,
  { key, operator }: Pick<Condition, "key" | "operator">,
  { variables }: ConditionSyntax,
): readonly ConditionValue[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => {
    if (typeof item !== "string" && typeof item !== "number" && typeof item !== "boolean") {
      throw malformed("Invalid policy syntax.");
    }
    const source = String(item);
    const compiled = operator.compile(source, variables);
    if (compiled === undefined) {
      throw malformed(
        operator.family === "ip" ? "Invalid IP address in Conditions" : `Invalid value in Conditions for ${key}`,
      );
    }
    return { ...compiled, source };
  });
}

function malformed(message: string): S3Error {
  return new S3Error("MalformedPolicy", { message });
}

/**
 * `aws:Referer` as the reference system's white lists use it, in addition to AWS's plain comparison.
 *
 * A value without `://` names a host and is also compared with the referer's host, with and without its port. An empty
 * value matches a request without the header, which no value can on AWS.
 */
const REFERER = "aws:referer";

/** The texts that a policy value is compared with: the whole header first, as on AWS. */
function refererReadings(referer: string, policyValue: string): readonly string[] {
  if (policyValue === "" || policyValue.includes("://")) return [referer];
  return [referer, ...hostsOf(referer)];
}

function hostsOf(referer: string): readonly string[] {
  const start = referer.indexOf("://");
  if (start === -1) return [];
  const authority = referer.slice(start + 3).split(/[/?#\\]/, 1)[0] ?? "";
  // The host of `https://www.a.example@evil.example/` is evil.example.
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const withoutPort = host.replace(/:\d*$/, "");
  return host === withoutPort ? [host] : [host, withoutPort];
}
