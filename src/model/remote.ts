/** An S3 endpoint outside this deployment, registered by an administrator as a place to replicate to. */
export interface Remote {
  /** Lower-case letters, digits and hyphens; part of the ARNs of its buckets. */
  readonly name: string;
  /** `https://host` or `https://host:port`, buckets being the first part of the path. */
  readonly endpoint: string;
  /** Region its signatures are made for. */
  readonly region: string;
  /** `peer`: another workers-s3, which keeps Last-Modified and decides by it. `s3`: anything else that speaks S3. */
  readonly kind: "peer" | "s3";
  readonly accessKeyId: string;
  /** Accounts whose buckets may be replicated there. */
  readonly accountIds: readonly string[];
  /** Names of its buckets that may be replicated to; absent: all. */
  readonly buckets?: readonly string[];
}

export interface RemoteDescription extends Remote {
  readonly createdAt: Date;
}

export interface RemoteCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}
