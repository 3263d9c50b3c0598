import { describe, expect, it } from "vitest";
import { contentMd5 } from "../../support/cors.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { configureLifecycle, envWith, inDays, passOver } from "../../support/lifecycle.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { createLockedBucket, inDays as lockedUntil } from "../../support/object-lock.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { createVersionedBucket, putMarker, putVersion, setVersioning } from "../../support/versions.ts";

keepObjectsInMemory();

const EXPIRE = "<Expiration><Days>1</Days></Expiration>";
const MARKERS = "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>";
const noncurrent = (days: number, newer?: number) =>
  `<NoncurrentVersionExpiration><NoncurrentDays>${days}</NoncurrentDays>${
    newer === undefined ? "" : `<NewerNoncurrentVersions>${newer}</NewerNoncurrentVersions>`
  }</NoncurrentVersionExpiration>`;

/** Versions in the order of the listing: `key version`, with `*` for the latest and `D` for a delete marker. */
async function versionsOf(bucket: string, names: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const text = await (await send({ bucket, query: "versions" })).text();
  return [...text.matchAll(/<(Version|DeleteMarker)>(.*?)<\/\1>/gs)].map(([, kind, content = ""]) => {
    const [, key = ""] = /<Key>([^<]*)/.exec(content) ?? [];
    const [, id = ""] = /<VersionId>([^<]*)/.exec(content) ?? [];
    const isLatest = content.includes("<IsLatest>true");
    return `${key} ${names[id] ?? (id === "null" ? "null" : "new")}${kind === "Version" ? "" : " D"}${isLatest ? " *" : ""}`;
  });
}

describe("expiration in a versioned bucket", () => {
  it("makes a delete marker, and keeps what was current", async () => {
    const bucket = await createVersionedBucket();
    const names = { [await putVersion(bucket, "k", "1")]: "v1", [await putVersion(bucket, "k", "2")]: "v2" };
    await configureLifecycle(bucket, `<Filter/>${EXPIRE}`);
    expect(await passOver(bucket, inDays(0))).toMatchObject({ seen: 2, expired: 0 });
    expect(await passOver(bucket, inDays(2))).toMatchObject({ seen: 2, expired: 1 });
    expect(await versionsOf(bucket, names)).toEqual(["k new D *", "k v2", "k v1"]);
    // Over the versions that are left it is no expired delete marker.
    expect(await passOver(bucket, inDays(9))).toMatchObject({ seen: 3, expired: 0 });
  });

  it("replaces the null version by a null delete marker while versioning is suspended", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "before");
    await setVersioning(bucket, "Enabled");
    const names = { [await putVersion(bucket, "kept", "1")]: "v1" };
    await setVersioning(bucket, "Suspended");
    await putObject(bucket, "null");
    await configureLifecycle(bucket, `<Filter/>${EXPIRE}`);
    expect(await passOver(bucket, inDays(2))).toMatchObject({ expired: 3 });
    expect(await versionsOf(bucket, names)).toEqual(["before null D *", "kept null D *", "kept v1", "null null D *"]);
  });

  it("removes a delete marker that has no other version, by its rule or once it is old", async () => {
    const bucket = await createVersionedBucket();
    const names: Record<string, string> = {};
    for (const key of ["days/alone", "flag/alone", "flag/over", "other/alone"]) {
      if (key === "flag/over") names[await putVersion(bucket, key, "1")] = "v1";
      names[await putMarker(bucket, key)] = "m";
    }
    await configureLifecycle(
      bucket,
      `<Filter><Prefix>days/</Prefix></Filter><Expiration><Days>5</Days></Expiration>`,
      `<Filter><Prefix>flag/</Prefix></Filter>${MARKERS}`,
    );
    expect(await passOver(bucket, inDays(0))).toMatchObject({ expired: 1 });
    expect(await versionsOf(bucket, names)).toEqual([
      "days/alone m D *",
      "flag/over m D *",
      "flag/over v1",
      "other/alone m D *",
    ]);
    expect(await passOver(bucket, inDays(6))).toMatchObject({ expired: 1 });
    expect(await versionsOf(bucket, names)).toEqual(["flag/over m D *", "flag/over v1", "other/alone m D *"]);
  });

  it("removes a null delete marker that has no other version", async () => {
    const bucket = await createVersionedBucket("Suspended");
    await putMarker(bucket, "k");
    expect(await versionsOf(bucket)).toEqual(["k null D *"]);
    await configureLifecycle(bucket, `<Filter/>${MARKERS}`);
    expect(await passOver(bucket, inDays(0))).toMatchObject({ expired: 1, failed: 0 });
    expect(await versionsOf(bucket)).toEqual([]);
  });

  it("removes a marker once its last version has expired, and then the bucket can be deleted", async () => {
    const bucket = await createVersionedBucket();
    await putVersion(bucket, "k", "1");
    await putMarker(bucket, "k");
    await configureLifecycle(bucket, `<Filter/>${MARKERS}${noncurrent(1)}`);
    expect(await passOver(bucket, inDays(2))).toMatchObject({ expired: 1 });
    expect(await passOver(bucket, inDays(3))).toMatchObject({ expired: 1 });
    expect(await versionsOf(bucket)).toEqual([]);
    expect((await send({ method: "DELETE", bucket })).status).toBe(204);
  });
});

