/** Each kind of finding: damage of this kind is named, and nothing else is reported. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { identityOfToken, orderOf } from "../../../src/model/version.ts";
import type { FindingKind } from "../../../src/scrub/findings.ts";
import { copied } from "../../support/copy.ts";
import {
  blobsOf,
  damage,
  entryOf,
  idOf,
  type RecordJson,
  recordAt,
  recordsOf,
  replaceBlob,
  sql,
} from "../../support/damage.ts";
import { keyedEnv, keyedStore } from "../../support/keyed-r2.ts";
import { kmsHeaders } from "../../support/kms.ts";
import { createUpload, putMultipart, putPart } from "../../support/multipart.ts";
import { createLockedBucket, holdOf, putLock } from "../../support/object-lock.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { scrub } from "../../support/scrub.ts";
import { blobSets } from "../../support/uploads.ts";
import { createVersionedBucket, putVersion } from "../../support/versions.ts";

interface Case {
  readonly kind: FindingKind;
  readonly what: string;
  /** Makes a bucket with this damage only, and returns its name. */
  readonly plant: () => Promise<string>;
  readonly bytes?: true;
  /** Whose stores encrypt. */
  readonly isKeyed?: true;
}

const keyed = keyedEnv().env;

async function bucketWith(headers: Record<string, string> = {}, body = "content"): Promise<string> {
  const bucket = await createBucket();
  await putObject(bucket, "k", body, { headers });
  return bucket;
}

/** An object behind a manifest, of one blob. */
const bucketWithBlob = () => bucketWith({ "x-amz-storage-class": "STANDARD_IA" }, "x".repeat(1024 * 1024 + 1));

async function bucketWithUpload(headers: Record<string, string> = {}): Promise<string> {
  const bucket = await createBucket();
  await putMultipart({ bucket, key: "k" }, ["content"], headers);
  return bucket;
}

async function bucketWithVersions(): Promise<string> {
  const bucket = await createVersionedBucket();
  for (const text of ["one", "two"]) await putVersion(bucket, "k", text);
  return bucket;
}

async function bucketWithKms(): Promise<string> {
  const bucket = await createBucket();
  await putObject(bucket, "k", "content", { headers: kmsHeaders(), env: keyed });
  return bucket;
}

async function damaged(bucket: string, change: Parameters<typeof damage>[1]): Promise<string> {
  await damage(await entryOf(bucket), change);
  return bucket;
}

const withField = (fields: RecordJson) => async () =>
  damaged(await bucketWith(), { record: (record) => ({ ...record, ...fields }) });
const inManifest = (fields: RecordJson) => (record: RecordJson) => ({
  ...record,
  f: { ...(record.f as object), ...fields },
});

