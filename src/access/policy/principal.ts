/**
 * Principal and NotPrincipal: parsing, matching, and the stored ids of named users (IAM User Guide, "AWS JSON policy
 * elements: Principal").
 */
import { S3Error } from "../../errors.ts";
import type { FoundPrincipals, NamedPrincipals, PolicyUsers } from "../../model/user.ts";
import { asRecord, asStrings, parseStrictJson } from "./json.ts";

/** The sender of a request, as policies see it. */
export type RequestPrincipal =
  | { readonly kind: "anonymous" }
  | {
      readonly kind: "account";
      /** 12 decimal digits. */
      readonly accountId: string;
      /** 64 lower-case hex digits. */
      readonly canonicalId: string;
      /** Absent for the account itself, with one of its root keys. */
      readonly user?: { readonly id: string; readonly name: string; readonly arn: string };
      /** For a session created by GetFederationToken. */
      readonly federatedUserName?: string;
      /** For every session. */
      readonly sessionIssuedAt?: Date;
    };

/** S3 itself, which notifies a topic about events of a bucket, and delivers access logs. */
export interface ServicePrincipal {
  readonly kind: "service";
  readonly name: "s3.amazonaws.com" | "logging.s3.amazonaws.com";
}

/** Who acts, as policies see it: the sender of a request, or S3 itself. */
export type PolicyPrincipal = RequestPrincipal | ServicePrincipal;

export interface Principals {
  /** NotPrincipal. */
  readonly negated: boolean;
  readonly everyone: boolean;
  readonly accountIds: ReadonlySet<string>;
  readonly canonicalIds: ReadonlySet<string>;
  /** By the names that the policy uses. */
  readonly userNames: ReadonlySet<string>;
  readonly userIds: ReadonlySet<string>;
  /** Only S3 acts here, on topics and on buckets for logs: other services may be named, without effect. */
  readonly services: ReadonlySet<string>;
}

/**
 * How a statement names a caller. `account` means that it names only the account. For a user of the account this
 * delegates rather than grants ("Policy evaluation logic": the user's own policies must allow it too).
 */
export type PrincipalMatch = "user" | "everyone" | "account";

const ACCOUNT = /^(?:arn:aws:iam::)?(\d{12})(?::root)?$/;
const USER = /^(?:arn:aws:iam::\d{12}:user\/[\w+=,.@/-]{1,576}|AIDA[A-Z2-7]{17})$/;
/**
 * No caller here. Published policies of static sites name it together with others ("Restricting access to an S3
 * origin").
 */
const CLOUDFRONT_IDENTITY = /^arn:aws:iam::cloudfront:user\/CloudFront Origin Access Identity [A-Z0-9]{1,64}$/;
/** CloudFront's identities have 64 or 96 digits. */
const CANONICAL_ID = /^[0-9a-f]{64}(?:[0-9a-f]{32})?$/;
const SERVICE = /^[a-z0-9][a-z0-9.-]{0,200}\.(?:amazonaws|aws)(?:\.com)?$/;

/**
 * `resolvePrincipals` checks whether the accounts and users exist.
 * @throws S3Error `MalformedPolicy` for an invalid principal, and for kinds that do not exist here (roles, federated
 *   identity providers)
 */
