import { describe, expect, it } from "vitest";
import { formatAwsMessage } from "../../../src/delivery/aws-record.ts";
import { formatCallbackMessage } from "../../../src/delivery/callbacks.ts";
import { type ChangeOrigin, type ObjectChange, S3_ITSELF } from "../../../src/model/event.ts";
import type { Event } from "../../../src/storage/journal/messages.ts";

const ORIGIN: ChangeOrigin = {
  bucket: { name: "demo-b", id: "abcdefghijkl", region: "cn-north-1", accountId: "000000000001", ownerId: "0a1b" },
  time: Date.parse("2032-02-03T04:05:06.789Z"),
  principalId: "AIDAUSER",
  sourceIp: "203.0.113.9",
  requestId: "0123456789ABCDEF",
  endpoint: "http://s3.localhost:8787",
  callbackVariables: {},
};
const CHANGE: ObjectChange = {
  key: "pic/red flower+日.png",
  event: "ObjectCreated:Put",
  writeId: "w",
  etag: "d41d8cd98f00b204e9800998ecf8427e",
  sizeBytes: 0,
  at: 1_800_000_000_000,
  sequencer: "00000000000A0001",
};
const event = (change: Partial<ObjectChange> = {}, origin: Partial<ChangeOrigin> = {}): Event => ({
  origin: { ...ORIGIN, ...origin },
  change: { ...CHANGE, ...change },
  configurationId: "new-pictures",
});
const removal = (name: ObjectChange["event"]): Event => ({
  ...event(),
  change: { key: "a", event: name, at: 1_800_000_000_000, sequencer: "00000000000A0002" },
});
const recordOf = (message: Event) => JSON.parse(formatAwsMessage(message)).Records[0];