const CASES: readonly Case[] = [
  {
    kind: "record-unreadable",
    what: "metadata that is no JSON",
    plant: async () => damaged(await bucketWith(), { record: () => "{" }),
  },
  {
    kind: "record-unreadable",
    what: "metadata that is no object",
    plant: async () => damaged(await bucketWith(), { record: () => "[]" }),
  },
  { kind: "record-invalid", what: "an unknown retention mode", plant: withField({ L: ["X", 1] }) },
  {
    kind: "record-invalid",
    what: "a checksum that is too short",
    plant: withField({ c: ["CRC32", "AAAA", "FULL_OBJECT"] }),
  },
  { kind: "record-invalid", what: "user metadata that is no text", plant: withField({ m: { a: 1 } }) },
  { kind: "record-invalid", what: "a version id that was altered", plant: withField({ V: "0".repeat(32) }) },
  {
    kind: "record-invalid",
    what: "too many tags",
    plant: withField({ g: Array.from({ length: 11 }, (_, index) => [`${index}`, ""]) }),
  },
  {
    kind: "record-invalid",
    what: "a previous version that is later",
    async plant() {
      const bucket = await bucketWithVersions();
      return damaged(bucket, { record: (record) => ({ ...record, P: record.V }) });
    },
  },
  {
    kind: "record-invalid",
    what: "a version that is no delete marker and says so",
    plant: async () =>
      damaged(await bucketWithVersions(), { record: (record) => ({ ...record, D: 1 }), mark: "sha384" }),
  },
  {
    kind: "record-invalid",
    what: "an encrypted object without blobs",
    plant: withField({ e: ["C", "proof"] }),
  },
  {
    kind: "key-misplaced",
    what: "the entry of another key",
    plant: withField({ k: "other" }),
  },
  {
    kind: "listing-mark-wrong",
    what: "an object of another class that is listed as a plain one",
    plant: async () => damaged(await bucketWith({ "x-amz-storage-class": "STANDARD_IA" }), { mark: "none" }),
  },
  {
    kind: "listing-mark-wrong",
    what: "an object that is listed as absent",
    plant: async () => damaged(await bucketWith(), { mark: "sha384" }),
  },
  {
    kind: "versioning-not-configured",
    what: "versions without the document",
    async plant() {
      const bucket = await createVersionedBucket();
      await putVersion(bucket, "k", "one");
      await sql("DELETE FROM bucket_documents WHERE bucket_id = ?1", await idOf(bucket));
      return bucket;
    },
  },
  {
    kind: "lock-not-configured",
    what: "a legal hold without the document",
    async plant() {
      const bucket = await createLockedBucket();
      await putVersion(bucket, "k", "one");
      expect((await putLock("legal-hold", { bucket, key: "k", body: holdOf("ON") })).status).toBe(200);
      await sql("DELETE FROM bucket_documents WHERE bucket_id = ?1 AND kind = 'objectLock'", await idOf(bucket));
      return bucket;
    },
  },
  {
    kind: "kms-key-missing",
    what: "a key that does not exist",
    isKeyed: true,
    async plant() {
      const other = "00000000-0000-4000-8000-000000000000";
      return damaged(await bucketWithKms(), {
        record: ({ e, ...record }) => {
          const [kind, sealed, arn, ...rest] = e as string[];
          return { ...record, e: [kind, sealed, arn?.replace(/[^/]+$/, other), ...rest] };
        },
      });
    },
  },
  {
    kind: "data-key-unusable",
    what: "the data key of another object",
    isKeyed: true,
    async plant() {
      const bucket = await bucketWithKms();
      const { e: other } = (await recordAt(await entryOf(await bucketWithKms()))) as { e: string[] };
      return damaged(bucket, {
        record: ({ e, ...record }) => ({
          ...record,
          e: (e as string[]).map((part, at) => (at === 1 ? other[1] : part)),
        }),
      });
    },
  },
  {
    kind: "current-version-missing",
    what: "versions without an entry",
    async plant() {
      const bucket = await bucketWithVersions();
      await env.STORE.delete(await entryOf(bucket));
      return bucket;
    },
  },
  {
    kind: "version-later-than-current",
    what: "an entry that was put back",
    async plant() {
      const bucket = await bucketWithVersions();
      const entry = await entryOf(bucket);
      const [record = ""] = await recordsOf(bucket);
      const { V: later } = await recordAt(entry);
      const at = record.slice(0, -32) + later;
      await damage(entry, { at, record: (each) => ({ ...each, S: Date.now() }), mark: "none" });
      await damage(record, { at: entry, record: ({ S: _, ...each }) => each, mark: "sha512" });
      return bucket;
    },
  },
  {
    kind: "version-repeated",
    what: "one write that is two versions",
    async plant() {
      const bucket = await bucketWithVersions();
      const [record = ""] = await recordsOf(bucket);
      const { V, P: _, ...rest } = await recordAt(record);
      const earlier = `zzzzzzzzz${identityOfToken(String(V))}`;
      expect(orderOf(earlier)).toBeLessThan(orderOf(String(V)));
      await damage(record, { at: record.slice(0, -32) + earlier, record: () => ({ ...rest, V: earlier }) });
      return bucket;
    },
  },
  {
    kind: "version-differs",
    what: "a record of the current version with other bytes",
    async plant() {
      const bucket = await bucketWithVersions();
      const entry = await entryOf(bucket);
      const [record = ""] = await recordsOf(bucket);
      const at = record.slice(0, -32) + (await recordAt(entry)).V;
      await damage(entry, { at, record: (each) => ({ ...each, S: Date.now() }), body: () => "other", mark: "none" });
      return bucket;
    },
  },
  {
    kind: "manifest-unreadable",
    what: "a body that is no manifest",
    plant: async () => damaged(await bucketWithBlob(), { body: () => "{}" }),
  },
  {
    kind: "manifest-differs",
    what: "another size in the record",
    plant: async () => damaged(await bucketWithBlob(), { record: inManifest({ n: 1 }) }),
  },
  {
    kind: "manifest-differs",
    what: "another number of parts in the record",
    plant: async () => damaged(await bucketWithUpload(), { record: inManifest({ k: 2 }) }),
  },
  {
    kind: "blob-missing",
    what: "an object whose blob is gone",
    async plant() {
      const bucket = await bucketWithBlob();
      await env.STORE.delete(await blobsOf(await entryOf(bucket)));
      return bucket;
    },
  },
  {
    kind: "blob-missing",
    what: "a part of an open upload that is gone",
    async plant() {
      const target = { bucket: await createBucket(), key: "k" };
      const uploadId = await createUpload(target);
      await putPart(target, uploadId, 1, "content");
      const page = await env.STORE.list({ prefix: `~b/${uploadId.slice(0, 27)}/` });
      await env.STORE.delete(page.objects.map(({ key }) => key));
      return target.bucket;
    },
  },
  {
    kind: "blob-size-differs",
    what: "a blob that is too short",
    async plant() {
      const bucket = await bucketWithUpload();
      for (const blob of await blobsOf(await entryOf(bucket))) await replaceBlob(blob, { bytes: "c" });
      return bucket;
    },
  },
  {
    kind: "reference-missing",
    what: "a blob of another key",
    async plant() {
      const bucket = await bucketWithBlob();
      for (const blob of await blobsOf(await entryOf(bucket))) await replaceBlob(blob, { entry: "aaaaaaaaaaaa/other" });
      return bucket;
    },
  },
  {
    kind: "reference-missing",
    what: "a copy that the Durable Object does not know",
    async plant() {
      const source = await bucketWithUpload();
      const bucket = await createBucket();
      await copied({ bucket, key: "k" }, `/${source}/k`);
      const { f } = (await recordAt(await entryOf(bucket))) as { f: { b: string } };
      await runInDurableObject(blobSets.of(f.b), (_, state) => {
        state.storage.sql.exec("DELETE FROM entries");
      });
      return bucket;
    },
  },
  {
    kind: "etag-differs",
    what: "another ETag than that of the parts",
    plant: async () => damaged(await bucketWithUpload(), { record: inManifest({ e: `${"0".repeat(32)}-1` }) }),
  },
  {
    kind: "etag-differs",
    what: "a blob with other bytes",
    async plant() {
      const bucket = await bucketWithUpload();
      for (const blob of await blobsOf(await entryOf(bucket))) await replaceBlob(blob, { bytes: "CONTENT" });
      return bucket;
    },
  },
  {
    kind: "checksum-differs",
    what: "another checksum than that of the parts",
    plant: async () =>
      damaged(await bucketWithUpload({ "x-amz-checksum-algorithm": "CRC32" }), {
        record: (record) => ({ ...record, c: ["CRC32", "AAAAAA==-1", "COMPOSITE"] }),
      }),
  },
  {
    kind: "checksum-differs",
    what: "another checksum than that of the bytes",
    bytes: true,
    plant: withField({ c: ["CRC32", "AAAAAA==", "FULL_OBJECT"] }),
  },
  {
    kind: "checksum-differs",
    what: "another checksum of a part than that of its bytes",
    bytes: true,
    async plant() {
      const bucket = await bucketWithUpload({
        "x-amz-checksum-algorithm": "CRC32",
        "x-amz-checksum-type": "FULL_OBJECT",
      });
      return damaged(bucket, {
        record: (record) => ({ ...record, c: ["CRC32", "AAAAAA==", "FULL_OBJECT"] }),
        body: (text) => text.replace(/("1\.\w+",7,)"[^"]+"/, '$1"AAAAAA=="'),
      });
    },
  },
  {
    kind: "bytes-unreadable",
    what: "a blob under another key",
    bytes: true,
    isKeyed: true,
    async plant() {
      const bucket = await bucketWithKms();
      const { store } = keyedStore(testEnv.STORE);
      for (const blob of await blobsOf(await entryOf(bucket))) {
        const { customMetadata = {} } = (await env.STORE.head(blob)) ?? {};
        await store.put(blob, "content", { customMetadata, ssecKey: new Uint8Array(32).buffer });
      }
      return bucket;
    },
  },
  {
    kind: "upload-differs",
    what: "the row of another key",
    async plant() {
      const bucket = await createBucket();
      await createUpload({ bucket, key: "k" });
      await sql("UPDATE open_uploads SET key = 'other' WHERE bucket_id = ?1", await idOf(bucket));
      return bucket;
    },
  },
  {
    kind: "region-missing",
    what: "a region without a binding",
    async plant() {
      const bucket = await bucketWith();
      await sql("UPDATE buckets SET region = 'moon-1' WHERE name = ?1", bucket);
      return bucket;
    },
  },
  {
    kind: "bucket-marker-wrong",
    what: "no marker, although the row says that it is right",
    async plant() {
      const bucket = await createBucket();
      await sql("UPDATE buckets SET marker_due = NULL WHERE name = ?1", bucket);
      expect((await scrub({ bucket })).findings).toEqual([]);
      await env.STORE.delete(`~m/${await idOf(bucket)}`);
      return bucket;
    },
  },
  {
    kind: "bucket-marker-wrong",
    what: "the marker of a bucket that is not versioned",
    async plant() {
      const bucket = await createVersionedBucket();
      await sql("UPDATE buckets SET marker_due = NULL WHERE name = ?1", bucket);
      const at = `~m/${await idOf(bucket)}`;
      const text = (await env.STORE.head(at))?.customMetadata?.bucket?.replace("Enabled", "Suspended") ?? "";
      await env.STORE.put(at, text, { customMetadata: { bucket: text } });
      return bucket;
    },
  },
  {
    kind: "row-unreadable",
    what: "a document that is no JSON",
    async plant() {
      const bucket = await createBucket();
      await sql("INSERT INTO bucket_documents VALUES (?1, 'cors', '{', 0)", await idOf(bucket));
      return bucket;
    },
  },
  {
    kind: "row-unreadable",
    what: "an unknown state of versioning",
    async plant() {
      const bucket = await createBucket();
      await sql("INSERT INTO bucket_documents VALUES (?1, 'versioning', '\"On\"', 0)", await idOf(bucket));
      return bucket;
    },
  },
  {
    kind: "row-unreadable",
    what: "a position of the lifecycle that is no JSON",
    async plant() {
      const bucket = await createBucket();
      await sql("INSERT INTO lifecycle_passes VALUES (?1, 1, 'somewhere', '{}', 0)", await idOf(bucket));
      return bucket;
    },
  },
  {
    kind: "inventory-destination-missing",
    what: "a report to a bucket that does not exist",
    async plant() {
      const bucket = await createBucket();
      const body = JSON.stringify({ destination: { bucket: "nowhere" } });
      await sql("INSERT INTO inventories VALUES (?1, 'i', ?2, 1, 'r', 0, '{}', 0)", await idOf(bucket), body);
      return bucket;
    },
  },
  {
    kind: "replication-overdue",
    what: "a task that was due two days ago",
    async plant() {
      const bucket = await createBucket();
      await sql(
        "INSERT INTO replication_tasks (id, bucket_id, key, write_id, body, created_at, due_at) VALUES ('t', ?1, 'k', 'w', '{}', 0, ?2)",
        await idOf(bucket),
        Date.now() - 2 * 24 * 60 * 60 * 1000,
      );
      return bucket;
    },
  },
];