describe("NoncurrentVersionExpiration", () => {
  it("counts days from the next version on, and never takes the current one", async () => {
    const bucket = await createVersionedBucket();
    const names = {
      [await putVersion(bucket, "k", "1")]: "v1",
      [await putVersion(bucket, "k", "2")]: "v2",
      [await putMarker(bucket, "k")]: "m",
      [await putVersion(bucket, "k", "3")]: "v3",
    };
    await configureLifecycle(bucket, `<Filter/>${noncurrent(3)}`);
    expect(await passOver(bucket, inDays(2))).toMatchObject({ seen: 4, expired: 0 });
    expect(await passOver(bucket, inDays(5))).toMatchObject({ seen: 4, expired: 3 });
    expect(await versionsOf(bucket, names)).toEqual(["k v3 *"]);
    expect(await (await send({ bucket, key: "k" })).text()).toBe("3");
  });

  it("keeps so many newer noncurrent versions, and does not count delete markers among them", async () => {
    const bucket = await createVersionedBucket();
    const names: Record<string, string> = {};
    for (let index = 1; index <= 5; index++) names[await putVersion(bucket, "k", `${index}`)] = `v${index}`;
    names[await putMarker(bucket, "k")] = "m";
    names[await putVersion(bucket, "k", "6")] = "v6";
    await configureLifecycle(bucket, `<Filter/>${noncurrent(1, 2)}`);
    expect(await passOver(bucket, inDays(3))).toMatchObject({ expired: 3 });
    expect(await versionsOf(bucket, names)).toEqual(["k v6 *", "k m D", "k v5", "k v4"]);
  });

  it("counts them across the steps of a pass", async () => {
    const bucket = await createVersionedBucket();
    for (let index = 0; index < 24; index++) await putVersion(bucket, "k", `${index}`);
    await configureLifecycle(bucket, `<Filter/>${noncurrent(1, 4)}`);
    const { runs, expired } = await passOver(bucket, inDays(3), { env: envWith({ LIFECYCLE_CALLS: "100" }) });
    expect(runs).toBeGreaterThan(1);
    expect(expired).toBe(19);
    expect(await versionsOf(bucket)).toHaveLength(5);
  });

  it("does not count among them what another rule removes in the same pass", async () => {
    const bucket = await createVersionedBucket();
    const names: Record<string, string> = {};
    for (const body of ["1", "2", "long", "long", "3"]) names[await putVersion(bucket, "k", body)] = body;
    const long = "<Filter><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></Filter>";
    await configureLifecycle(bucket, `<Filter/>${noncurrent(1, 2)}`, `${long}${noncurrent(1)}`);
    expect(await passOver(bucket, inDays(3))).toMatchObject({ expired: 2 });
    expect(await versionsOf(bucket, names)).toEqual(["k 3 *", "k 2", "k 1"]);
  });

  it("counts days from the replacement, although the replica that did it has an earlier date", async () => {
    const bucket = await createVersionedBucket();
    const at = (days: number, etag: string) => {
      const time = Date.now() - days * 24 * 60 * 60 * 1000;
      return { headers: { "x-amz-workers-s3-replica": `${time}.${time}.${etag}` } };
    };
    await putVersion(bucket, "k", "1", at(90, "a"));
    await putVersion(bucket, "k", "2", at(60, "b"));
    await configureLifecycle(bucket, `<Filter/>${noncurrent(30)}`);
    expect(await passOver(bucket, inDays(0))).toMatchObject({ expired: 0 });
    expect(await passOver(bucket, inDays(32))).toMatchObject({ expired: 1 });
  });

  it("chooses by tags and sizes, and then takes no delete marker", async () => {
    const bucket = await createVersionedBucket();
    const tagged = { headers: { "x-amz-tagging": "k=v" } };
    const names = {
      [await putVersion(bucket, "k", "1", tagged)]: "tagged",
      [await putVersion(bucket, "k", "2")]: "plain",
      [await putMarker(bucket, "k")]: "m",
      [await putVersion(bucket, "k", "3", tagged)]: "current",
    };
    await configureLifecycle(bucket, `<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>${noncurrent(1)}`);
    expect(await passOver(bucket, inDays(3))).toMatchObject({ expired: 1 });
    expect(await versionsOf(bucket, names)).toEqual(["k current *", "k m D", "k plain"]);
  });

  it("takes the null version from before versioning like any other", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "before");
    await setVersioning(bucket, "Enabled");
    const names = { [await putVersion(bucket, "k", "1")]: "v1" };
    await configureLifecycle(bucket, `<Filter/>${noncurrent(1)}`);
    expect(await passOver(bucket, inDays(3))).toMatchObject({ expired: 1 });
    expect(await versionsOf(bucket, names)).toEqual(["k v1 *"]);
  });
});

