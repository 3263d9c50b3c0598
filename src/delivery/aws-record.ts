/**
 * Messages to topics and queues: S3's event records ("Event message structure") and its test event ("Configuring SNS
 * notifications"). The fields of each event are those that AWS was seen to send.
 */
import { makesDeleteMarker, type ObjectChange, type ObjectEvent, S3_ITSELF } from "../model/event.ts";
import { NULL_VERSION_ID } from "../model/version.ts";
import { urlEncode } from "../protocol/percent-encoding.ts";
import { hostId } from "../response.ts";
import type { Event, TestEvent } from "../storage/journal/messages.ts";

/** The body of a queue's message. */
export function awsMessage(event: Event | TestEvent): object {
  return "test" in event ? testEvent(event) : { Records: [awsRecord(event)] };
}

/** The same as text: the `Message` of an SNS message. */
export function formatAwsMessage(event: Event | TestEvent): string {
  return JSON.stringify(awsMessage(event));
}

/** "When you configure an event notification, Amazon S3 sends the following test message". */
function testEvent({ test }: TestEvent) {
  return {
    Service: "Amazon S3",
    Event: "s3:TestEvent",
    Time: new Date(test.time).toISOString(),
    Bucket: test.bucket.name,
    RequestId: test.requestId,
    HostId: hostId(test.requestId),
  };
}

function awsRecord({ origin, change, configurationId }: Event) {
  const { bucket } = origin;
  return {
    eventVersion: eventVersion(change.event),
    eventSource: "aws:s3",
    awsRegion: bucket.location ?? bucket.region,
    eventTime: new Date(origin.time).toISOString(),
    eventName: change.event,
    userIdentity: { principalId: awsPrincipal(origin.principalId) },
    requestParameters: { sourceIPAddress: origin.sourceIp },
    responseElements: { "x-amz-request-id": origin.requestId, "x-amz-id-2": hostId(origin.requestId) },
    s3: {
      s3SchemaVersion: "1.0",
      configurationId,
      bucket: {
        name: bucket.name,
        ownerIdentity: { principalId: bucket.ownerId },
        arn: `arn:aws:s3:::${bucket.name}`,
      },
      object: awsObject(change),
    },
    ...(change.event === "LifecycleTransition" && { lifecycleEventData: TRANSITION }),
  };
}

/** Objects are moved to no other class ("Event message structure", `lifecycleEventData`). */
const TRANSITION = { transitionEventData: { destinationStorageClass: "STANDARD_IA" } };

/** The ETag that AWS was seen to send for a delete marker: the MD5 of nothing. */
const ETAG_OF_MARKER = "d41d8cd98f00b204e9800998ecf8427e";
/** "notifications from events that create objects (PUTs) and delete objects contain a sequencer". */
const HAS_SEQUENCER = /^(ObjectCreated|ObjectRemoved|LifecycleExpiration):/;

function awsObject({ event, key, sizeBytes, etag: stored, versionId, sequencer }: ObjectChange) {
  const hasSize = event.startsWith("ObjectCreated:") && sizeBytes !== undefined;
  const etag = makesDeleteMarker(event) ? ETAG_OF_MARKER : stored;
  return {
    // "The object keyname value is URL encoded": `red flower.jpg` is `red+flower.jpg`.
    key: urlEncode(key),
    ...(hasSize && { size: sizeBytes }),
    ...(etag !== undefined && { eTag: etag }),
    // AWS was seen to send none for the null version.
    ...(versionId !== undefined && versionId !== NULL_VERSION_ID && { versionId }),
    ...(HAS_SEQUENCER.test(event) && { sequencer }),
  };
}

/** 2.2 "for cross-Region replication", 2.3 "for S3 Lifecycle, […] object ACL, object tagging", 2.1 "for all other". */
function eventVersion(event: ObjectEvent): string {
  if (event.startsWith("Replication:")) return "2.2";
  return /^(ObjectTagging|ObjectAcl|Lifecycle)/.test(event) ? "2.3" : "2.1";
}

function awsPrincipal(id: string): string {
  return id === "Anonymous" || id === S3_ITSELF ? id : `AWS:${id}`;
}
