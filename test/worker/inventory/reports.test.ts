/** The reports of inventories: objects, texts and columns as AWS writes them ("Amazon S3 Inventory list", "Locating your inventory list"). */

import { env } from "cloudflare:workers";
import { createHash } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { rootAccount } from "../../support/accounts.ts";
import { EVERYTHING, setRules, withEventQueue } from "../../support/events.ts";
import {
  configureInventory,
  createDestination,
  inventoryRow,
  keysOf,
  manifestsIn,
  onlyReport,
  rowsOf,
  sourceWith,
  takeAll,
  textOf,
} from "../../support/inventory.ts";
import { configureLifecycle, DAY_MS } from "../../support/lifecycle.ts";
import { completionDocument, createUpload, putPart } from "../../support/multipart.ts";
import { createLockedBucket } from "../../support/object-lock.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { createVersionedBucket, putMarker, putVersion, setVersioning } from "../../support/versions.ts";

const NOW = new Date("2140-02-03T04:05:06.789Z");
const EVERY_FIELD = [
  "LifecycleExpirationDate",
  "ObjectOwner",
  "ObjectAccessControlList",
  "ChecksumAlgorithm",
  "BucketKeyStatus",
  "IntelligentTieringAccessTier",
  "ObjectLockLegalHoldStatus",
  "ObjectLockMode",
  "ObjectLockRetainUntilDate",
  "EncryptionStatus",
  "ReplicationStatus",
  "IsMultipartUploaded",
  "StorageClass",
  "ETag",
  "LastModifiedDate",
  "Size",
];
const ETAG_OF = (text: string) => createHash("md5").update(text).digest("hex");

// A run serves every configuration.
afterEach(async () => {
  await env.DB.prepare("DELETE FROM inventories").run();
});

