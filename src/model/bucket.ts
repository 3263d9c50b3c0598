/** Buckets, what is configured for them, and how requests name them and their objects. */
import type { BucketLogging } from "./access-logging.ts";
import type { Acl, ObjectOwnership, PublicAccessBlock } from "./acl.ts";
import type { LifecycleConfiguration } from "./lifecycle.ts";
import type { NotificationConfiguration } from "./notification.ts";
import type { Tag } from "./object.ts";
import type { ObjectLockConfiguration } from "./object-lock.ts";
import type { QuotaState } from "./quota.ts";
import type { ReplicationConfiguration } from "./replication.ts";
import type { PolicyUsers } from "./user.ts";
import type { Versioning } from "./version.ts";
import type { Website } from "./website.ts";

/** What may be configured for a bucket, one document of each kind. */
export interface BucketDocumentTypes {
  tagging: readonly Tag[];
  /** JSON text as it was put. */
  policy: string;
  /** The users that the policy names; absent: it names no users. */
  policyUsers: PolicyUsers;
  acl: Acl;
  cors: readonly CorsRule[];
  ownership: ObjectOwnership;
  publicAccessBlock: PublicAccessBlock;
  website: Website;
  notification: NotificationConfiguration;
  replication: ReplicationConfiguration;
  /** For a bucket that was created in a region without storage of its own, or by an old name of a region; for an adopted one. */
  location: BucketLocation;
  encryption: BucketEncryption;
  /** Absent: the bucket was never versioned. */
  versioning: Versioning;
  objectLock: ObjectLockConfiguration;
  lifecycle: LifecycleConfiguration;
  /** Absent: requests are not logged. */
  logging: BucketLogging;
  /** It cannot be enabled. */
  accelerate: "Suspended";
}

export interface BucketLocation {
  /** As clients see it. */
  readonly region: string;
  /** The location constraint, if it is not the region's name. */
  readonly constraint?: string;
}

/** The encryption of new objects whose request names none. */
export interface BucketEncryption {
  /** Absent: R2's own, AES256. */
  readonly algorithm?: "aws:kms";
  /** The key as it was put: its id, ARN, alias or alias's ARN. Absent: the default key of the writer's account. */
  readonly keyName?: string;
  /** Of use only with KMS; it is stored and returned in any case, as on AWS. */
  readonly bucketKeyEnabled: boolean;
}

/** Settings that the deployment gives to every new bucket. */
export type NewBucketSettings = Pick<Partial<BucketDocumentTypes>, "ownership" | "publicAccessBlock">;

export type BucketDocumentKind = keyof BucketDocumentTypes;

/** A bucket row. `id` is new for every bucket of the name, so that nothing written to a deleted bucket can reappear. */
export interface Bucket {
  readonly name: string;
  /** 12 characters of [a-z0-9]; prefix of every entry key. */
  readonly id: string;
  /** Account id of the owner. */
  readonly accountId: string;
  /** Canonical user id of the owner. */
  readonly ownerId: string;
  readonly ownerDisplayName: string;
  /** Selects the R2 binding: a region, or of an adopted bucket the binding's name. Clients see `locationOf`. */
  readonly region: string;
  readonly createdAt: Date;
  /** When the query for the row was sent. */
  readonly readAt: Date;
  /** Whether it was being deleted then: a write to it must check that it still exists. */
  readonly isBeingDeleted: boolean;
  /** Read together with the row, so that authorization and CORS need no further query. */
  readonly documents: Readonly<Partial<BucketDocumentTypes>>;
  /** Absent: neither the bucket nor its account has a quota. */
  readonly quotas?: BucketQuotas;
}

/** The quotas that a write to a bucket must fit in. */
export interface BucketQuotas {
  readonly bucket?: QuotaState;
  /** Of all buckets of the account together. */
  readonly account?: QuotaState;
}

export function locationOf({ region, documents }: Pick<Bucket, "region" | "documents">): BucketLocation {
  return documents.location ?? { region };
}

/** "Amazon Resource Names for S3". */
export function bucketArn(name: string): string {
  return `arn:aws:s3:::${name}`;
}

export type CorsMethod = "GET" | "PUT" | "HEAD" | "POST" | "DELETE";

/** A rule of CORSConfiguration (API_PutBucketCors), of which the first that matches applies. */
export interface CorsRule {
  readonly id?: string;
  /** Each may contain one `*`. */
  readonly allowedOrigins: readonly string[];
  readonly allowedMethods: readonly CorsMethod[];
  /** Each may contain one `*`; compared without case. */
  readonly allowedHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds?: number;
}

/** What a request is about. `key` is the decoded S3 key, exactly as the client meant it. */
export type Resource =
  | { readonly kind: "service" }
  | { readonly kind: "bucket"; readonly bucket: string }
  | { readonly kind: "object"; readonly bucket: string; readonly key: string };

/** How the resource was named, which decides how URLs are written in answers. */
export type AddressingStyle = "path" | "virtual-host";