describe("formatAwsMessage", () => {
  it("writes S3's record of an event, field by field", () => {
    expect(JSON.parse(formatAwsMessage(event()))).toEqual({
      Records: [
        {
          eventVersion: "2.1",
          eventSource: "aws:s3",
          awsRegion: "cn-north-1",
          eventTime: "2032-02-03T04:05:06.789Z",
          eventName: "ObjectCreated:Put",
          userIdentity: { principalId: "AWS:AIDAUSER" },
          requestParameters: { sourceIPAddress: "203.0.113.9" },
          responseElements: { "x-amz-request-id": "0123456789ABCDEF", "x-amz-id-2": expect.stringMatching(/./) },
          s3: {
            s3SchemaVersion: "1.0",
            configurationId: "new-pictures",
            bucket: { name: "demo-b", ownerIdentity: { principalId: "0a1b" }, arn: "arn:aws:s3:::demo-b" },
            object: {
              key: "pic/red+flower%2B%E6%97%A5.png",
              size: 0,
              eTag: "d41d8cd98f00b204e9800998ecf8427e",
              sequencer: "00000000000A0001",
            },
          },
        },
      ],
    });
  });

  // LocalStack's recordings of AWS: test_delete_objects, test_object_put_acl, test_object_tagging_put_event.
  it("writes no size and no ETag for a removal", () => {
    expect(recordOf(removal("ObjectRemoved:Delete"))).toMatchObject({
      eventVersion: "2.1",
      eventName: "ObjectRemoved:Delete",
      s3: { object: { key: "a", sequencer: "00000000000A0002" } },
    });
    expect(Object.keys(recordOf(removal("ObjectRemoved:Delete")).s3.object)).toEqual(["key", "sequencer"]);
  });

  // LocalStack's recording of AWS: test_object_created_put_versioned.
  it("names the version, except the null version", () => {
    const objectOf = (change: Partial<ObjectChange>) =>
      recordOf({ ...event(), change: { ...CHANGE, ...change } }).s3.object;
    expect(Object.keys(objectOf({ versionId: "v1" }))).toEqual(["key", "size", "eTag", "versionId", "sequencer"]);
    expect(objectOf({ versionId: "v1" }).versionId).toBe("v1");
    expect(objectOf({ versionId: "null" })).not.toHaveProperty("versionId");
    const { change } = removal("ObjectRemoved:Delete");
    const removed = recordOf({ ...event(), change: { ...change, versionId: "v1" } });
    expect(removed.s3.object).toEqual({ key: "a", versionId: "v1", sequencer: "00000000000A0002" });
  });

  it("writes the ETag of no content for a delete marker", () => {
    const { change } = removal("ObjectRemoved:DeleteMarkerCreated");
    expect(recordOf({ ...event(), change: { ...change, versionId: "v2" } })).toMatchObject({
      eventVersion: "2.1",
      eventName: "ObjectRemoved:DeleteMarkerCreated",
      s3: {
        object: { key: "a", eTag: "d41d8cd98f00b204e9800998ecf8427e", versionId: "v2", sequencer: "00000000000A0002" },
      },
    });
  });

  // "Configuring S3 Lifecycle event notifications" shows such a record.
  it("of a lifecycle rule is of version 2.3 and names S3 as its cause", () => {
    const origin = { ...ORIGIN, principalId: S3_ITSELF, sourceIp: S3_ITSELF };
    const expired = recordOf({ ...removal("LifecycleExpiration:Delete"), origin });
    expect(expired).toMatchObject({
      eventVersion: "2.3",
      eventName: "LifecycleExpiration:Delete",
      userIdentity: { principalId: "s3.amazonaws.com" },
      requestParameters: { sourceIPAddress: "s3.amazonaws.com" },
      s3: { object: { key: "a", sequencer: "00000000000A0002" } },
    });
    expect(expired).not.toHaveProperty("lifecycleEventData");
    const moved = recordOf(event({ event: "LifecycleTransition" }));
    expect(moved.lifecycleEventData).toEqual({ transitionEventData: { destinationStorageClass: "STANDARD_IA" } });
    expect(Object.keys(moved.s3.object)).toEqual(["key", "eTag"]);
  });

  it.each(["ObjectTagging:Put", "ObjectTagging:Delete", "ObjectAcl:Put"] as const)(
    "for %s is of version 2.3, without size and sequencer",
    (name) => {
      const record = recordOf(event({ event: name }));
      expect(record.eventVersion).toBe("2.3");
      expect(Object.keys(record.s3.object)).toEqual(["key", "eTag"]);
    },
  );

  it("writes version 2.2 for a replication event", () => {
    expect(recordOf(event({ event: "Replication:OperationFailedReplication" })).eventVersion).toBe("2.2");
  });

  it("writes Anonymous for an anonymous request", () => {
    const record = recordOf(event({}, { principalId: "Anonymous" }));
    expect(record.userIdentity).toEqual({ principalId: "Anonymous" });
  });

  it("writes the test event for a new configuration", () => {
    const { bucket, time, requestId, endpoint } = ORIGIN;
    expect(JSON.parse(formatAwsMessage({ test: { bucket, time, requestId, endpoint } }))).toEqual({
      Service: "Amazon S3",
      Event: "s3:TestEvent",
      Time: "2032-02-03T04:05:06.789Z",
      Bucket: "demo-b",
      RequestId: "0123456789ABCDEF",
      HostId: expect.stringMatching(/./),
    });
  });
});

describe("formatCallbackMessage", () => {
  it("writes the reference system's record, field by field", () => {
    const variables = { order: ["17", "18"], who: ["x"] };
    expect(JSON.parse(formatCallbackMessage(event({ key: "pic/a.png" }, { callbackVariables: variables })))).toEqual({
      Records: [
        {
          eventVersion: "1.0",
          eventSource: "oss",
          awsRegion: "cn-north-1",
          eventTime: "Tue, 03 Feb 2032 04:05:06 GMT",
          eventName: "s3:ObjectCreated:Put",
          userIdentity: { principalId: "AIDAUSER" },
          requestParameters: { sourceIPAddress: "203.0.113.9" },
          responseElements: { "x-amz-request-id": "0123456789ABCDEF" },
          s3: {
            s3SchemaVersion: "1.0",
            configurationId: "new-pictures",
            bucket: { name: "demo-b", ownerIdentity: { principalId: "0a1b" } },
            object: { key: "pic/a.png", eTag: "d41d8cd98f00b204e9800998ecf8427e" },
          },
          callBackVar: { callBackVars: { order: ["17", "18"], who: ["x"] } },
        },
      ],
    });
  });

  it("leaves out absent variables, and the ETag of a removal", () => {
    const [record] = JSON.parse(formatCallbackMessage(removal("ObjectRemoved:Delete"))).Records;
    expect(record).not.toHaveProperty("callBackVar");
    expect(record.s3.object).toEqual({ key: "a" });
  });

  it("does not encode the key", () => {
    const [record] = JSON.parse(formatCallbackMessage(event())).Records;
    expect(record.s3.object.key).toBe("pic/red flower+日.png");
  });
});