describe.each(CASES)("$kind: $what", ({ kind, plant, bytes, isKeyed }) => {
  it("is named, and nothing else", async () => {
    const bucket = await plant();
    const options = { bucket, ...(bytes && { bytes }), ...(isKeyed && { env: keyed }) };
    const { findings } = await scrub(options);
    expect(findings.map((found) => [found.kind, found.bucket])).toEqual([[kind, bucket]]);
    // Without its bytes an object of this kind has no finding.
    if (bytes) expect((await scrub({ ...options, bytes: false })).findings).toEqual([]);
  });
});

/** Kinds that are tested in `deployment-damage.test.ts`, because no bucket has them. */
const OF_THE_DEPLOYMENT = ["upload-not-listed", "event-overdue", "bucket-unknown", "deleted-bucket-not-empty"];

describe("kinds of findings", () => {
  it("have a case each", async () => {
    const { FINDING_KINDS } = await import("../../../src/scrub/findings.ts");
    const tested = new Set<string>([...CASES.map(({ kind }) => kind), ...OF_THE_DEPLOYMENT]);
    expect([...tested].sort()).toEqual([...FINDING_KINDS].sort());
  });
});

describe("a write at the same time", () => {
  it("is no finding if the object that was listed has been replaced since", async () => {
    const bucket = await bucketWithBlob();
    const [blob = ""] = await blobsOf(await entryOf(bucket));
    // The list of the entries shows the object; before its blobs are read it is overwritten, and they are removed.
    let lists = 0;
    const STORE = new Proxy(testEnv.STORE, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        if (name !== "list") return value.bind(target);
        return async (options: R2ListOptions) => {
          const page = await target.list(options);
          if (options.prefix?.startsWith("~b/") !== true && lists++ === 0) {
            await putObject(bucket, "k", "short");
            await target.delete(blob);
          }
          return page;
        };
      },
    });
    const { findings, counts } = await scrub({ bucket, env: { ...testEnv, STORE } });
    expect([findings, counts.objects, lists > 0]).toEqual([[], 1, true]);
    expect((await send({ bucket, key: "k" })).status).toBe(200);
  });
});