describe("a report", () => {
  it("consists of a data file, a manifest with its checksum, and the links for Hive", async () => {
    const { source, destination } = await sourceWith(["a", "b/c"]);
    const ofDestination = "<Prefix>to/here</Prefix>";
    await configureInventory(source, { id: "daily.all", destination, fields: ["Size"], ofDestination });
    expect(await takeAll(NOW)).toBe(1);
    const folder = `to/here/${source}/daily.all`;
    const keys = await keysOf(destination);
    const data = keys.find((key) => key.endsWith(".gz")) ?? "";
    expect(data).toMatch(/^to\/here\/[^/]+\/daily\.all\/data\/[0-9a-f]{8}-[0-9a-f-]{27}\.csv\.gz$/);
    expect(keys.filter((key) => key !== data)).toEqual([
      `${folder}/2140-02-03T04-05Z/manifest.checksum`,
      `${folder}/2140-02-03T04-05Z/manifest.json`,
      `${folder}/hive/dt=2140-02-03-04-05/symlink.txt`,
    ]);
    const bytes = await (await send({ bucket: destination, key: data })).bytes();
    const { manifest, rows } = await onlyReport(destination);
    expect(manifest).toEqual({
      sourceBucket: source,
      destinationBucket: `arn:aws:s3:::${destination}`,
      version: "2016-11-30",
      creationTimestamp: String(NOW.getTime()),
      fileFormat: "CSV",
      fileSchema: "Bucket, Key, Size",
      files: [{ key: data, size: bytes.byteLength, MD5checksum: createHash("md5").update(bytes).digest("hex") }],
    });
    expect(rows).toEqual([
      { Bucket: source, Key: "a", Size: "1" },
      { Bucket: source, Key: "b/c", Size: "3" },
    ]);
    const text = await textOf(destination, `${folder}/2140-02-03T04-05Z/manifest.json`);
    expect(await textOf(destination, `${folder}/2140-02-03T04-05Z/manifest.checksum`)).toBe(ETAG_OF(text));
    expect(await textOf(destination, `${folder}/hive/dt=2140-02-03-04-05/symlink.txt`)).toBe(
      `s3://${destination}/${data}`,
    );
  });

  it("has its columns in one order, whatever the order of the configuration", async () => {
    const { source, destination } = await sourceWith(["a"]);
    await configureInventory(source, { destination, fields: EVERY_FIELD, versions: "All" });
    await takeAll(NOW);
    const { manifest } = await onlyReport(destination);
    expect(manifest.fileSchema).toBe(
      "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass, IsMultipartUploaded, ReplicationStatus, EncryptionStatus, ObjectLockRetainUntilDate, ObjectLockMode, ObjectLockLegalHoldStatus, IntelligentTieringAccessTier, BucketKeyStatus, ChecksumAlgorithm, ObjectAccessControlList, ObjectOwner, LifecycleExpirationDate",
    );
  });

  it("says everything about an object", async () => {
    const { source, destination } = await sourceWith([]);
    const { canonicalId } = await rootAccount();
    const headers = { "x-amz-storage-class": "STANDARD_IA", "x-amz-acl": "public-read" };
    await putObject(source, "one", "content", { headers });
    const uploadId = await createUpload({ bucket: source, key: "parts" });
    const part = await putPart({ bucket: source, key: "parts" }, uploadId, 1, "part");
    await send({
      method: "POST",
      bucket: source,
      key: "parts",
      query: `uploadId=${uploadId}`,
      body: completionDocument([part]),
    });
    await configureLifecycle(
      source,
      "<Filter><Prefix>one</Prefix></Filter><Expiration><Date>2150-01-01</Date></Expiration>",
    );
    await configureInventory(source, { destination, fields: EVERY_FIELD });
    await takeAll(NOW);
    const { rows } = await onlyReport(destination);
    const [one = {}, parts = {}] = rows;
    const { LastModifiedDate, ETag, ObjectAccessControlList, ...others } = one;
    expect(LastModifiedDate).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(ETag).toBe(ETAG_OF("content"));
    expect(JSON.parse(atob(ObjectAccessControlList ?? ""))).toEqual({
      version: "2022-11-10",
      status: "AVAILABLE",
      grants: [
        { canonicalId, type: "CanonicalUser", permission: "FULL_CONTROL" },
        { uri: "http://acs.amazonaws.com/groups/global/AllUsers", permission: "READ", type: "Group" },
      ],
    });
    expect(others).toEqual({
      Bucket: source,
      Key: "one",
      Size: "7",
      StorageClass: "STANDARD_IA",
      IsMultipartUploaded: "false",
      ReplicationStatus: "",
      EncryptionStatus: "SSE-S3",
      ObjectLockRetainUntilDate: "",
      ObjectLockMode: "",
      ObjectLockLegalHoldStatus: "",
      IntelligentTieringAccessTier: "",
      BucketKeyStatus: "DISABLED",
      ChecksumAlgorithm: "CRC64NVME",
      ObjectOwner: canonicalId,
      LifecycleExpirationDate: "2150-01-01T00:00:00.000Z",
    });
    expect(parts).toMatchObject({ Key: "parts", IsMultipartUploaded: "true", LifecycleExpirationDate: "" });
  });

  it("shows the lock of a version", async () => {
    const source = await createLockedBucket();
    const headers = {
      "x-amz-object-lock-mode": "GOVERNANCE",
      "x-amz-object-lock-retain-until-date": "2150-01-01T00:00:00.000Z",
      "x-amz-object-lock-legal-hold": "ON",
      "content-md5": createHash("md5").update("x").digest("base64"),
    };
    await send({ method: "PUT", bucket: source, key: "locked", body: "x", headers });
    const destination = await createDestination(source);
    const fields = ["ObjectLockRetainUntilDate", "ObjectLockMode", "ObjectLockLegalHoldStatus"];
    await configureInventory(source, { destination, fields });
    await takeAll(NOW);
    expect((await onlyReport(destination)).rows).toEqual([
      {
        Bucket: source,
        Key: "locked",
        ObjectLockRetainUntilDate: "2150-01-01T00:00:00.000Z",
        ObjectLockMode: "GOVERNANCE",
        ObjectLockLegalHoldStatus: "ON",
      },
    ]);
  });

  it("has URL-encoded keys, so that each can be read from a line of CSV", async () => {
    const keys = ['"quoted", twice', "line\nend", "plus+sign", "x".repeat(1000), "ü/€"];
    const { source, destination } = await sourceWith(keys);
    await configureInventory(source, { destination });
    await takeAll(NOW);
    const { rows } = await onlyReport(destination);
    const decoded = rows.map(({ Key = "" }) => decodeURIComponent(Key.replaceAll("+", " ")));
    expect(decoded.sort()).toEqual([...keys].sort());
  });

  it("contains only keys with the prefix of its filter", async () => {
    const { source, destination } = await sourceWith(["a/1", "a/2", "b/1"]);
    await configureInventory(source, { destination, filter: "<Filter><Prefix>a/</Prefix></Filter>" });
    await takeAll(NOW);
    expect((await onlyReport(destination)).rows.map(({ Key }) => Key)).toEqual(["a/1", "a/2"]);
  });

  it("of an empty bucket has no data file", async () => {
    const { source, destination } = await sourceWith([]);
    await configureInventory(source, { destination });
    await takeAll(NOW);
    const { manifest } = await onlyReport(destination);
    expect([manifest.files, (await keysOf(destination)).length]).toEqual([[], 3]);
  });

  it("is reported to notifications of the destination, the checksum last", async () => {
    const { source, destination } = await sourceWith(["a"]);
    await setRules(destination, { notification: [EVERYTHING] });
    await configureInventory(source, { destination });
    const queue = withEventQueue();
    await takeAll(NOW, { env: queue.env });
    const changes = queue.messages.filter(({ origin }) => origin.bucket.name === destination);
    expect(changes.map(({ origin }) => origin.principalId)).toEqual(Array(4).fill("s3.amazonaws.com"));
    expect(
      changes.flatMap(({ changes: made }) => made.map(({ event, key }) => `${event} ${key.split("/").at(-1)}`)),
    ).toEqual([
      expect.stringMatching(/^ObjectCreated:Put .*\.csv\.gz$/),
      "ObjectCreated:Put symlink.txt",
      "ObjectCreated:Put manifest.json",
      "ObjectCreated:Put manifest.checksum",
    ]);
  });
});

