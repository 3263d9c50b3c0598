/** Random histories. Few buckets, keys and contents, so that requests meet each other's effects. */
import fc from "fast-check";
import {
  type Attributes,
  BODIES,
  CANNED_ACLS,
  type Command,
  type History,
  KEYS,
  LARGE_BODY,
  OBJECT_ACLS,
  RETAIN_UNTIL,
  type ReadCondition,
  type RequestedLock,
  type Retention,
  type Setup,
  type WriteCondition,
} from "./commands.ts";
import { POLICIES } from "./policies.ts";

export interface HistoryOptions {
  readonly length: number;
  /** How many of 100 parts have the minimum size of a part, which is 5 MiB. */
  readonly largeParts: number;
}

const bucket = fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1);
/** The first keys are more frequent. */
const key = fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 4);
const by = fc.oneof(
  { arbitrary: fc.constant("owner" as const), weight: 20 },
  { arbitrary: fc.constant("other" as const), weight: 2 },
  { arbitrary: fc.constant("anonymous" as const), weight: 1 },
);

/** Undefined, but once in so many times. */
function rarely<Value>(arbitrary: fc.Arbitrary<Value>, oneOf: number): fc.Arbitrary<Value | undefined> {
  return fc.oneof({ arbitrary: fc.constant(undefined), weight: oneOf - 1 }, { arbitrary, weight: 1 });
}

const version = rarely(
  fc.oneof(
    { arbitrary: fc.nat(4), weight: 6 },
    { arbitrary: fc.constant("null" as const), weight: 2 },
    { arbitrary: fc.constant("foreign" as const), weight: 1 },
  ),
  3,
);
const etag = fc.oneof(
  { arbitrary: fc.constant("current" as const), weight: 4 },
  { arbitrary: fc.constantFrom("other" as const, "*" as const), weight: 1 },
);
const date = fc.constantFrom("past" as const, "future" as const);

const writeCondition: fc.Arbitrary<WriteCondition> = fc.oneof(
  { arbitrary: fc.constant({}), weight: 8 },
  { arbitrary: etag.map((ifMatch) => ({ ifMatch })), weight: 1 },
  { arbitrary: fc.constant({ ifNoneMatch: "*" as const }), weight: 1 },
);
const readCondition: fc.Arbitrary<ReadCondition> = fc.oneof(
  { arbitrary: fc.constant({}), weight: 6 },
  {
    arbitrary: fc.record({
      ifMatch: rarely(etag, 2),
      ifNoneMatch: rarely(etag, 3),
      ifModifiedSince: rarely(date, 3),
      ifUnmodifiedSince: rarely(date, 3),
    }),
    weight: 1,
  },
);

const tags = fc.uniqueArray(fc.record({ key: fc.constantFrom("t", "u", "v"), value: fc.constantFrom("1", "2", "") }), {
  selector: (tag) => tag.key,
  maxLength: 3,
});
const retention: fc.Arbitrary<Retention> = fc.record({
  mode: fc.constantFrom("GOVERNANCE" as const, "GOVERNANCE" as const, "COMPLIANCE" as const),
  until: fc.nat(RETAIN_UNTIL.length - 1),
});
const lock: fc.Arbitrary<RequestedLock> = fc.record({ retention: rarely(retention, 2), hold: rarely(fc.boolean(), 2) });
const attributes: fc.Arbitrary<Attributes> = fc.record({
  contentType: rarely(fc.constantFrom("text/plain", "application/json"), 4),
  meta: rarely(fc.constantFrom("one", "two"), 3),
  tags: rarely(tags, 3),
  acl: rarely(fc.constantFrom(...OBJECT_ACLS), 4),
  isInfrequent: rarely(fc.boolean(), 6),
  lock: rarely(lock, 10),
});
const bypass = rarely(fc.boolean(), 8);
const source = fc.record({ bucket, key, version });
const upload = fc.constantFrom(0, 0, 0, 1, 2);
const atOtherKey = rarely(fc.constant(true), 20);
const range = rarely(
  fc.constantFrom("bytes=0-0", "bytes=1-", "bytes=-2", "bytes=-0", "bytes=3-1", "bytes=2-500", "bytes=20-", "bytes=0-"),
  3,
);

const onVersion = { by, bucket, key, version };

