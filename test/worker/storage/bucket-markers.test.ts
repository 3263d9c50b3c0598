/** Markers of buckets in R2: what they say, and that they are neither missing nor left behind after any failure. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import { rootAccount } from "../../support/accounts.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { callsToFail, failingEnv } from "../../support/failing-env.ts";
import { type SendOptions, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { runSweeps } from "../../support/worker.ts";

const { accountId, canonicalId } = await rootAccount();
/** After the time in which a marker that differs is left alone. */
const LATER = () => new Date(Date.now() + 600_000);

const unique = () => `marked-${crypto.randomUUID()}`;

async function idOf(bucket: string): Promise<string> {
  const row = await env.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket).first<{ id: string }>();
  return row?.id ?? "";
}

async function markerOf(id: string): Promise<Record<string, unknown> | undefined> {
  const found = await env.STORE.get(`~m/${id}`);
  const text = await found?.text();
  expect(text).toBe(found?.customMetadata?.bucket);
  return text === undefined ? undefined : JSON.parse(text);
}

async function isDue(bucket: string): Promise<boolean> {
  const row = await env.DB.prepare("SELECT 1 FROM buckets WHERE name = ?1 AND marker_due IS NOT NULL")
    .bind(bucket)
    .first();
  return row !== null;
}

async function request(options: SendOptions & { readonly bucket: string }): Promise<number> {
  const response = await send(options);
  await response.text();
  return response.status;
}

const versioning = (bucket: string, status: string, more: SendOptions = {}) =>
  request({
    ...{ method: "PUT", bucket, query: "versioning", ...more },
    body: `<VersioningConfiguration><Status>${status}</Status></VersioningConfiguration>`,
  });

/** The Worker's bindings with an R2 whose method does something else. */
function withStore(method: string, instead: (original: () => Promise<unknown>) => unknown): Env {
  const STORE = new Proxy(testEnv.STORE, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== method) return value.bind(target);
      return (...parameters: unknown[]) => instead(() => Reflect.apply(value, target, parameters));
    },
  });
  return { ...testEnv, STORE };
}

const refuse = () => Promise.reject(new Error("put: We encountered an internal error. (10001)"));

describe("CreateBucket", () => {
  it("puts a marker with name, owner, time and settings, with one R2 call", async () => {
    const bucket = unique();
    const { env: counting, counts, log } = countingEnv(testEnv);
    await request({ bucket: await createBucket(), env: counting });
    log.length = 0;
    Object.assign(counts, { r2: 0, d1: 0 });
    expect(await request({ method: "PUT", bucket, env: counting })).toBe(200);
    const id = await idOf(bucket);
    // One D1 call finds out that there is no such bucket.
    expect([counts.r2, counts.d1, log]).toEqual([1, 2, [`put "~m/${id}"`]]);
    const row = await env.DB.prepare("SELECT created_at FROM buckets WHERE id = ?1").bind(id).first();
    expect(await markerOf(id)).toEqual({
      v: 1,
      name: bucket,
      createdAt: row?.created_at,
      owner: { accountId, canonicalId, displayName: "root", isRoot: true },
      hasObjectLock: false,
    });
    await runSweeps(testEnv, LATER());
    expect(await isDue(bucket)).toBe(false);
  });

  it("notes object lock, versioning and a region without storage of its own", async () => {
    const bucket = unique();
    const body =
      "<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>";
    const headers = { "x-amz-bucket-object-lock-enabled": "true" };
    expect(await request({ method: "PUT", bucket, body, headers })).toBe(200);
    expect(await markerOf(await idOf(bucket))).toMatchObject({
      versioning: "Enabled",
      hasObjectLock: true,
      location: { region: "eu-central-1" },
    });
    await runSweeps(testEnv, LATER());
    expect(await isDue(bucket)).toBe(false);
  });

  it("puts none where the bucket exists", async () => {
    const bucket = await createBucket();
    const puts: number[] = [];
    const counting = withStore("put", (original) => {
      puts.push(1);
      return original();
    });
    expect(await request({ method: "PUT", bucket, env: counting })).toBe(200);
    expect(puts).toEqual([]);
  });

  it("succeeds while R2 fails, and the sweep puts the marker", async () => {
    const bucket = unique();
    expect(await request({ method: "PUT", bucket, env: withStore("put", refuse) })).toBe(200);
    const id = await idOf(bucket);
    expect([await markerOf(id), await isDue(bucket)]).toEqual([undefined, true]);
    await runSweeps(withStore("head", refuse), LATER());
    expect([await markerOf(id), await isDue(bucket)]).toEqual([undefined, true]);
    await runSweeps(testEnv, LATER());
    expect([await markerOf(id), await isDue(bucket)]).toMatchObject([{ name: bucket }, false]);
  });
});