describe("versions in a report", () => {
  async function versioned() {
    const source = await createBucket();
    await putObject(source, "null", "0");
    await setVersioning(source, "Enabled");
    const old = await putVersion(source, "a", "1");
    const latest = await putVersion(source, "a", "22");
    await putVersion(source, "deleted", "333");
    const marker = await putMarker(source, "deleted");
    return { source, destination: await createDestination(source), old, latest, marker };
  }

  it("All lists every version and delete marker; a null version has no id", async () => {
    const { source, destination, old, latest, marker } = await versioned();
    await configureInventory(source, {
      destination,
      versions: "All",
      fields: ["Size", "StorageClass", "EncryptionStatus"],
    });
    await takeAll(NOW);
    const { rows } = await onlyReport(destination);
    const shown = rows.map((row) => Object.values(row).slice(1).join(" "));
    expect(shown).toEqual([
      `a ${latest} true false 2 STANDARD SSE-S3`,
      `a ${old} false false 1 STANDARD SSE-S3`,
      `deleted ${marker} true true   `,
      expect.stringMatching(/^deleted \S{32} false false 3 STANDARD SSE-S3$/),
      "null  true false 1 STANDARD SSE-S3",
    ]);
  });

  it("Current lists current objects without the columns of versions", async () => {
    const { source, destination } = await versioned();
    await configureInventory(source, { destination, fields: ["Size"] });
    await takeAll(NOW);
    const { rows, manifest } = await onlyReport(destination);
    expect(manifest.fileSchema).toBe("Bucket, Key, Size");
    expect(rows.map(({ Key, Size }) => [Key, Size])).toEqual([
      ["a", "2"],
      ["null", "1"],
    ]);
  });

  it("All in a bucket that was never versioned lists every object as its latest version", async () => {
    const { source, destination } = await sourceWith(["a"]);
    await configureInventory(source, { destination, versions: "All" });
    await takeAll(NOW);
    expect((await onlyReport(destination)).rows).toEqual([
      { Bucket: source, Key: "a", VersionId: "", IsLatest: "true", IsDeleteMarker: "false" },
    ]);
  });

  it("a destination with versioning keeps the manifests as versions", async () => {
    const { source } = await sourceWith(["a"]);
    const destination = await createDestination(source);
    await setVersioning(destination, "Enabled");
    await configureInventory(source, { destination });
    await takeAll(NOW);
    expect((await onlyReport(destination)).rows.map(({ Key }) => Key)).toEqual(["a"]);
  });
});

