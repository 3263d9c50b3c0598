/** Buckets and what is configured for them. */
import type { Acl, ObjectOwnership, PublicAccessBlock } from "./acl.ts";
import type { NotificationConfiguration } from "./notification.ts";
import type { Tag } from "./object.ts";
import type { ReplicationConfiguration } from "./replication.ts";
import type { PolicyUsers } from "./user.ts";
import type { Website } from "./website.ts";

/** What may be configured for a bucket, one document of each kind. */
export interface BucketDocumentTypes {
  tagging: readonly Tag[];
  /** JSON text as it was put. */
  policy: string;
  /** Of the policy; absent: it names none. */
  policyUsers: PolicyUsers;
  acl: Acl;
  cors: readonly CorsRule[];
  ownership: ObjectOwnership;
  publicAccessBlock: PublicAccessBlock;
  website: Website;
  notification: NotificationConfiguration;
  replication: ReplicationConfiguration;
  /** Of a bucket that was asked for in a region that has no storage of its own, or by an old name. */
  location: BucketLocation;
  encryption: BucketEncryption;
  /** Never on. */
  accelerate: "Suspended";
}

export interface BucketLocation {
  /** As clients are told it. */
  readonly region: string;
  /** The location constraint where it is not the region's name. */
  readonly constraint?: string;
}

/** R2 encrypts everything at rest. The flag is about KMS, but kept and given back as on AWS. */
export interface BucketEncryption {
  readonly bucketKeyEnabled: boolean;
}

/** AWS's defaults, or none. */
export type NewBucketSettings = Pick<Partial<BucketDocumentTypes>, "ownership" | "publicAccessBlock">;

export type BucketDocumentKind = keyof BucketDocumentTypes;

/** A bucket row. `id` is new for every incarnation of a name, so nothing written to a deleted bucket can reappear. */
export interface Bucket {
  readonly name: string;
  /** 12 characters of [a-z0-9]; prefix of every entry key. */
  readonly id: string;
  /** Account id of the owner. */
  readonly accountId: string;
  /** Canonical user id of the owner. */
  readonly ownerId: string;
  readonly ownerDisplayName: string;
  /** Picks the R2 binding. Clients are told `locationOf`. */
  readonly region: string;
  readonly createdAt: Date;
  /** Since when what is known here of the bucket has been growing old, in milliseconds since 1970. */
  readonly readAt: number;
  /** Whether somebody was deleting it then: who writes into it must ask whether it is still there. */
  readonly isBeingDeleted: boolean;
  /** As read together with the row: what authorization and CORS need costs no further query. */
  readonly documents: Readonly<Partial<BucketDocumentTypes>>;
}

export function locationOf({ region, documents }: Pick<Bucket, "region" | "documents">): BucketLocation {
  return documents.location ?? { region };
}

/** "Amazon Resource Names for S3". */
export function bucketArn(name: string): string {
  return `arn:aws:s3:::${name}`;
}

export type CorsMethod = "GET" | "PUT" | "HEAD" | "POST" | "DELETE";

/** CORSConfiguration (API_PutBucketCors): the first rule that fits decides. */
export interface CorsRule {
  readonly id?: string;
  /** Each may hold one `*`. */
  readonly allowedOrigins: readonly string[];
  readonly allowedMethods: readonly CorsMethod[];
  /** Each may hold one `*`; compared without case. */
  readonly allowedHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds?: number;
}
