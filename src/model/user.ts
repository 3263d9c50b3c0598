/** An IAM user as it is managed. What it is allowed to do as a caller stands in `caller.ts`. */
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
