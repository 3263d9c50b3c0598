/** The caller of a request, as established by `auth/authenticate.ts` only. */
export type Caller = { readonly kind: "anonymous" } | AccountCaller;

/**
 * Without `user` and `session` the caller holds a root key of its account. Every decision must consider both: a user
 * may do what its policies allow, and a session only what both its maker and its own policy allow.
 */
export interface AccountCaller {
  readonly kind: "account";
  readonly account: Account;
  readonly accessKeyId: string;
  readonly user?: User;
  readonly session?: Session;
}

/** A tenant: owns buckets, users and keys. */
export interface Account {
  /** 12 decimal digits. */
  readonly id: string;
  /** Canonical user id, 64 lower-case hex digits; the `ID` of owners and grantees. */
  readonly canonicalId: string;
  readonly displayName: string;
  /** The account of the deployment's root keys, the only one that may use the admin API. */
  readonly isRoot: boolean;
}

/** Canonical id of all anonymous callers, the same as AWS's; no account's id has this form. */
export const ANONYMOUS_ID = "65a011a29cdf8ec533ec3d1ccaae921c";

/** An IAM user of an account, with all its inline policies. */
export interface User {
  /** `AIDA…`; unlike the name, it is never used again. */
  readonly id: string;
  readonly name: string;
  /** Begins and ends with `/`. */
  readonly path: string;
  /** `arn:aws:iam::<account id>:user<path><name>` */
  readonly arn: string;
  /** Policy documents as they were put, JSON text. */
  readonly policies: readonly string[];
}

/** Temporary credentials of STS, made by the key of an account or a user, whose permissions limit theirs. */
export interface Session {
  /** Session policy, JSON text: what it does not allow is denied. Undefined: everything the maker may do. */
  readonly policy?: string;
  readonly expiresAt: Date;
  readonly issuedAt: Date;
  /** Name of the federated user (GetFederationToken). */
  readonly name?: string;
  /** The long-term key that made the session. */
  readonly makerAccessKeyId: string;
}

/** An access key with its secret, which never leaves `auth`. */
export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly account: Account;
  readonly active: boolean;
  readonly user?: User;
  /** With the token that proves the session; a request must have this very token. */
  readonly session?: Session & { readonly token: string };
}

/**
 * The only query that authentication makes to storage. Undefined for an unknown key, and for a token that does not belong to
 * the key: temporary keys are known only together with their token.
 */
export type FindCredential = (accessKeyId: string, sessionToken: string | undefined) => Promise<Credential | undefined>;

/** ARN of an IAM user ("IAM identifiers"). */
export function userArn(accountId: string, path: string, name: string): string {
  return `arn:aws:iam::${accountId}:user${path}${name}`;
}
