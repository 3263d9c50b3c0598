/** Changes of objects, as notifications and replication receive them. */

/** Event names (S3 "Supported event types for SQS, SNS, and Lambda") without the `s3:` that configurations put in front. */
export const OBJECT_EVENTS = [
  "ObjectCreated:Put",
  "ObjectCreated:Post",
  "ObjectCreated:Copy",
  "ObjectCreated:CompleteMultipartUpload",
  "ObjectRemoved:Delete",
  "ObjectRemoved:DeleteMarkerCreated",
  "ObjectTagging:Put",
  "ObjectTagging:Delete",
  "ObjectAcl:Put",
  "LifecycleExpiration:Delete",
  "LifecycleExpiration:DeleteMarkerCreated",
  "LifecycleTransition",
  "Replication:OperationFailedReplication",
] as const;

/**
 * S3 has no event for a changed retention or legal hold: such a change is only replicated. A change of annotations or of the
 * encryption is neither reported nor replicated.
 */
export type ObjectEvent = (typeof OBJECT_EVENTS)[number] | "ObjectLock:Put" | UnreportedChange;

type UnreportedChange = "ObjectAnnotation" | "ObjectEncryption";

/** Who changes objects by a lifecycle rule, and from where ("Configuring S3 Lifecycle event notifications"). */
export const S3_ITSELF = "s3.amazonaws.com";

/** What a removal asks for. */
export interface RemovalRequest {
  /** Whether the bucket is or was versioned. */
  readonly isVersioned: boolean;
  /** Absent: the current version. */
  readonly versionId?: string | undefined;
  /** A lifecycle rule removes it, not a request. */
  readonly isExpiration?: boolean;
}

/**
 * The event of a removal. One that names no version makes a delete marker in a bucket that is or was versioned; one that
 * names a delete marker removes it as any other version.
 */
export function removalEvent({ isVersioned, versionId, isExpiration = false }: RemovalRequest): ObjectEvent {
  const makesMarker = isVersioned && versionId === undefined;
  if (isExpiration) return makesMarker ? "LifecycleExpiration:DeleteMarkerCreated" : "LifecycleExpiration:Delete";
  return makesMarker ? "ObjectRemoved:DeleteMarkerCreated" : "ObjectRemoved:Delete";
}

export function makesDeleteMarker(event: ObjectEvent): boolean {
  return event.endsWith(":DeleteMarkerCreated");
}

/** Whether the event is about an object or a version that is gone, with nothing in its place. */
export function leavesNothing(event: ObjectEvent): boolean {
  return event === "ObjectRemoved:Delete" || event === "LifecycleExpiration:Delete";
}

/** The request that caused a change. Plain data, for messages and rows. */
export interface ChangeOrigin {
  readonly bucket: EventBucket;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Unique id of the user or account that made the request; `Anonymous` for an anonymous one; `S3_ITSELF` for none. */
  readonly principalId: string;
  /** Client address, if the platform provides it; `S3_ITSELF` without a client. */
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
  /** Selects the R2 binding. */
  readonly region: string;
  /** As clients see it, if that is another one. */
  readonly location?: string;
  readonly accountId: string;
  /** Canonical user id. */
  readonly ownerId: string;
}

/** One change of one object. */
export interface ObjectChange {
  readonly key: string;
  readonly event: ObjectEvent;
  /**
   * Of the version that was written, changed or removed, or of the delete marker that was made; absent in a bucket that was
   * never versioned.
   */
  readonly versionId?: string;
  /** What the write left in the entry, the version's record or its stub; absent for a removal that leaves nothing. */
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
