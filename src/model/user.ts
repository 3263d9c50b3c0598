/** IAM users: as they are managed, and as policies name them. */

/** An IAM user as it is managed. Its permissions as a caller are in `caller.ts`. */
export interface UserRecord {
  /** `AIDA…` */
  readonly id: string;
  readonly accountId: string;
  /** Unique in its account without regard to case; looked up with regard to it. */
  readonly name: string;
  /** Begins and ends with `/`. */
  readonly path: string;
  readonly arn: string;
  readonly createdAt: Date;
}

export interface UserKey {
  readonly accessKeyId: string;
  readonly status: "Active" | "Inactive";
  readonly createdAt: Date;
}

/** Accurate to some minutes; undefined for a key that was never used. */
export interface KeyUse {
  readonly usedAt: Date;
  readonly region: string;
  readonly service: string;
}

/**
 * Unique ids of the users that a policy names as principals, by the name in the policy: an ARN, or the id itself. A policy
 * keeps meaning the users that it meant when it was put, even if they are renamed or other users get their names ("AWS JSON
 * policy elements: Principal", IAM User Guide). A name that is absent here matches no user.
 */
export type PolicyUsers = Readonly<Record<string, string>>;

/** The accounts and users that a policy names. */
export interface NamedPrincipals {
  readonly accountIds: ReadonlySet<string>;
  /** ARNs and ids. */
  readonly userNames: ReadonlySet<string>;
}

/** The named accounts and users that exist. */
export interface FoundPrincipals {
  readonly accountIds: ReadonlySet<string>;
  readonly users: PolicyUsers;
}
