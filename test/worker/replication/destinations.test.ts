/** The destinations of replication that DeleteBucket checks: stored with the configurations, not parsed from them. */
import { describe, expect, it } from "vitest";
import type { Grant } from "../../../src/access/authorize.ts";
import { Buckets } from "../../../src/storage/d1/buckets.ts";
import type { Directory } from "../../../src/storage/d1/directory.ts";
import { arn, putReplication, replicationDocument, replicationRule } from "../../support/replication.ts";
import { send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";

async function replicate(source: string, ...targets: string[]): Promise<void> {
  const rules = targets.map((target, priority) => replicationRule({ destination: arn(target), priority }));
  const response = await putReplication(source, replicationDocument(...rules));
  expect([response.status, await response.text()]).toEqual([200, ""]);
}

const deletion = async (bucket: string) => (await send({ method: "DELETE", bucket })).status;

/** The database, which records how many rows its queries read. */
function measured(rowsRead: number[]): D1Database {
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement =>
    ({
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      async first() {
        const { results, meta } = await statement.all();
        rowsRead.push(meta.rows_read);
        return results[0] ?? null;
      },
    }) as unknown as D1PreparedStatement;
  return { prepare: (query: string) => wrap(testEnv.DB.prepare(query)) } as unknown as D1Database;
}

describe("DeleteBucket of a replication destination", () => {
  it("follows the present configuration: replaced, deleted, or removed with its bucket", async () => {
    const [source, other, one, two] = [
      await createBucket(),
      await createBucket(),
      await createBucket(),
      await createBucket(),
    ];
    await replicate(source, one, two);
    expect([await deletion(one), await deletion(two)]).toEqual([409, 409]);
    await replicate(source, two, two);
    expect([await deletion(one), await deletion(two)]).toEqual([204, 409]);
    await replicate(other, two);
    expect((await send({ method: "DELETE", bucket: source, query: "replication" })).status).toBe(204);
    expect(await deletion(two)).toBe(409);
    expect(await deletion(other)).toBe(204);
    expect(await deletion(two)).toBe(204);
  });

  it("reads few rows, however many rules other buckets have", async () => {
    const [source, target, asked] = [await createBucket(), await createBucket(), await createBucket()];
    await replicate(source, ...Array.from({ length: 100 }, () => target));
    const copies = Array.from({ length: 50 }, (_, index) => `copy-${String(index).padStart(7, "0")}`);
    const kept = JSON.stringify(copies);
    await testEnv.DB.batch([
      testEnv.DB.prepare(
        `INSERT INTO buckets (name, id, account_id, region, created_at)
         SELECT value, value, (SELECT account_id FROM buckets WHERE name = ?2), 'us-east-1', 0 FROM json_each(?1)`,
      ).bind(kept, source),
      testEnv.DB.prepare(
        `INSERT INTO bucket_documents (bucket_id, kind, body, updated_at)
         SELECT value, 'replication', (SELECT body FROM bucket_documents d JOIN buckets b ON b.id = d.bucket_id
           WHERE b.name = ?2 AND d.kind = 'replication'), 0 FROM json_each(?1)`,
      ).bind(kept, source),
    ]);
    const row = await testEnv.DB.prepare("SELECT account_id FROM buckets WHERE name = ?1")
      .bind(asked)
      .first<{ account_id: string }>();
    const rowsRead: number[] = [];
    const buckets = new Buckets(measured(rowsRead), {} as Directory, 0);
    const find = (name: string) =>
      buckets.findReplicatedFrom({} as Grant, { name, accountId: row?.account_id ?? "" } as never);
    expect([await find(asked), await find(target)]).toEqual([undefined, source]);
    expect(Math.max(...rowsRead)).toBeLessThan(10);
  });
});
