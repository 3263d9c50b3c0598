/** A request as policies evaluate it, its condition keys, and the results that are cached for one HTTP request. */
import type { Condition, Unknown } from "./condition.ts";
import { isOfOneObject } from "./condition-keys.ts";
import type { PolicyDocument } from "./document.ts";
import { Effort } from "./effort.ts";
import type { PolicyPrincipal, PrincipalMatch } from "./principal.ts";
import type { Matcher, Statement } from "./statement.ts";

export interface PolicyRequest {
  readonly principal: PolicyPrincipal;
  /** `s3:GetObject`, `iam:CreateUser`, `SNS:Publish` */
  readonly action: string;
  /** `arn:aws:s3:::bucket/key` with the key decoded, `arn:aws:s3:::bucket`, `arn:aws:s3:::*`, `arn:aws:iam::…`, `arn:aws:sns:…` */
  readonly resource: string;
  /**
   * `everything-below`: the request is about everything that begins with `resource`, now and later. Then an Allow
   * applies if it covers all of it for every object, and a Deny if it covers any of it under any condition.
   * `something-below`: whether any of it could be allowed, before each object is decided separately. Then an Allow
   * applies if it covers any of it, and a Deny if it covers all of it for every object.
   */
  readonly extent?: Extent | undefined;
  readonly keys: ConditionKeys;
}

export type Extent = "everything-below" | "something-below";

type Values = ReadonlyMap<string, readonly string[]>;
type Entries = Iterable<readonly [key: string, values: readonly string[]]>;

/**
 * Condition keys and their values. Names ignore case; several entries with one name are one key with several values.
 */
export class ConditionKeys {
  /** Results that depend on these keys, and the cost of the request so far. */
  readonly memory: PolicyMemory;
  readonly #shared: Values;
  readonly #ofObject: Values;
  readonly #unknown: readonly UnknownKeys[];

  /** @param unknown keys of one object that have not been looked up */
  constructor(
    entries: Entries,
    unknown: readonly UnknownKeys[] = [],
    origin: { readonly shared?: Values; readonly memory: PolicyMemory } = { memory: new PolicyMemory() },
  ) {
    const [ofObject, shared] = partition(toMap(entries));
    this.#ofObject = ofObject;
    this.#shared = origin.shared ?? shared;
    this.#unknown = unknown;
    this.memory = origin.memory;
  }

  get(key: string): readonly string[] | undefined {
    const name = key.toLowerCase();
    return (isOfOneObject(name) ? this.#ofObject : this.#shared).get(name);
  }

  /** Undefined for a key that has been looked up, whether or not the request has it. */
  unknown(key: string): Unknown | undefined {
    const name = key.toLowerCase();
    return this.#unknown.find(({ prefix }) => name.startsWith(prefix))?.decided;
  }

  /** The keys of the same request for another object; cached results remain valid. */
  ofObject(entries: Entries, unknown: readonly UnknownKeys[]): ConditionKeys {
    return new ConditionKeys(entries, unknown, { shared: this.#shared, memory: this.memory });
  }

  /** The same keys with these replaced; an empty list removes a key. The cost of decisions by them counts too. */
  with(replaced: Readonly<Record<string, readonly string[]>>): ConditionKeys {
    const names = new Set(Object.keys(replaced).map((key) => key.toLowerCase()));
    const kept = [...this.#shared, ...this.#ofObject].filter(([name]) => !names.has(name));
    const memory = new PolicyMemory(this.memory.effort);
    return new ConditionKeys([...kept, ...Object.entries(replaced)], this.#unknown, { memory });
  }
}

export interface UnknownKeys {
  /** Prefix of the keys, in lower case: `s3:existingobjecttag/`. */
  readonly prefix: string;
  readonly decided: Unknown;
}

function toMap(entries: Entries): Values {
  const values = new Map<string, readonly string[]>();
  for (const [key, list] of entries) {
    const name = key.toLowerCase();
    if (list.length > 0) values.set(name, [...(values.get(name) ?? []), ...list]);
  }
  return values;
}

function partition(values: Values): [ofObject: Values, shared: Values] {
  const ofObject = [...values].filter(([name]) => isOfOneObject(name));
  if (ofObject.length === 0) return [new Map(), values];
  return [new Map(ofObject), new Map([...values].filter(([name]) => !isOfOneObject(name)))];
}

/**
 * The part of a policy that remains for one caller and action once everything is evaluated that is the same for every
 * object.
 */
export type Remainder = readonly RemainingStatement[];

export interface RemainingStatement {
  readonly effect: Statement["effect"];
  readonly match: PrincipalMatch;
  readonly resources: Matcher;
  readonly conditions: readonly Condition[];
}

/**
 * Results of policies that are cached for one HTTP request, so that a thousand keys cost them once; and the cost so
 * far.
 */
export class PolicyMemory {
  readonly effort: Effort;
  readonly #remainders = new WeakMap<PolicyDocument, Map<string, Remainder>>();
  readonly #conditions = new WeakMap<Condition, Map<string, boolean>>();

  constructor(effort = new Effort()) {
    this.effort = effort;
  }

  /** @param question the part of a request that the remainder depends on */
  remainder(policy: PolicyDocument, question: string, evaluate: () => Remainder): Remainder {
    const known = this.#remainders.get(policy) ?? new Map<string, Remainder>();
    this.#remainders.set(policy, known);
    const remainder = known.get(question) ?? evaluate();
    known.set(question, remainder);
    return remainder;
  }

  /**
   * The result of a condition that is the same for every object.
   * @param question the rest of a request that it depends on
   */
  condition(condition: Condition, question: string, decide: () => boolean): boolean {
    const known = this.#conditions.get(condition) ?? new Map<string, boolean>();
    this.#conditions.set(condition, known);
    const holds = known.get(question) ?? decide();
    known.set(question, holds);
    return holds;
  }
}
