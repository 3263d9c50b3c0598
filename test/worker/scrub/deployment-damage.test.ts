/** Damage that no bucket has: each kind is named, and nothing else. What sweeps remove is counted, with its age. */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { idOf, sql } from "../../support/damage.ts";
import { createUpload, putMultipart, putPart } from "../../support/multipart.ts";
import { putObject } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { scrub } from "../../support/scrub.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const OTHER = "zzzzzzzzzzzz";

let undo: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const each of undo) await each();
  undo = [];
  expect((await scrub()).findings).toEqual([]);
});

const named = async (now?: Date) =>
  (await scrub(now === undefined ? {} : { now })).findings.map(({ kind, bucket, subject }) => [kind, bucket, subject]);

describe("a scrub of all buckets", () => {
  it("names an open upload without a row, once its creation is over", async () => {
    const bucket = await createBucket();
    const uploadId = await createUpload({ bucket, key: "k" });
    await putPart({ bucket, key: "k" }, uploadId, 1, "content");
    const id = await idOf(bucket);
    const row = await env.DB.prepare("SELECT * FROM open_uploads WHERE bucket_id = ?1").bind(id).first();
    expect(row).not.toBeNull();
    await sql("DELETE FROM open_uploads WHERE bucket_id = ?1", id);
    undo.push(() =>
      env.STORE.list({ prefix: "~b/" }).then((page) => env.STORE.delete(page.objects.map(({ key }) => key))),
    );
    expect(await named()).toEqual([]);
    expect(await named(new Date(Date.now() + 2 * 60 * 60 * 1000))).toEqual([["upload-not-listed", id, uploadId]]);
  });

  it("names a change that was not reported for days", async () => {
    undo.push(() => sql("DELETE FROM event_intents"));
    await sql("INSERT INTO event_intents (id, region, write_id, created_at, message) VALUES ('i', 'r', 'w', 0, '{}')");
    await sql(
      "INSERT INTO event_intents (id, region, write_id, created_at, message) VALUES ('young', 'r', 'w', ?1, '{}')",
      Date.now(),
    );
    expect(await named()).toEqual([["event-overdue", undefined, "i"]]);
  });

  it("names a change whose row cannot be read", async () => {
    undo.push(() => sql("DELETE FROM event_intents"));
    await sql(
      "INSERT INTO event_intents (id, region, write_id, created_at, message) VALUES ('i', 'r', 'w', ?1, '{')",
      Date.now(),
    );
    expect(await named()).toEqual([["row-unreadable", undefined, "event_intents i"]]);
  });

  it.each([`${OTHER}/k`, `~v/${OTHER}/k!!token`])("names the id of a bucket that has no row: %s", async (r2Key) => {
    undo.push(() => env.STORE.delete(r2Key));
    await env.STORE.put(r2Key, "content");
    expect(await named()).toEqual([["bucket-unknown", OTHER, r2Key.slice(0, r2Key.lastIndexOf("/") + 1)]]);
  });

  it("names uploads of a bucket that has no row", async () => {
    undo.push(() => sql("DELETE FROM open_uploads"));
    await sql(
      "INSERT INTO open_uploads (bucket_id, key, upload_id, initiated_at, owner_id, storage_class) VALUES (?1, 'k', 'u', 0, 'o', 'STANDARD')",
      OTHER,
    );
    expect(await named()).toEqual([["bucket-unknown", OTHER, "open_uploads"]]);
  });

  it("names a deleted bucket that is not empty after a week, and counts a younger one", async () => {
    undo.push(
      () => env.STORE.delete(`${OTHER}/k`),
      () => sql("DELETE FROM deleted_buckets"),
    );
    await env.STORE.put(`${OTHER}/k`, "content");
    await sql("INSERT INTO deleted_buckets (id, region, deleted_at) VALUES (?1, 'us-east-1', ?2)", OTHER, Date.now());
    const { findings, counts } = await scrub();
    expect([findings, counts.bucketsBeingRemoved]).toEqual([[], 1]);
    expect(await named(new Date(Date.now() + 9 * DAY_MS))).toEqual([["deleted-bucket-not-empty", OTHER, `${OTHER}/`]]);
  });

  it("passes over objects of other programs in the R2 bucket", async () => {
    undo.push(() => env.STORE.delete(["other", "other/k", "~"]));
    for (const r2Key of ["other", "other/k", "~"]) await env.STORE.put(r2Key, "content");
    expect(await named()).toEqual([]);
  });

  it("counts blobs that no version names, by their age, and those that a copy names", async () => {
    const bucket = await createBucket();
    await putMultipart({ bucket, key: "k" }, ["content"]);
    await putMultipart({ bucket, key: "copied" }, ["content"]);
    await putObject(bucket, "copy", "", { headers: { "x-amz-copy-source": `/${bucket}/copied` } });
    for (const key of ["k", "copied"]) await putObject(bucket, key, "content");
    const ages = async (days: number) => {
      const { counts, findings } = await scrub({ now: new Date(Date.now() + days * DAY_MS) });
      expect(findings).toEqual([]);
      return [counts.blobSets, counts.orphansUpToOneDay, counts.orphansUpToOneWeek, counts.orphansOlder];
    };
    expect(await ages(0)).toEqual([2, 1, undefined, undefined]);
    expect(await ages(2)).toEqual([2, undefined, 1, undefined]);
    expect(await ages(8)).toEqual([2, undefined, undefined, 1]);
  });
});