describe("NoncurrentVersionTransition", () => {
  it("moves noncurrent versions, and keeps their place, ETag and bytes", async () => {
    const bucket = await createVersionedBucket();
    const first = await putVersion(bucket, "k", "a".repeat(200_000));
    const second = await putVersion(bucket, "k", new Uint8Array(1024 * 1024 + 1).fill(98));
    const third = await putVersion(bucket, "k", "c".repeat(200_000));
    const names = { [first]: "v1", [second]: "v2", [third]: "v3" };
    await configureLifecycle(
      bucket,
      "<Filter/><NoncurrentVersionTransition><NoncurrentDays>30</NoncurrentDays><StorageClass>STANDARD_IA</StorageClass></NoncurrentVersionTransition>",
    );
    expect(await passOver(bucket, inDays(29))).toMatchObject({ transitioned: 0 });
    expect(await passOver(bucket, inDays(32))).toMatchObject({ transitioned: 2, changed: 0 });
    expect(await versionsOf(bucket, names)).toEqual(["k v3 *", "k v2", "k v1"]);
    const classOf = async (id: string) =>
      (await send({ method: "HEAD", bucket, key: "k", query: `versionId=${id}` })).headers.get("x-amz-storage-class");
    expect(await Promise.all([first, second, third].map(classOf))).toEqual(["STANDARD_IA", "STANDARD_IA", null]);
    const read = await send({ bucket, key: "k", query: `versionId=${first}` });
    expect(await read.text()).toBe("a".repeat(200_000));
    expect(await passOver(bucket, inDays(33))).toMatchObject({ transitioned: 0 });
  });

  it("and Transition moves the current version only", async () => {
    const bucket = await createVersionedBucket();
    const first = await putVersion(bucket, "k", "a".repeat(200_000));
    const second = await putVersion(bucket, "k", "b".repeat(200_000));
    await configureLifecycle(
      bucket,
      "<Filter/><Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>",
    );
    expect(await passOver(bucket, inDays(32))).toMatchObject({ transitioned: 1 });
    const classOf = async (id: string) =>
      (await send({ method: "HEAD", bucket, key: "k", query: `versionId=${id}` })).headers.get("x-amz-storage-class");
    expect([await classOf(first), await classOf(second)]).toEqual([null, "STANDARD_IA"]);
  });
});

describe("object lock", () => {
  it("keeps locked versions until the lock has ended, and does not keep a delete marker from being made", async () => {
    const bucket = await createLockedBucket();
    const put = (body: string, lock: Readonly<Record<string, string>>) =>
      putVersion(bucket, "k", body, { headers: { ...contentMd5(body), ...lock } });
    const names = {
      [await put("1", { "x-amz-object-lock-legal-hold": "ON" })]: "held",
      [await put("2", {
        "x-amz-object-lock-mode": "GOVERNANCE",
        "x-amz-object-lock-retain-until-date": lockedUntil(1),
      })]: "retained",
      [await put("3", {})]: "free",
    };
    await configureLifecycle(bucket, `<Filter/>${EXPIRE}${noncurrent(1)}`);
    expect(await passOver(bucket, inDays(3))).toMatchObject({ expired: 1, locked: 2, failed: 0 });
    expect(await versionsOf(bucket, names)).toEqual(["k new D *", "k free", "k retained", "k held"]);
    expect(await passOver(bucket, inDays(6))).toMatchObject({ expired: 1, locked: 2, failed: 0 });
    expect(await versionsOf(bucket, names)).toEqual(["k new D *", "k retained", "k held"]);
  });

  it("is seen in the listing, so that a day's pass reads no locked version", async () => {
    const bucket = await createLockedBucket();
    const held = { "x-amz-object-lock-legal-hold": "ON" };
    for (let index = 0; index < 20; index++) {
      const body = `${index}`;
      await putVersion(bucket, "k", body, { headers: { ...contentMd5(body), ...held } });
    }
    await configureLifecycle(bucket, `<Filter/>${noncurrent(1)}`);
    const counting = countingEnv(envWith({}));
    expect(await passOver(bucket, inDays(3), { env: counting.env })).toMatchObject({ seen: 20, locked: 19 });
    expect(counting.log.filter((call) => /^(head|get|put) /.test(call))).toEqual([]);
  });
});
