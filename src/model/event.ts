/** Changes of objects, as notifications and replication receive them. */

/** Event names (S3 "Supported event types for SQS, SNS, and Lambda") without the `s3:` that configurations put in front. */
export const OBJECT_EVENTS = [
  "ObjectCreated:Put",
  "ObjectCreated:Post",
  "ObjectCreated:Copy",
  "ObjectCreated:CompleteMultipartUpload",
  "ObjectRemoved:Delete",
  "ObjectTagging:Put",
  "ObjectTagging:Delete",
  "ObjectAcl:Put",
  "Replication:OperationFailedReplication",
] as const;

export type ObjectEvent = (typeof OBJECT_EVENTS)[number];

/** The request that caused a change. Plain data, for messages and rows. */
export interface ChangeOrigin {
  readonly bucket: EventBucket;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Unique id of the user or account that made the request; `Anonymous` for an anonymous one. */
  readonly principalId: string;
  /** Client address, if the platform provides it. */
  readonly sourceIp: string;
  readonly requestId: string;
  /** Scheme and host under which the deployment was reached, without the bucket. */
  readonly endpoint: string;
  /** `x-oss-callback-*` parameters without the prefix, in order of appearance. */
  readonly callbackVariables: Readonly<Record<string, readonly string[]>>;
}

/** The bucket as it was when the change was made. */
export interface EventBucket {
  readonly name: string;
  readonly id: string;
  readonly region: string;
  readonly accountId: string;
  /** Canonical user id. */
  readonly ownerId: string;
}

/** One change of one object. */
export interface ObjectChange {
  readonly key: string;
  readonly event: ObjectEvent;
  /** Of the entry that the write made; absent for removals. */
  readonly writeId?: string;
  /** Without quotes; absent for removals. */
  readonly etag?: string;
  /** Absent for removals. */
  readonly sizeBytes?: number;
  /** When the change took effect, milliseconds since 1970. */
  readonly at: number;
  /** Hexadecimal, of a fixed length: the later of two changes of a key has the greater one ("Event message structure"). */
  readonly sequencer: string;
}
