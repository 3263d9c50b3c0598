/** Bucket policies of the histories, and their evaluation: an explicit Deny, then an Allow, else nothing. */
import type { CallerName } from "./commands.ts";

export interface Statement {
  readonly effect: "Allow" | "Deny";
  readonly principal: "*" | CallerName;
  readonly actions: readonly string[];
  /** What follows the bucket's ARN: empty for the bucket itself. `*` matches any text. */
  readonly resources: readonly string[];
}

export type Policy = readonly Statement[];

const READS = ["s3:GetObject", "s3:GetObjectVersion"];
const LISTS = ["s3:ListBucket", "s3:ListBucketVersions"];

export const POLICIES: readonly Policy[] = [
  [{ effect: "Allow", principal: "*", actions: READS, resources: ["/*"] }],
  [{ effect: "Allow", principal: "other", actions: ["s3:*"], resources: ["", "/*"] }],
  [
    { effect: "Allow", principal: "other", actions: ["s3:PutObject*", ...READS, ...LISTS], resources: ["", "/*"] },
    { effect: "Deny", principal: "*", actions: ["s3:DeleteObject", "s3:DeleteObjectVersion"], resources: ["/*"] },
  ],
  [{ effect: "Allow", principal: "*", actions: LISTS, resources: [""] }],
  [
    { effect: "Allow", principal: "*", actions: [...READS, "s3:GetObjectTagging"], resources: ["/a*"] },
    { effect: "Deny", principal: "other", actions: READS, resources: ["/a/b*"] },
  ],
];

/** @param key undefined for the bucket itself */
export function policyEffect(
  policy: Policy | undefined,
  { caller, action, key }: { readonly caller: CallerName; readonly action: string; readonly key: string | undefined },
): "allow" | "deny" | "none" {
  const resource = key === undefined ? "" : `/${key}`;
  const effects = (policy ?? [])
    .filter(
      ({ principal, actions, resources }) =>
        (principal === "*" || principal === caller) &&
        actions.some((pattern) => matches(pattern, action)) &&
        resources.some((pattern) => matches(pattern, resource)),
    )
    .map(({ effect }) => effect);
  if (effects.includes("Deny")) return "deny";
  return effects.includes("Allow") ? "allow" : "none";
}

/** Patterns here have one `*`, at their end. */
function matches(pattern: string, text: string): boolean {
  return pattern.endsWith("*") ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

/** @param accounts the account ids by which the document names callers */
export function policyDocument(policy: Policy, bucket: string, accounts: Readonly<Record<CallerName, string>>): string {
  const statements = policy.map(({ effect, principal, actions, resources }) => ({
    Effect: effect,
    Principal: principal === "*" ? "*" : { AWS: `arn:aws:iam::${accounts[principal]}:root` },
    Action: actions,
    Resource: resources.map((resource) => `arn:aws:s3:::${bucket}${resource}`),
  }));
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}
