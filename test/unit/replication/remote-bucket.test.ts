/** Requests to an endpoint and the effect of its answers, with a client that plays the endpoint. */
import { createHash, createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { GrantedBucket } from "../../../src/access/authorize.ts";
import type { BucketDocumentTypes } from "../../../src/model/bucket.ts";
import type { StoredObject } from "../../../src/model/object.ts";
import type { ReplicationRule } from "../../../src/model/replication.ts";
import { removalState } from "../../../src/model/replication.ts";
import { RemoteBucket } from "../../../src/replication/remote-bucket.ts";
import { type RemoteClient, RemoteFailure, type RemoteRequest } from "../../../src/replication/remote-client.ts";
import { readSource, type SourceReader } from "../../../src/replication/source-reader.ts";
import type { Objects } from "../../../src/storage/r2/objects.ts";
import type { OpenedObject } from "../../../src/storage/r2/opened-object.ts";
import { macKeyOf } from "../../support/mac-key.ts";
import { bucketWith, OPEN_BLOCK } from "../access/acl/subjects.ts";

const MIB = 1024 * 1024;
const OWNER = "0".repeat(64);
const MD5 = "9a0364b9e99bb480dd25e1f0284c8555";
const MD5_BASE64 = "mgNkuembtIDdJeHwKEyFVQ==";
const THEN = Date.parse("2026-01-02T03:04:05.678Z");
const VERSION = `${THEN}.${THEN}.${MD5}`;
const PLACE = createHash("sha256").update("there/k").digest("hex").slice(0, 16);
const RAW_KEY = Buffer.alloc(32, 7);
const stamped = (version: string, place = PLACE, key: Buffer = RAW_KEY) =>
  `${version}.${place}.${createHmac("sha256", key)
    .update(JSON.stringify([version, "there", "k"]))
    .digest("hex")
    .slice(0, 32)}`;
const STAMP = stamped(VERSION);
const OPTIONS = { bucket: "there", sourceId: "aaaaaaaaaaaa", stampKey: macKeyOf(7) };
const sourced = (path: string) => ({
  "x-amz-meta-workers-s3-source": createHash("sha256").update(path).digest("hex").slice(0, 32),
});
const SOURCE = sourced("aaaaaaaaaaaa/there/k");

const OBJECT: StoredObject = {
  key: "k",
  sizeBytes: 7,
  etag: MD5,
  lastModified: new Date(THEN),
  state: { lastModified: THEN, revision: THEN, etag: MD5 },
  content: { contentType: "text/plain" },
  userMetadata: {},
  storageClass: "STANDARD",
  ownerId: OWNER,
  tags: [],
};
const RULE: ReplicationRule = {
  id: "r",
  schema: "V2",
  isEnabled: true,
  priority: 1,
  prefix: "",
  tags: [],
  destination: { remote: "far", bucket: "there" },
  replicatesDeletes: true,
};

type Answer = { readonly headers?: Record<string, string>; readonly body?: string } | RemoteFailure;

const refused = (status: number, code?: string) => new RemoteFailure(`${status}`, { status, code });

/** An endpoint that gives the listed answers in order and records the requests. */
function endpoint(kind: "peer" | "s3", answers: readonly Answer[]) {
  const asked: (Omit<RemoteRequest, "body"> & { readonly sent?: number | string })[] = [];
  const waiting = [...answers];
  const client = {
    remote: { kind },
    async call(_bucket: string, { body, ...request }: RemoteRequest) {
      const sent = body instanceof Uint8Array ? body.byteLength : typeof body === "object" ? body.sizeBytes : body;
      asked.push({ ...request, ...(sent !== undefined && { sent }) });
      const answer = waiting.shift() ?? {};
      if (answer instanceof RemoteFailure) throw answer;
      return { headers: new Headers(answer.headers), body: new TextEncoder().encode(answer.body ?? "") };
    },
  } as unknown as RemoteClient;
  return { client, asked, isDone: () => waiting.length === 0 };
}

function open(object: StoredObject, parts?: Awaited<ReturnType<SourceReader["parts"]>>) {
  const opened = { object, discard: async () => {} } as unknown as OpenedObject;
  const pieces: { first: number; length: number }[] = [];
  const reader: SourceReader = {
    object,
    access: object,
    open: async (piece) => {
      pieces.push(piece);
      // The bytes of larger pieces are not read.
      return new Blob(piece.length <= 1024 * 1024 ? [new Uint8Array(piece.length)] : []).stream();
    },
    parts: async () => parts,
  };
  return { opened, pieces, read: () => reader };
}

async function bring(kind: "peer" | "s3", answers: readonly Answer[], object = OBJECT, parts?: never[] | object) {
  const there = endpoint(kind, answers);
  const source = open(object, parts as never);
  const outcome = await new RemoteBucket(there.client, OPTIONS, source.read).replicate(source.opened, RULE).then(
    () => "done",
    (error: unknown) => error,
  );
  return { ...there, outcome, pieces: source.pieces };
}

const absent = refused(404);
const present = (lastModified: string, etag = "old", more = {}): Answer => ({
  headers: { "last-modified": lastModified, etag: `"${etag}"`, ...more },
});
const OLDER = "Fri, 02 Jan 2026 03:04:00 GMT";
const NEWER = "Fri, 02 Jan 2026 03:04:10 GMT";

describe("RemoteBucket at an s3 endpoint", () => {
  it("writes a new object on condition that there is still none", async () => {
    const { asked, outcome } = await bring("s3", [absent]);
    expect(outcome).toBe("done");
    expect(asked).toEqual([
      { method: "HEAD", key: "k" },
      {
        method: "PUT",
        key: "k",
        headers: {
          "content-type": "text/plain",
          "content-md5": MD5_BASE64,
          "if-none-match": "*",
          "x-amz-meta-workers-s3-version": STAMP,
          ...SOURCE,
        },
        sent: 7,
      },
    ]);
  });

  it("replaces an older object on condition that it is unchanged", async () => {
    const { asked } = await bring("s3", [present(OLDER)]);
    expect(asked[1]?.headers).toMatchObject({ "if-match": '"old"' });
  });

  it.each<[why: string, answer: Answer]>([
    ["a newer object", present(NEWER)],
    ["an object that may be newer, since Last-Modified has whole seconds", present("Fri, 02 Jan 2026 03:04:05 GMT")],
    ["the same state, by its stamp", present(NEWER, MD5, { "x-amz-meta-workers-s3-version": STAMP })],
    [
      "a later state, by its stamp",
      present(OLDER, MD5, { "x-amz-meta-workers-s3-version": stamped(`${THEN + 1}.1.${MD5}`) }),
    ],
    [
      "a later state that was uploaded in parts",
      present(OLDER, "a-2", { "x-amz-meta-workers-s3-version": stamped(`${THEN + 1}.1.${MD5}`) }),
    ],
    [
      "a later state that is encrypted with a key of KMS",
      present(OLDER, "0".repeat(32), {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-meta-workers-s3-version": stamped(`${THEN + 1}.1.${MD5}`),
      }),
    ],
  ])("leaves %s", async (_why, answer) => {
    const { asked, outcome } = await bring("s3", [answer]);
    expect([asked.length, outcome]).toEqual([1, "done"]);
  });

  it.each<[why: string, answer: Answer]>([
    [
      "an earlier state, by its stamp",
      present(NEWER, MD5, { "x-amz-meta-workers-s3-version": stamped(`${THEN - 1}.1.${MD5}`) }),
    ],
    [
      "earlier tags, by its stamp",
      present(NEWER, MD5, { "x-amz-meta-workers-s3-version": stamped(`${THEN}.${THEN - 1}.${MD5}`) }),
    ],
    [
      "an object with the stamp of another location",
      present(OLDER, MD5, { "x-amz-meta-workers-s3-version": stamped(`${THEN + 9}.1.${MD5}`, "0".repeat(16)) }),
    ],
    [
      "other bytes with a copied stamp",
      present(OLDER, "x", { "x-amz-meta-workers-s3-version": stamped(`${THEN + 9}.1.${MD5}`) }),
    ],
    [
      "an object with a forged stamp of the far future",
      present(OLDER, MD5, { "x-amz-meta-workers-s3-version": `999999999999999.0.${MD5}.${PLACE}` }),
    ],
    [
      "an object with a stamp signed with another key",
      present(OLDER, MD5, {
        "x-amz-meta-workers-s3-version": stamped(`${THEN + 9}.1.${MD5}`, PLACE, Buffer.alloc(32, 8)),
      }),
    ],
    [
      "an object with its own stamp in the future",
      present(OLDER, MD5, { "x-amz-meta-workers-s3-version": stamped(`999999999999999.0.${MD5}`) }),
    ],
    [
      "an object with its own stamp whose revision is in the future",
      present(OLDER, MD5, { "x-amz-meta-workers-s3-version": stamped(`${THEN}.9999999999999999.${MD5}`) }),
    ],
  ])("replaces %s", async (_why, answer) => {
    const { asked } = await bring("s3", [answer]);
    expect(asked.map(({ method }) => method)).toEqual(["HEAD", "PUT"]);
  });

  it("reads the state again when another client wrote meanwhile", async () => {
    const { asked, outcome } = await bring("s3", [absent, refused(412), present(OLDER, "other")]);
    expect(asked.map(({ method }) => method)).toEqual(["HEAD", "PUT", "HEAD", "PUT"]);
    expect(asked[3]?.headers).toMatchObject({ "if-match": '"other"' });
    expect(outcome).toBe("done");
    const newer = await bring("s3", [absent, refused(412), present(NEWER)]);
    expect([newer.asked.length, newer.outcome]).toEqual([3, "done"]);
  });

  it("fails when other clients write during each round, or the endpoint refuses", async () => {
    const busy = await bring("s3", [absent, refused(412), absent, refused(412), absent, refused(412)]);
    expect(busy.outcome).toMatchObject({ message: "The object was written at the destination during each round." });
    for (const answer of [refused(403, "AccessDenied"), refused(501, "NotImplemented"), new RemoteFailure("gone")]) {
      expect((await bring("s3", [absent, answer])).outcome).toBe(answer);
    }
    expect((await bring("s3", [refused(500)])).outcome).toMatchObject({ status: 500 });
  });

  it("sends the object without its ACL to a bucket without ACLs", async () => {
    const acl = [
      { grantee: { kind: "canonical-user", id: OWNER }, permission: "FULL_CONTROL" },
      { grantee: { kind: "all-users" }, permission: "READ" },
    ] as const;
    const { asked, outcome } = await bring("s3", [absent, refused(400, "AccessControlListNotSupported")], {
      ...OBJECT,
      acl,
    });
    expect(asked.slice(1).map(({ headers }) => headers?.["x-amz-acl"])).toEqual(["public-read", undefined]);
    expect(outcome).toBe("done");
    // The same answer to a request without an ACL is not retried.
    expect((await bring("s3", [absent, refused(400, "AccessControlListNotSupported")])).asked).toHaveLength(2);
  });

  it("sends only grants that are in effect at the source, and none with AccessControlTranslation", async () => {
    const acl = [
      { grantee: { kind: "canonical-user", id: OWNER }, permission: "FULL_CONTROL" },
      { grantee: { kind: "all-users" }, permission: "READ" },
    ] as const;
    const aclWith = async (documents: Partial<BucketDocumentTypes>, more: object = {}) => {
      const { client, asked } = endpoint("s3", [absent]);
      const opened = { object: { ...OBJECT, acl }, body: async () => new Blob([]).stream() } as unknown as OpenedObject;
      const read = () => readSource({} as Objects, bucketWith(documents) as GrantedBucket, opened);
      const rule = { ...RULE, destination: { ...RULE.destination, ...more } };
      await new RemoteBucket(client, OPTIONS, read).replicate(opened, rule);
      return asked[1]?.headers?.["x-amz-acl"];
    };
    expect(await aclWith({})).toBe("public-read");
    expect(await aclWith({ publicAccessBlock: { ...OPEN_BLOCK, ignorePublicAcls: true } })).toBe(undefined);
    expect(await aclWith({ ownership: "BucketOwnerEnforced" })).toBe(undefined);
    expect(await aclWith({}, { overridesOwner: true })).toBe(undefined);
  });

  it("does not send grants to accounts, since the endpoint has other ids", async () => {
    const acl = [{ grantee: { kind: "canonical-user", id: "1".repeat(64) }, permission: "READ" }] as const;
    const { asked } = await bring("s3", [absent], { ...OBJECT, acl });
    expect(Object.keys(asked[1]?.headers ?? {}).filter((name) => /acl|grant/.test(name))).toEqual([]);
  });

  it("sends storage class, redirect, tags, metadata, and the checksum of the whole object", async () => {
    const { asked } = await bring("s3", [absent], {
      ...OBJECT,
      storageClass: "STANDARD_IA",
      websiteRedirectLocation: "/x",
      tags: [{ key: "a b", value: "c&d" }],
      userMetadata: { n: "v", "not a header": "x" },
      checksum: { algorithm: "CRC32", value: "AAAAAA==", type: "FULL_OBJECT" },
    });
    expect(asked[1]?.headers).toMatchObject({
      "x-amz-storage-class": "STANDARD_IA",
      "x-amz-website-redirect-location": "/x",
      "x-amz-tagging": "a%20b=c%26d",
      "x-amz-meta-n": "v",
      "x-amz-checksum-crc32": "AAAAAA==",
    });
    expect(Object.keys(asked[1]?.headers ?? {})).not.toContain("x-amz-missing-meta");
  });

  it("sends what still protects the object: a retention that has not ended, and a legal hold", async () => {
    const until = Date.parse("2099-01-01T00:00:00Z");
    for (const [lock, expected] of [
      [
        { retention: { mode: "COMPLIANCE", until }, hasLegalHold: true },
        ["COMPLIANCE", "2099-01-01T00:00:00.000Z", "ON"],
      ],
      [{ retention: { mode: "GOVERNANCE", until: THEN }, hasLegalHold: false }, [undefined, undefined, undefined]],
    ] as const) {
      const { asked } = await bring("peer", [{}], { ...OBJECT, lock });
      const headers = asked.at(-1)?.headers ?? {};
      const names = ["mode", "retain-until-date", "legal-hold"].map((name) => `x-amz-object-lock-${name}`);
      expect(names.map((name) => headers[name])).toEqual(expected);
    }
  });

  it.each(["InvalidRequest", "InvalidArgument", "NotImplemented"])(
    "is sent without its checksum where the endpoint refuses that with %s",
    async (code) => {
      const checksum = { algorithm: "XXHASH3", value: "LQaABTjTlMI=", type: "FULL_OBJECT" } as const;
      const { asked, outcome } = await bring("s3", [absent, refused(400, code), {}], { ...OBJECT, checksum });
      expect(outcome).toBe("done");
      const [first, second] = asked.slice(1).map(({ headers }) => headers);
      expect(first).toMatchObject({ "x-amz-checksum-xxhash3": "LQaABTjTlMI=" });
      const { "x-amz-checksum-xxhash3": _, ...others } = first ?? {};
      expect(second).toEqual(others);
      expect(others).toHaveProperty("content-md5");
    },
  );

  it("does not send an object again when the checksum cannot be the reason of the refusal", async () => {
    const checksum = { algorithm: "CRC32", value: "AAAAAA==", type: "FULL_OBJECT" } as const;
    for (const [object, answer] of [
      [OBJECT, refused(400, "InvalidRequest")],
      [{ ...OBJECT, checksum }, refused(400, "BadDigest")],
      [{ ...OBJECT, etag: "opaque", checksum }, refused(400, "InvalidRequest")],
    ] as const) {
      const { asked, outcome } = await bring("s3", [absent, answer, {}], object);
      expect([asked.length, outcome]).toEqual([2, answer]);
    }
  });

  it("removes only a replica from the source that is not later than the removal", async () => {
    const remove = async (answers: readonly Answer[]) => {
      const { client, asked } = endpoint("s3", answers);
      await new RemoteBucket(client, OPTIONS, open(OBJECT).read).remove("k", removalState(new Date(THEN)));
      return asked.slice(1);
    };
    const ours = (time: string) => present(time, "old", SOURCE);
    expect(await remove([ours(OLDER)])).toEqual([{ method: "DELETE", key: "k", headers: { "if-match": '"old"' } }]);
    expect(await remove([absent])).toEqual([]);
    expect(await remove([ours(NEWER)])).toEqual([]);
    expect(await remove([ours(OLDER), refused(412)])).toHaveLength(1);
    // An object of another client, a replica from another bucket, and a copy of a replica under this key.
    expect(await remove([present(OLDER)])).toEqual([]);
    expect(await remove([present(OLDER, "old", sourced("bbbbbbbbbbbb/there/k"))])).toEqual([]);
    expect(await remove([present(OLDER, "old", sourced("aaaaaaaaaaaa/there/other"))])).toEqual([]);
    await expect(remove([ours(OLDER), refused(403)])).rejects.toThrow("403");
  });
});

describe("RemoteBucket at a peer", () => {
  const version = { "x-amz-workers-s3-replica": VERSION, "x-amz-workers-s3-replica-source": "aaaaaaaaaaaa" };

  it("sends the state in a header, and asks with HEAD only before a large object", async () => {
    const { asked, outcome } = await bring("peer", [{}]);
    expect(asked).toEqual([
      {
        method: "PUT",
        key: "k",
        headers: { "content-type": "text/plain", "content-md5": MD5_BASE64, ...version },
        sent: 7,
      },
    ]);
    expect(outcome).toBe("done");
  });

  it("leaves a later state", async () => {
    expect(await bring("peer", [refused(412)])).toMatchObject({ outcome: "done" });
    const large = { ...OBJECT, sizeBytes: 2 * MIB };
    const asked = await bring("peer", [refused(412)], large);
    expect([asked.asked, asked.outcome]).toEqual([[{ method: "HEAD", key: "k", headers: version }], "done"]);
    expect((await bring("peer", [refused(404), {}], large)).asked.map(({ method }) => method)).toEqual(["HEAD", "PUT"]);
  });

  it("sends the time of a removal", async () => {
    for (const answer of [{}, refused(412), refused(404, "NoSuchKey")]) {
      const { client, asked } = endpoint("peer", [answer]);
      await new RemoteBucket(client, OPTIONS, open(OBJECT).read).remove("k", removalState(new Date(THEN)));
      expect(asked).toEqual([
        {
          method: "DELETE",
          key: "k",
          headers: {
            "x-amz-workers-s3-replica": `${THEN}.9007199254740991.`,
            "x-amz-workers-s3-replica-source": "aaaaaaaaaaaa",
          },
        },
      ]);
    }
  });
});

describe("uploadInParts", () => {
  const A = "0cc175b9c0f1b6a831c399e269772661";
  const B = "92eb5ffee6ae2fec3ad71c777531578f";
  const PARTED: StoredObject = {
    ...OBJECT,
    sizeBytes: 9 * MIB,
    etag: "96995b58d4cbf6aaf3a9041b4f00c7f6-2",
    partCount: 2,
    checksum: { algorithm: "SHA256", value: "x-2", type: "COMPOSITE" },
  };
  const PARTS = [
    { sizeBytes: 6 * MIB, checksum: { algorithm: "SHA256", value: "one" } },
    { sizeBytes: 3 * MIB, checksum: { algorithm: "SHA256", value: "two" } },
  ];
  const created = { body: "<InitiateMultipartUploadResult><UploadId>u+1</UploadId></InitiateMultipartUploadResult>" };
  const part = (etag: string) => ({ headers: { etag: `"${etag}"` } });
  const etagOf = async (...md5s: string[]) => {
    const { createHash } = await import("node:crypto");
    return `${createHash("md5")
      .update(Buffer.from(md5s.join(""), "hex"))
      .digest("hex")}-${md5s.length}`;
  };

  it("sends the source's parts with their checksums, and completes the upload on condition", async () => {
    const object = { ...PARTED, etag: await etagOf(A, B) };
    const { asked, pieces, outcome } = await bring("s3", [absent, created, part(A), part(B)], object, PARTS);
    expect(outcome).toBe("done");
    expect(pieces).toEqual([
      { first: 0, length: 6 * MIB },
      { first: 6 * MIB, length: 3 * MIB },
    ]);
    expect(asked.slice(1)).toEqual([
      {
        method: "POST",
        key: "k",
        query: "uploads=",
        headers: {
          "content-type": "text/plain",
          "x-amz-checksum-algorithm": "SHA256",
          "x-amz-checksum-type": "COMPOSITE",
          "x-amz-meta-workers-s3-version": STAMP,
          ...SOURCE,
        },
      },
      {
        method: "PUT",
        key: "k",
        query: "partNumber=1&uploadId=u%2B1",
        headers: { "x-amz-checksum-sha256": "one" },
        sent: 6 * MIB,
      },
      {
        method: "PUT",
        key: "k",
        query: "partNumber=2&uploadId=u%2B1",
        headers: { "x-amz-checksum-sha256": "two" },
        sent: 3 * MIB,
      },
      {
        method: "POST",
        key: "k",
        query: "uploadId=u%2B1",
        headers: { "content-type": "application/xml", "if-none-match": "*" },
        sent: expect.stringMatching(
          /<Part><ChecksumSHA256>one<\/ChecksumSHA256><ETag>&quot;0cc.*<PartNumber>2<\/PartNumber><\/Part>/,
        ),
      },
    ]);
  });

  it("sends parts without checksums if the endpoint does not know the algorithm", async () => {
    const object = { ...PARTED, etag: await etagOf(A, B) };
    const answers = [absent, refused(400, "InvalidRequest"), created, part(A), part(B)];
    const { asked, outcome } = await bring("s3", answers, object, PARTS);
    expect(outcome).toBe("done");
    expect(JSON.stringify(asked.slice(2))).not.toMatch(/checksum/i);
  });

  it.each<[why: string, answers: readonly Answer[], message: RegExp | string]>([
    ["a part is refused", [absent, created, part(A), refused(500)], "500"],
    ["other bytes arrived", [absent, created, part(A), part(A)], /other bytes/],
    ["the completion fails", [absent, created, part(A), part(B), refused(500, "InternalError")], "500"],
  ])("aborts the upload when %s", async (_why, answers, message) => {
    const object = { ...PARTED, etag: await etagOf(A, B) };
    const { asked, outcome } = await bring("s3", answers, object, PARTS);
    expect(asked.at(-1)).toEqual({ method: "DELETE", key: "k", query: "uploadId=u%2B1" });
    expect(outcome).toMatchObject({ message: typeof message === "string" ? message : expect.stringMatching(message) });
  });

  it("does not compare ETags that are not MD5s", async () => {
    const { outcome } = await bring("s3", [absent, created, part("opaque"), part("opaque2")], PARTED, PARTS);
    expect(outcome).toBe("done");
  });

  it("fails when the endpoint returns no upload id", async () => {
    const { outcome } = await bring("s3", [absent, { body: "<html/>" }], PARTED, PARTS);
    expect(outcome).toMatchObject({ message: expect.stringContaining("names no upload") });
  });

  it("splits an object without parts that is too large for one request", async () => {
    const object = { ...OBJECT, sizeBytes: 150 * MIB };
    const { asked, pieces } = await bring("peer", [refused(404), created, part(A), part(A), part(B)], object);
    expect(pieces.map(({ length }) => length / MIB)).toEqual([64, 64, 22]);
    expect(asked.at(-1)?.headers).toMatchObject({ "x-amz-workers-s3-replica": VERSION });
    const small = await bring("peer", [refused(404), {}], { ...OBJECT, sizeBytes: 90 * MIB });
    expect(small.asked.map(({ method }) => method)).toEqual(["HEAD", "PUT"]);
  });
});