/** The kinds of requests, and how often each occurs. @param locks how much more often requests are about locks */
function commands({ largeParts }: HistoryOptions, locks: number): fc.Arbitrary<Command> {
  const op = <Name extends string>(...names: readonly Name[]) => fc.constantFrom(...names);
  const body = fc.nat(BODIES.length - 1);
  const part =
    largeParts === 0
      ? body
      : fc.oneof(
          { arbitrary: body, weight: 100 - largeParts },
          { arbitrary: fc.constant(LARGE_BODY), weight: largeParts },
        );
  const weighted: readonly (readonly [weight: number, arbitrary: fc.Arbitrary<Command>])[] = [
    [40, fc.record({ op: op("PutObject"), by, bucket, key, body, attributes, condition: writeCondition })],
    [
      14,
      fc.record({
        op: op("GetObject", "HeadObject"),
        ...onVersion,
        range,
        partNumber: fc.constant(undefined),
        condition: readCondition,
      }),
    ],
    [
      3,
      fc.record({
        op: op("GetObject", "HeadObject"),
        ...onVersion,
        range: fc.constant(undefined),
        partNumber: fc.integer({ min: 1, max: 3 }),
        condition: fc.constant({}),
      }),
    ],
    [9, fc.record({ op: op("DeleteObject"), ...onVersion, ifMatch: rarely(etag, 6), bypass })],
    [
      4 * Math.max(0, locks - 1),
      fc.record({ op: op("DeleteObject"), ...onVersion, version: fc.nat(2), bypass: fc.boolean() }),
    ],
    [
      4,
      fc.record({
        op: op("DeleteObjects"),
        by,
        bucket,
        items: fc.array(fc.record({ key, version, ifMatch: rarely(etag, 5) }), { minLength: 1, maxLength: 5 }),
        isQuiet: fc.boolean(),
        bypass,
      }),
    ],
    [
      13,
      fc.record({
        op: op("CopyObject"),
        by,
        bucket,
        key,
        source,
        replacesMetadata: fc.boolean(),
        replacesTags: fc.boolean(),
        attributes,
        condition: writeCondition,
        sourceCondition: readCondition,
      }),
    ],
    [3, fc.record({ op: op("PutObjectTagging"), ...onVersion, tags })],
    [3, fc.record({ op: op("GetObjectTagging", "DeleteObjectTagging"), ...onVersion })],
    [3, fc.record({ op: op("PutObjectAcl"), ...onVersion, acl: fc.constantFrom(...OBJECT_ACLS) })],
    [2, fc.record({ op: op("GetObjectAcl"), ...onVersion })],
    [2 * locks, fc.record({ op: op("GetObjectRetention", "GetObjectLegalHold"), ...onVersion })],
    [
      3 * locks,
      fc.record({
        op: op("PutObjectRetention"),
        ...onVersion,
        retention: fc.option(retention, { nil: undefined, freq: 4 }),
        bypass: rarely(fc.boolean(), 3),
      }),
    ],
    [2 * locks, fc.record({ op: op("PutObjectLegalHold"), ...onVersion, hold: fc.boolean() })],
    [2, fc.record({ op: op("GetObjectAttributes"), ...onVersion })],
    [2, fc.record({ op: op("CreateMultipartUpload"), by, bucket, key, attributes })],
    [
      4,
      fc.record({
        op: op("UploadPart"),
        by,
        upload,
        atOtherKey,
        partNumber: fc.integer({ min: 1, max: 3 }),
        body: part,
      }),
    ],
    [
      2,
      fc.record({
        op: op("UploadPartCopy"),
        by,
        upload,
        atOtherKey,
        partNumber: fc.integer({ min: 1, max: 3 }),
        source,
      }),
    ],
    [
      3,
      fc.record({
        op: op("CompleteMultipartUpload"),
        by,
        upload,
        atOtherKey,
        parts: fc.array(fc.nat(2), { maxLength: 2 }),
        hasWrongEtag: rarely(fc.constant(true), 10),
        condition: writeCondition,
      }),
    ],
    [3, fc.record({ op: op("AbortMultipartUpload", "ListParts"), by, upload, atOtherKey })],
    [1, fc.record({ op: op("ListMultipartUploads"), by, bucket })],
    [
      7,
      fc.record({
        op: op("ListObjects", "ListObjectsV2", "ListObjectVersions"),
        by,
        bucket,
        prefix: fc.constantFrom("", "", "a", "a/", "d/e"),
        delimiter: fc.constantFrom("", "/", "/", "/f"),
        maxKeys: fc.constantFrom(1, 2, 3, 1000),
        after: fc.constantFrom("", "", "", "a", "a/", "a/b", "b"),
        isUrlEncoded: fc.boolean(),
      }),
    ],
    [
      1,
      fc.record({
        op: op("CreateBucket"),
        by,
        bucket,
        hasLock: fc.boolean(),
        acl: rarely(fc.constantFrom(...CANNED_ACLS), 2),
      }),
    ],
    [
      3,
      fc.record({
        op: op(
          "DeleteBucket",
          "HeadBucket",
          "GetBucketVersioning",
          "GetBucketAcl",
          "DeleteBucketPolicy",
          "ListBuckets",
        ),
        by,
        bucket,
      }),
    ],
    [2, fc.record({ op: op("PutBucketVersioning"), by, bucket, status: op("Enabled", "Suspended") })],
    [1, fc.record({ op: op("PutBucketAcl"), by, bucket, acl: fc.constantFrom(...CANNED_ACLS) })],
    [2, fc.record({ op: op("PutBucketPolicy"), by, bucket, policy: fc.nat(POLICIES.length - 1) })],
    [
      1,
      fc.record({ op: op("PutObjectLockConfiguration"), by, bucket, mode: rarely(op("GOVERNANCE", "COMPLIANCE"), 2) }),
    ],
  ];
  return fc.oneof(...weighted.filter(([weight]) => weight > 0).map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

/** A whole upload, since the parts of one rarely come together by chance. */
function uploads({ largeParts }: HistoryOptions): fc.Arbitrary<readonly Command[]> {
  const complete = { op: "CompleteMultipartUpload", by: "owner", upload: 0, parts: [] } as const;
  return fc
    .record({
      create: fc.record({ op: fc.constant("CreateMultipartUpload" as const), by, bucket, key, attributes }),
      body: largeParts > 0 ? fc.constantFrom(0, 1, LARGE_BODY) : fc.nat(BODIES.length - 1),
      hasSecond: fc.boolean(),
      condition: writeCondition,
    })
    .map(({ create, body, hasSecond, condition }) => [
      create,
      { op: "UploadPart", by: "owner", upload: 0, partNumber: 1, body },
      ...(hasSecond ? [{ op: "UploadPart", by: "owner", upload: 0, partNumber: 2, body: 1 } as const] : []),
      { ...complete, condition },
    ]);
}

/** Requests that rarely follow each other by chance, and what shows their effect. */
const scenes: fc.Arbitrary<readonly Command[]> = fc
  .record({ bucket, key, tags, acl: fc.constantFrom(...OBJECT_ACLS), body: fc.nat(BODIES.length - 1), retention })
  .chain(({ bucket, key, tags, acl, body, retention }) => {
    const on = { by: "owner", bucket, key } as const;
    const put = { op: "PutObject", ...on, body, condition: {} } as const;
    const other = (key + 1) % KEYS.length;
    return fc.constantFrom<readonly Command[]>(
      // A version is current again once the later one is deleted.
      [
        { ...put, attributes: { tags, acl } },
        { ...put, attributes: {} },
        { op: "DeleteObject", ...on, version: 0 },
        { op: "GetObjectTagging", ...on },
      ],
      [
        { ...put, attributes: { tags, meta: "one" } },
        {
          op: "CopyObject",
          ...on,
          key: other,
          source: { bucket, key },
          replacesMetadata: false,
          replacesTags: false,
          attributes: {},
          condition: {},
          sourceCondition: {},
        },
        { op: "GetObjectTagging", ...on, key: other },
      ],
      [
        { ...put, attributes: { acl } },
        { op: "GetObject", ...on, by: "anonymous", condition: {} },
        { op: "GetObject", ...on, by: "other", condition: {} },
      ],
      [
        { ...put, body: 2, attributes: {} },
        { op: "GetObject", ...on, range: "bytes=-2", condition: {} },
        { op: "GetObject", ...on, range: "bytes=0-0", condition: {} },
      ],
      [
        { op: "CreateMultipartUpload", ...on, attributes: {} },
        { op: "UploadPart", by: "owner", upload: 0, partNumber: 1, body },
        { op: "UploadPart", by: "owner", upload: 0, partNumber: 2, body },
        { op: "CompleteMultipartUpload", by: "owner", upload: 0, parts: [1, 0], condition: {} },
      ],
      [
        { ...put, attributes: { lock: { retention } } },
        { op: "PutObjectRetention", ...on, retention },
        { op: "DeleteObject", ...on, version: 0, bypass: true },
      ],
    );
  });

const setup: fc.Arbitrary<Setup> = fc.oneof(
  {
    arbitrary: fc.constantFrom("plain" as const, "versioned" as const, "suspended" as const, "locked" as const),
    weight: 6,
  },
  { arbitrary: fc.constantFrom("writable" as const, "absent" as const), weight: 1 },
);

export function histories(options: HistoryOptions): fc.Arbitrary<History> {
  // Few requests about locks would meet a lock in histories of all kinds.
  return fc.oneof(
    { arbitrary: historiesOf(options, setup, 1), weight: 3 },
    { arbitrary: historiesOf(options, fc.constant("locked"), 6), weight: 1 },
  );
}

function historiesOf(options: HistoryOptions, first: fc.Arbitrary<Setup>, locks: number): fc.Arbitrary<History> {
  const { length } = options;
  // The length of all histories is the same. A shrunk one has fewer commands, since each may become none.
  const one: fc.Arbitrary<readonly Command[]> = commands(options, locks).map((command) => [command]);
  const some = fc.oneof(
    { arbitrary: one, weight: 24 },
    { arbitrary: uploads(options), weight: 1 },
    { arbitrary: scenes, weight: 4 },
  );
  const slot = fc.option(some, { freq: 1000, nil: [] });
  return fc
    .record({
      first,
      second: fc.oneof({ arbitrary: fc.constant("absent" as const), weight: 2 }, { arbitrary: setup, weight: 1 }),
      slots: fc.array(slot, { minLength: length, maxLength: length, size: "max" }),
    })
    .map(({ first, second, slots }) => ({
      setups: [first, second],
      commands: slots.flat(),
    }));
}
