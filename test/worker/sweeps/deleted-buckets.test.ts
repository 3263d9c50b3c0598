import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { runSweeps } from "../../support/worker.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

async function deleteNew(): Promise<string> {
  const bucket = await createBucket();
  const row = await env.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket).first<{ id: string }>();
  expect((await send({ method: "DELETE", bucket })).status).toBe(204);
  return row?.id ?? "";
}

async function entriesOf(id: string): Promise<string[]> {
  return (await env.STORE.list({ prefix: `${id}/` })).objects.map((object) => object.key.slice(id.length + 1));
}

async function isRemembered(id: string): Promise<boolean> {
  return (await env.DB.prepare("SELECT 1 FROM deleted_buckets WHERE id = ?1").bind(id).first()) !== null;
}

const inDays = (days: number) => new Date(Date.now() + days * DAY_MS);

describe("the sweep of deleted buckets", () => {
  it("removes entries that are left or put late, and forgets an empty bucket a week after its deletion", async () => {
    const id = await deleteNew();
    await env.STORE.put(`${id}/late`, "x");
    await runSweeps(testEnv, inDays(0));
    expect(await entriesOf(id)).toEqual([]);
    expect(await isRemembered(id)).toBe(true);

    await env.STORE.put(`${id}/later`, "x");
    await runSweeps(testEnv, inDays(6));
    expect([await entriesOf(id), await isRemembered(id)]).toEqual([[], true]);

    await runSweeps(testEnv, inDays(8));
    expect(await isRemembered(id)).toBe(false);
  });

  it("removes tombstones", async () => {
    const bucket = await createBucket();
    const row = await env.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket).first<{ id: string }>();
    const id = row?.id ?? "";
    await send({ method: "PUT", bucket, key: "k", body: "x" });
    await send({ method: "DELETE", bucket, key: "k", headers: { "if-match": "*" } });
    expect(await entriesOf(id)).toEqual(["k"]);
    await send({ method: "DELETE", bucket });
    await runSweeps(testEnv, inDays(0));
    expect(await entriesOf(id)).toEqual([]);
  });

  it("removes nothing from other buckets and a new bucket of the same name", async () => {
    const bucket = await createBucket();
    await send({ method: "DELETE", bucket });
    await send({ method: "PUT", bucket });
    await send({ method: "PUT", bucket, key: "k", body: "stays" });
    const other = await createBucket();
    await send({ method: "PUT", bucket: other, key: "k", body: "stays" });
    await runSweeps(testEnv, inDays(0));
    await runSweeps(testEnv, inDays(30));
    for (const name of [bucket, other]) expect(await (await send({ bucket: name, key: "k" })).text()).toBe("stays");
  });

  it("reaches every bucket, however many there are", async () => {
    const ids: string[] = [];
    for (let index = 0; index < 45; index++) ids.push(`sweep${String(index).padStart(7, "0")}`);
    await env.DB.batch(
      ids.map((id) =>
        env.DB.prepare("INSERT INTO deleted_buckets (id, region, deleted_at) VALUES (?1, 'us-east-1', ?2)").bind(
          id,
          Date.now(),
        ),
      ),
    );
    await Promise.all(ids.map((id) => env.STORE.put(`${id}/left`, "x")));
    for (let run = 0; run < 3; run++) await runSweeps(testEnv, new Date(Date.now() + run * 600_000));
    for (const id of ids) expect([id, await entriesOf(id)]).toEqual([id, []]);
  });

  it("keeps a bucket whose region has no binding", async () => {
    const id = "nowhere00000";
    await env.DB.prepare("INSERT INTO deleted_buckets (id, region, deleted_at) VALUES (?1, 'xx-gone-1', 0)")
      .bind(id)
      .run();
    await runSweeps(testEnv, inDays(30));
    expect(await isRemembered(id)).toBe(true);
  });
});
