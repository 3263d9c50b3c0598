/**
 * The accounts and users that a policy names: whether there are any, who they are for good, and what they are called now
 * ("AWS JSON policy elements: Principal": what is stored is the unique id, which is shown once its user is gone).
 */
import type { FoundPrincipals, NamedPrincipals, PolicyUsers } from "../../model/policy-users.ts";
import type { PolicyDocument } from "./document.ts";
import { asRecord, parseStrictJson } from "./json.ts";
import { invalidPrincipal } from "./principal.ts";

export function namedPrincipals({ statements }: PolicyDocument): NamedPrincipals {
  return {
    accountIds: new Set(statements.flatMap(({ principals }) => [...(principals?.accountIds ?? [])])),
    userNames: new Set(statements.flatMap(({ principals }) => [...(principals?.userNames ?? [])])),
  };
}

/**
 * @param before what the policy is made of, if it is an edited one: whom that meant it still means, be they gone
 * @throws S3Error `MalformedPolicy` for one that does not exist
 */
export function resolvePrincipals(
  policy: PolicyDocument,
  found: FoundPrincipals,
  before?: { readonly policy: PolicyDocument; readonly users: PolicyUsers },
): PolicyUsers {
  const { accountIds, userNames } = namedPrincipals(policy);
  const kept = before === undefined ? undefined : namedPrincipals(before.policy);
  for (const id of accountIds) {
    if (!found.accountIds.has(id) && !kept?.accountIds.has(id)) throw invalidPrincipal("AWS", id);
  }
  const users: [name: string, id: string][] = [];
  for (const name of userNames) {
    const isKept = kept?.userNames.has(name) === true;
    const id = isKept ? before?.users[name] : found.users[name];
    if (id !== undefined) users.push([name, id]);
    else if (!isKept) throw invalidPrincipal("AWS", name);
  }
  return Object.fromEntries(users);
}

/**
 * The text of a policy with its users as they are called now.
 * @param arns by id, of those that still exist
 */
export function showPolicy(text: string, users: PolicyUsers, arns: ReadonlyMap<string, string>): string {
  const shown = new Map(Object.entries(users).map(([name, id]) => [name, arns.get(id) ?? id]));
  // Byte for byte what was put, as long as that is still right.
  if ([...shown].every(([name, current]) => name === current)) return text;
  const document = asRecord(parseStrictJson(text)?.value);
  if (document === undefined) return text;
  const { Statement: listed } = document;
  const show = (statement: unknown) => showStatement(statement, shown);
  return JSON.stringify({ ...document, Statement: Array.isArray(listed) ? listed.map(show) : show(listed) });
}

function showStatement(statement: unknown, shown: ReadonlyMap<string, string>): unknown {
  const fields = asRecord(statement);
  if (fields === undefined) return statement;
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      const principals = name === "Principal" || name === "NotPrincipal" ? asRecord(value) : undefined;
      if (principals?.AWS === undefined) return [name, value];
      const show = (principal: unknown) =>
        typeof principal === "string" ? (shown.get(principal) ?? principal) : principal;
      const { AWS: listed } = principals;
      return [name, { ...principals, AWS: Array.isArray(listed) ? listed.map(show) : show(listed) }];
    }),
  );
}