describe("the sweep of markers", () => {
  it("puts those of buckets that are older than markers, some in each run, and then reads nothing", async () => {
    const first = await createBucket();
    const ids = Array.from({ length: 230 }, (_, index) => `old${String(index).padStart(9, "0")}`);
    await env.DB.prepare(
      `INSERT INTO buckets (name, id, account_id, region, created_at)
       SELECT 'old-' || j.value, j.value, ?2, 'us-east-1', 1000 FROM json_each(?1) j`,
    )
      .bind(JSON.stringify(ids), accountId)
      .run();
    await env.DB.prepare("UPDATE buckets SET region = 'xx-gone-1' WHERE id = ?1").bind(ids[0]).run();
    const count = async () => (await env.STORE.list({ prefix: "~m/old0" })).objects.length;
    await runSweeps(testEnv, LATER());
    expect(await count()).toBe(199);
    await runSweeps(testEnv, LATER());
    expect([await count(), await isDue(first)]).toEqual([229, false]);
    const { results } = await env.DB.prepare("SELECT id FROM buckets WHERE marker_due IS NOT NULL").all();
    expect(results).toEqual([{ id: ids[0] }]);
    await env.DB.prepare("DELETE FROM buckets WHERE name LIKE 'old-%'").run();
  });

  it("corrects a marker that differs, unless it may be that of a request under way", async () => {
    const bucket = await createBucket();
    const id = await idOf(bucket);
    for (const text of ["not JSON", '{"v":2}', JSON.stringify({ ...(await markerOf(id)), versioning: "Enabled" })]) {
      await env.STORE.put(`~m/${id}`, text, { customMetadata: { bucket: text } });
      await env.DB.prepare("UPDATE buckets SET marker_due = 1 WHERE id = ?1").bind(id).run();
      await runSweeps(testEnv, new Date());
      expect([(await env.STORE.head(`~m/${id}`))?.customMetadata?.bucket, await isDue(bucket)]).toEqual([text, true]);
      await runSweeps(testEnv, LATER());
      expect([(await markerOf(id))?.name, (await markerOf(id))?.versioning]).toEqual([bucket, undefined]);
      expect(await isDue(bucket)).toBe(false);
    }
  });
});

describe("PutBucketVersioning and PutObjectLockConfiguration", () => {
  it("note their states", async () => {
    const bucket = await createBucket();
    const id = await idOf(bucket);
    expect(await versioning(bucket, "Enabled")).toBe(200);
    expect(await markerOf(id)).toMatchObject({ versioning: "Enabled", hasObjectLock: false });
    expect(await versioning(bucket, "Suspended")).toBe(200);
    expect(await markerOf(id)).toMatchObject({ versioning: "Suspended" });
    expect(await versioning(bucket, "Enabled")).toBe(200);
    const body = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
    const { contentMd5 } = await import("../../support/cors.ts");
    const lock = { method: "PUT", bucket, query: "object-lock", body, headers: contentMd5(body) };
    expect(await request(lock)).toBe(200);
    expect(await markerOf(id)).toMatchObject({ versioning: "Enabled", hasObjectLock: true });
    await runSweeps(testEnv, LATER());
    expect(await isDue(bucket)).toBe(false);
  });

  it("the marker never says that a versioned bucket is not, whichever call fails", async () => {
    const succeed = failingEnv(testEnv, undefined);
    expect(await versioning(await createBucket(), "Enabled", { env: succeed.env })).toBe(200);
    for (const when of ["before", "after"] as const) {
      for (const at of callsToFail(succeed.calls(), { when, lasting: "permanently" })) {
        const bucket = await createBucket();
        const status = await versioning(bucket, "Enabled", {
          env: failingEnv(testEnv, { at, when, lasting: "permanently" }).env,
        });
        const row = await env.DB.prepare(
          "SELECT 1 FROM bucket_documents d JOIN buckets b ON b.id = d.bucket_id WHERE b.name = ?1 AND kind = 'versioning'",
        )
          .bind(bucket)
          .first();
        const marker = await markerOf(await idOf(bucket));
        expect([at, when, row !== null && marker?.versioning === undefined]).toEqual([at, when, false]);
        if (status === 200) expect(row).not.toBeNull();
        await runSweeps(testEnv, LATER());
        const swept = await markerOf(await idOf(bucket));
        expect([at, when, swept?.versioning]).toEqual([at, when, row === null ? undefined : "Enabled"]);
      }
    }
  });

  it("a bucket is versioned within the second in which it was created, though R2 takes one write a second", async () => {
    const bucket = await createBucket();
    let refusals = 1;
    const limited = withStore("put", (original) => {
      if (refusals-- > 0) return Promise.reject(new Error("put: Reduce your concurrent request rate (10058)"));
      return original();
    });
    expect(await versioning(bucket, "Enabled", { env: limited })).toBe(200);
    expect(await markerOf(await idOf(bucket))).toMatchObject({ versioning: "Enabled" });
  });
});

describe("DeleteBucket", () => {
  it("removes the marker before the row, whichever call fails, and the sweep restores that of a bucket that stays", async () => {
    const succeed = failingEnv(testEnv, undefined);
    expect(await request({ method: "DELETE", bucket: await createBucket(), env: succeed.env })).toBe(204);
    for (const when of ["before", "after"] as const) {
      for (const at of callsToFail(succeed.calls(), { when, lasting: "permanently" })) {
        const bucket = await createBucket();
        const id = await idOf(bucket);
        await request({
          ...{ method: "DELETE", bucket },
          env: failingEnv(testEnv, { at, when, lasting: "permanently" }).env,
        });
        const stays = (await idOf(bucket)) === id;
        if (!stays) expect([at, when, await markerOf(id)]).toEqual([at, when, undefined]);
        await runSweeps(testEnv, LATER());
        expect([at, when, (await markerOf(id)) !== undefined]).toEqual([at, when, stays]);
      }
    }
  });

  it("a marker that is put late is removed with what else is left of the bucket", async () => {
    const bucket = await createBucket();
    const id = await idOf(bucket);
    const late = await env.STORE.get(`~m/${id}`);
    const text = (await late?.text()) ?? "";
    expect(await request({ method: "DELETE", bucket })).toBe(204);
    await env.STORE.put(`~m/${id}`, text, { customMetadata: { bucket: text } });
    await runSweeps(testEnv, new Date());
    expect(await markerOf(id)).toBeUndefined();
  });
});
