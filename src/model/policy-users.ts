/**
 * Unique ids of the users that a policy names as principals, by what it calls them: an ARN, or the id itself. A policy goes
 * on meaning those it meant when it was put, whatever they are called now and whoever comes to be called like them ("AWS
 * JSON policy elements: Principal", IAM User Guide). A user it names that is not here is nobody.
 */
export type PolicyUsers = Readonly<Record<string, string>>;

/** The accounts and users that a policy names. */
export interface NamedPrincipals {
  readonly accountIds: ReadonlySet<string>;
  /** ARNs and ids. */
  readonly userNames: ReadonlySet<string>;
}

/** Those among them that exist. */
export interface FoundPrincipals {
  readonly accountIds: ReadonlySet<string>;
  readonly users: PolicyUsers;
}