it("replication is shown by its status", async () => {
  const source = await createVersionedBucket();
  const destination = await createDestination(source);
  await putVersion(source, "none", "x");
  await setRules(source, {
    replication: [
      {
        schema: "V2",
        id: "r",
        isEnabled: true,
        priority: 1,
        prefix: "",
        tags: [],
        destination: { bucket: "elsewhere" },
        replicatesDeletes: true,
        replicatesExisting: false,
      },
    ],
  });
  // Another isolate writes with the rule in effect.
  const { env: fresh } = withEventQueue();
  await send({ method: "PUT", bucket: source, key: "pending", body: "x", env: { ...fresh, DB: otherDb(fresh.DB) } });
  await configureInventory(source, { destination, fields: ["ReplicationStatus"] });
  await takeAll(NOW);
  const { rows } = await onlyReport(destination);
  expect(rows.map(({ Key, ReplicationStatus }) => [Key, ReplicationStatus])).toEqual([
    ["none", ""],
    ["pending", "PENDING"],
  ]);
});

function otherDb(db: D1Database): D1Database {
  return new Proxy(db, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("the schedule", () => {
  it("writes the first report at once, and then one after each midnight UTC", async () => {
    const { source, destination } = await sourceWith(["a"]);
    await configureInventory(source, { destination });
    const started = new Date();
    await takeAll(started);
    expect(await takeAll(started)).toBe(1);
    expect(await manifestsIn(destination)).toHaveLength(1);
    const midnight = (Math.floor(started.getTime() / DAY_MS) + 1) * DAY_MS;
    expect(await inventoryRow(source)).toEqual({ report: null, due_at: midnight });
    await putObject(source, "b", "b");
    await takeAll(new Date(midnight));
    const reports = await manifestsIn(destination);
    expect(reports).toHaveLength(2);
    const counts = await Promise.all(reports.map(async ({ manifest }) => (await rowsOf(destination, manifest)).length));
    expect(counts.sort()).toEqual([1, 2]);
  });

  it("writes weekly reports on Sundays", async () => {
    const { source, destination } = await sourceWith(["a"]);
    await configureInventory(source, { destination, frequency: "Weekly" });
    await takeAll(new Date("2140-02-03T04:05:06Z"));
    const due = new Date((await inventoryRow(source))?.due_at ?? 0);
    expect([due.toISOString(), due.getUTCDay()]).toEqual(["2140-02-07T00:00:00.000Z", 0]);
  });

  it("a configuration that is replaced keeps its time, or gets an earlier one", async () => {
    const { source, destination } = await sourceWith(["a"]);
    await configureInventory(source, { destination, frequency: "Weekly" });
    await takeAll(NOW);
    await configureInventory(source, { destination, frequency: "Daily" });
    const midnight = (Math.floor(Date.now() / DAY_MS) + 1) * DAY_MS;
    expect((await inventoryRow(source))?.due_at).toBeLessThanOrEqual(midnight);
    expect((await inventoryRow(source))?.due_at).toBeGreaterThan(Date.now());
  });

  it("a disabled configuration has no reports", async () => {
    const { source, destination } = await sourceWith(["a"]);
    await configureInventory(source, { destination, isEnabled: "false" });
    await takeAll(NOW);
    expect(await keysOf(destination)).toEqual([]);
  });
});
