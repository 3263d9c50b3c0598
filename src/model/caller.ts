/** Who is asking, as established by `auth/authenticate.ts` and by nothing else. */
export type Caller =
  | { readonly kind: "anonymous" }
  | {
      readonly kind: "account";
      readonly account: Account;
      readonly accessKeyId: string;
    };

/** A tenant: owns buckets, keys and (later) users. */
export interface Account {
  /** 12 decimal digits. */
  readonly id: string;
  /** Canonical user id, 64 lower-case hex digits; the `ID` of owners and grantees. */
  readonly canonicalId: string;
  readonly displayName: string;
  /** The account of the deployment's root keys; it alone may use the admin API. */
  readonly isRoot: boolean;
}

/** An access key as the authenticator needs it. The secret never leaves `auth`. */
export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly account: Account;
  readonly active: boolean;
}

/** The one question authentication asks of storage. */
export type FindCredential = (accessKeyId: string) => Promise<Credential | undefined>;