export function parsePrincipals(value: unknown, negated: boolean, users: PolicyUsers): Principals {
  const principals = {
    negated,
    everyone: false,
    accountIds: new Set<string>(),
    canonicalIds: new Set<string>(),
    userNames: new Set<string>(),
    userIds: new Set<string>(),
    services: new Set<string>(),
  };
  if (value === "*") return { ...principals, everyone: true };
  const record = asRecord(value);
  if (record === undefined || Object.keys(record).length === 0) throw invalidPrincipal("*", String(value));
  for (const [kind, listed] of Object.entries(record)) {
    const names = asStrings(listed);
    if (names === undefined || names.length === 0) throw invalidPrincipal(kind, String(listed));
    for (const name of names) {
      const account = ACCOUNT.exec(name)?.[1];
      if (kind === "AWS" && name === "*") principals.everyone = true;
      else if (kind === "AWS" && account !== undefined && (name === account || name.startsWith("arn:"))) {
        principals.accountIds.add(account);
      } else if (kind === "AWS" && USER.test(name)) {
        principals.userNames.add(name);
        const id = users[name];
        if (id !== undefined) principals.userIds.add(id);
      } else if (kind === "AWS" && CLOUDFRONT_IDENTITY.test(name)) continue;
      else if (kind === "CanonicalUser" && CANONICAL_ID.test(name)) principals.canonicalIds.add(name);
      else if (kind === "Service" && SERVICE.test(name)) principals.services.add(name);
      else throw invalidPrincipal(kind, name);
    }
  }
  return principals;
}

/** Undefined if the statement does not apply to this caller. */
export function matchesPrincipal(principals: Principals, caller: PolicyPrincipal): PrincipalMatch | undefined {
  if (principals.negated) return isExcepted(principals, caller) ? undefined : "everyone";
  if (caller.kind === "account" && caller.user !== undefined && principals.userIds.has(caller.user.id)) return "user";
  if (caller.kind === "service" && principals.services.has(caller.name)) return "user";
  // Includes services: AWS's older examples let S3 publish by `"AWS": "*"` and aws:SourceArn.
  if (principals.everyone) return "everyone";
  return isAccountNamed(principals, caller) ? "account" : undefined;
}

/**
 * The callers that NotPrincipal excludes are exactly those it names. An account excludes its root keys but not its
 * users ("AWS JSON policy elements: NotPrincipal": user and account must both be listed, and the account's other users
 * stay denied).
 */
function isExcepted(principals: Principals, caller: PolicyPrincipal): boolean {
  if (principals.everyone) return true;
  if (caller.kind === "service") return principals.services.has(caller.name);
  if (caller.kind === "account" && caller.user !== undefined) return principals.userIds.has(caller.user.id);
  return isAccountNamed(principals, caller);
}

function isAccountNamed({ accountIds, canonicalIds }: Principals, caller: PolicyPrincipal): boolean {
  return caller.kind === "account" && (accountIds.has(caller.accountId) || canonicalIds.has(caller.canonicalId));
}

/** @param kind as in the policy: `AWS` */
function invalidPrincipal(kind: string, name: string): S3Error {
  return new S3Error("MalformedPolicy", {
    message: "Invalid principal in policy",
    details: { Detail: `"${kind}" : "${name}"`.slice(0, 300) },
  });
}

/** The part of a policy that names principals. */
interface Naming {
  readonly statements: readonly { readonly principals: Principals | undefined }[];
}

/** The accounts and users that a policy names. */
export function namedPrincipals({ statements }: Naming): NamedPrincipals {
  return {
    accountIds: new Set(statements.flatMap(({ principals }) => [...(principals?.accountIds ?? [])])),
    userNames: new Set(statements.flatMap(({ principals }) => [...(principals?.userNames ?? [])])),
  };
}

/**
 * The unique ids of the users that a policy names, which are stored with it ("AWS JSON policy elements: Principal").
 * @param before the previous policy, if this one is an edited version: its principals keep their meaning, even if they
 *   no longer exist
 * @throws S3Error `MalformedPolicy` for a principal that does not exist
 */
export function resolvePrincipals(
  policy: Naming,
  found: FoundPrincipals,
  before?: { readonly policy: Naming; readonly users: PolicyUsers },
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
 * The text of a policy with the current ARNs of its users.
 * @param arns by id, for users that still exist; other users are shown by their id
 */
export function showPolicy(text: string, users: PolicyUsers, arns: ReadonlyMap<string, string>): string {
  const shown = new Map(Object.entries(users).map(([name, id]) => [name, arns.get(id) ?? id]));
  // The text stays byte for byte as it was put while all names are current.
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
