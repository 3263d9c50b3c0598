/** The Condition element ("Creating a condition with multiple keys or values"). */
import type { Deviations } from "./deviations.ts";
import { operatorOf } from "./operators.ts";
import type { Values } from "./text.ts";

export type ConditionBlock = Readonly<
  Record<string, Readonly<Record<string, ConditionValue | readonly ConditionValue[]>>>
>;
type ConditionValue = string | number | boolean;

export interface Surroundings {
  readonly values: Values;
  /** Whether the policy's version has variables. */
  readonly variables: boolean;
  readonly effect: "Allow" | "Deny";
  readonly deviations: Deviations;
}

/** "All conditions must resolve to true to invoke the desired Allow or Deny effect." */
export function conditionsHold(block: ConditionBlock, surroundings: Surroundings): boolean {
  return Object.entries(block).every(([name, keys]) =>
    Object.entries(keys).every(([key, listed]) =>
      holds({ name, key, listed: [listed].flat().map(String) }, surroundings),
    ),
  );
}

interface Condition {
  /** `ForAnyValue:StringLikeIfExists` */
  readonly name: string;
  readonly key: string;
  readonly listed: readonly string[];
}

function holds({ name, key, listed }: Condition, surroundings: Surroundings): boolean {
  const actual = surroundings.values(key);
  // "true: the key doesn't exist. false: the key exists and its value is not null."
  if (name === "Null") return listed.some((value) => (value.toLowerCase() === "true") === (actual === undefined));
  const [, qualifier, base = "", ifExists] = /^(?:(ForAllValues|ForAnyValue):)?(.*?)(IfExists)?$/.exec(name) ?? [];
  const { isNegated } = operatorOf(base);
  const isTrueOf = (value: string) => isTrue({ name: base, key, listed }, value, surroundings);
  if (qualifier === "ForAllValues") {
    // "It also returns true if there are no keys in the request, or if the key values resolve to a null data set, such as an
    // empty string."
    return (actual ?? []).every((value) => value === "" || isTrueOf(value));
  }
  if (actual === undefined) {
    if (ifExists !== undefined) return true;
    // "For no matching key or a null dataset, the condition returns false."
    return qualifier === undefined && isNegated;
  }
  if (qualifier === "ForAnyValue") return actual.some(isTrueOf);
  return isNegated ? actual.every(isTrueOf) : actual.some(isTrueOf);
}

/** "If a single condition operator includes multiple values for one key, it is evaluated using a logical OR"; negated ones "AND". */
function isTrue({ name, listed }: Condition, actual: string, surroundings: Surroundings): boolean {
  const { values, variables, effect, deviations } = surroundings;
  const { isNegated, compare } = operatorOf(name);
  const results = listed.map((value) => compare({ listed: value, actual, values, variables }));
  if (results.includes(true)) return !isNegated;
  const isUnsure = results.includes("unresolved") && effect === "Allow" && deviations.has("unresolved variables");
  return isNegated && !isUnsure;
}
