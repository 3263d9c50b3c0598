/** Random policies, biased towards one action and resource: about half of the statements concern them. */
import fc from "fast-check";
import { CONDITION_KEYS, OPERATORS_FOR } from "./pools.ts";

/** What a policy is to decide about. */
export interface Subject {
  readonly action: string;
  readonly resource: string;
  readonly key?: string;
  /** The object is about to be written. */
  readonly isNew: boolean;
}

type Json = Readonly<Record<string, unknown>>;

export function policyText(subject: Subject, kind: "bucket" | "user"): fc.Arbitrary<string> {
  return fc
    .record({
      Version: fc.constantFrom("2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17", undefined),
      Statement: fc.array(statement(subject, kind), { minLength: 1, maxLength: 3 }),
    })
    .map((policy) => JSON.stringify(policy));
}

function statement(subject: Subject, kind: "bucket" | "user"): fc.Arbitrary<Json> {
  return fc
    .record({
      Effect: fc.constantFrom("Allow", "Allow", "Allow", "Allow", "Deny"),
      principal: kind === "bucket" ? principal : fc.constant({}),
      action: elements(actionPatterns(subject.action), "Action"),
      resource: elements(resourcePatterns(subject, kind), "Resource"),
      condition: conditionFor(subject),
    })
    .map(({ Effect, principal, action, resource, condition }) => {
      // S3 accepts NotPrincipal only with Deny.
      const effect = "NotPrincipal" in principal ? "Deny" : Effect;
      return { Effect: effect, ...principal, ...action, ...resource, ...(condition && { Condition: condition }) };
    });
}

function elements(patterns: readonly string[], name: "Action" | "Resource"): fc.Arbitrary<Json> {
  const several = fc.array(fc.constantFrom(...patterns), { minLength: 1, maxLength: 2 });
  const one = fc.constantFrom(...patterns);
  return fc
    .record({ listed: fc.oneof(one, several), isNegated: fc.constantFrom(false, false, false, true) })
    .map(({ listed, isNegated }) => ({ [`${isNegated ? "Not" : ""}${name}`]: listed }));
}

function actionPatterns(action: string): readonly string[] {
  const [service = "", name = ""] = action.split(":");
  return [
    action,
    action,
    action.toLowerCase(),
    `${service}:${name.slice(0, 3)}*`,
    `${service}:*${name.slice(3)}`,
    `${service.toUpperCase()}:?${name.slice(1)}`,
    `${action}*`,
    `${action}?`,
    `${service}:*`,
    `${service}:*`,
    "*",
    "s3:ListBucket",
    "s3:*Object",
  ];
}

function resourcePatterns({ resource, key }: Subject, kind: "bucket" | "user"): readonly string[] {
  if (!resource.startsWith("arn:aws:s3:")) {
    const cut = resource.slice(0, -1);
    return [
      resource,
      resource,
      `${resource}*`,
      `${cut}?`,
      "*",
      `${cut}`,
      "arn:aws:*:*:*:*",
      `${resource}\${aws:PrincipalTag/none}`,
    ];
  }
  const bucket = "arn:aws:s3:::demo-b";
  const ofKey =
    key === undefined
      ? []
      : [
          `${bucket}/${key}?`,
          `${bucket}/${withoutLast(key)}?`,
          `${bucket}/${key}*`,
          `${bucket}/*${key.slice(1)}`,
          `${bucket}/${key}/`,
        ];
  const variables = [
    "home/${aws:username}/*",
    "${aws:PrincipalTag/none, 'k'}",
    "${aws:PrincipalTag/none}*",
    "a${*}b",
    "${*}",
  ];
  // S3 refuses a bucket policy about other resources than the bucket and its objects.
  const everything = kind === "user" ? ["*", "arn:aws:s3:::*"] : [`${bucket}*`];
  return [
    resource,
    resource,
    `${bucket}*`,
    bucket,
    `${bucket}/*`,
    ...everything,
    ...ofKey,
    ...variables.map((text) => `${bucket}/${text}`),
  ];
}

const PRINCIPALS: readonly Json[] = [
  { AWS: "arn:aws:iam::111111111111:user/alice" },
  { AWS: "arn:aws:iam::111111111111:user/team/bob" },
  { AWS: "arn:aws:iam::222222222222:user/alice" },
  { AWS: "arn:aws:iam::111111111111:root" },
  { AWS: "111111111111" },
  { AWS: ["222222222222", "arn:aws:iam::111111111111:user/alice"] },
  { AWS: ["arn:aws:iam::111111111111:root", "arn:aws:iam::111111111111:user/alice"] },
  { AWS: ["arn:aws:iam::222222222222:root", "arn:aws:iam::222222222222:user/alice"] },
  { CanonicalUser: "b".repeat(64) },
  { CanonicalUser: "a".repeat(64), AWS: "222222222222" },
  { Service: "logging.s3.amazonaws.com" },
  { AWS: "*" },
];

export const principal: fc.Arbitrary<Json> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ Principal: "*" }) },
  { weight: 4, arbitrary: fc.constantFrom(...PRINCIPALS).map((named) => ({ Principal: named })) },
  { weight: 1, arbitrary: fc.constantFrom(...PRINCIPALS).map((named) => ({ NotPrincipal: named })) },
);

/** @param names the keys that the policy may have */
export function conditionFor({ isNew }: Subject, names = /./): fc.Arbitrary<Json | undefined> {
  // AWS does not say which tags exist when an object is replaced.
  const keys = Object.keys(CONDITION_KEYS).filter(
    (key) => names.test(key) && !(isNew && key.startsWith("s3:ExistingObjectTag/")),
  );
  const one = fc.constantFrom(...keys.map(comparisonWith)).chain((comparison) => comparison);
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant(undefined) },
    { weight: 4, arbitrary: one },
    { weight: 1, arbitrary: fc.tuple(one, one).map(([first, second]) => merge(first, second)) },
  );
}

type Block = Readonly<Record<string, Json>>;

function comparisonWith(key: string): fc.Arbitrary<Block> {
  const { kind, values } = CONDITION_KEYS[key] ?? { kind: "string", values: [] };
  const plain = fc.record({
    operator: fc.constantFrom(...OPERATORS_FOR[kind]),
    qualifier: fc.constantFrom("", "", "", "ForAllValues:", "ForAnyValue:"),
    suffix: fc.constantFrom("", "", "IfExists"),
    listed: fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 3 }),
  });
  const compared = plain.map(
    ({ operator, qualifier, suffix, listed }): Block => ({
      [`${qualifier}${operator}${suffix}`]: { [key]: operator === "BinaryEquals" ? listed.map(asBase64) : listed },
    }),
  );
  const absent = fc
    .constantFrom<string | boolean>("true", "false", true, false)
    .map((value): Block => ({ Null: { [key]: value } }));
  return fc.oneof({ weight: 8, arbitrary: compared }, { weight: 1, arbitrary: absent });
}

/** Two conditions in one block, the keys of one operator together. */
function merge(one: Block, other: Block): Json {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return Object.fromEntries(names.map((name) => [name, { ...one[name], ...other[name] }]));
}

function asBase64(text: string): string {
  return /^(?:[A-Za-z0-9]{4})+$/.test(text) ? text : btoa(`${text}..`.slice(0, 3));
}

function withoutLast(text: string): string {
  return [...text].slice(0, -1).join("");
}
