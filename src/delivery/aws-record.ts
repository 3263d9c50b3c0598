/**
 * Messages to topics and queues: S3's event records ("Event message structure") and its test event ("Configuring SNS
 * notifications"). The fields of each event are those that AWS was seen to send.
 */
import type { ObjectEvent } from "../model/event.ts";
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
  const hasSize = change.event.startsWith("ObjectCreated:") && change.sizeBytes !== undefined;
  return {
    eventVersion: eventVersion(change.event),
    eventSource: "aws:s3",
    awsRegion: bucket.region,
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
      object: {
        // "The object keyname value is URL encoded": `red flower.jpg` is `red+flower.jpg`.
        key: urlEncode(change.key),
        ...(hasSize && { size: change.sizeBytes }),
        ...(change.etag !== undefined && { eTag: change.etag }),
        // "notifications from events that create objects (PUTs) and delete objects contain a sequencer".
        ...(/^Object(Created|Removed):/.test(change.event) && { sequencer: change.sequencer }),
      },
    },
  };
}

/** 2.2 "for cross-Region replication", 2.3 for "object ACL, object tagging", 2.1 "for all other". */
function eventVersion(event: ObjectEvent): string {
  if (event.startsWith("Replication:")) return "2.2";
  return event.startsWith("ObjectTagging:") || event.startsWith("ObjectAcl:") ? "2.3" : "2.1";
}

function awsPrincipal(id: string): string {
  return id === "Anonymous" ? id : `AWS:${id}`;
}
