import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { testEnv } from "../../support/s3.ts";
import { runSweeps } from "../../support/worker.ts";

const DAY = 24 * 60 * 60 * 1000;

it("only receivers without an attempt for 30 days are removed", async () => {
  const now = new Date();
  for (const [id, days] of [
    ["old", 31],
    ["recent", 29],
  ] as const) {
    await env.DB.prepare(
      `INSERT INTO receivers (id, kind, name, account_id, host, delivered, given_up, failed, retried, updated_at)
       VALUES (?1, 'callback', ?1, '', '', 0, 0, 0, 0, ?2)`,
    )
      .bind(id, now.getTime() - days * DAY)
      .run();
  }
  await runSweeps(testEnv, now);
  const { results } = await env.DB.prepare("SELECT id FROM receivers").all();
  expect(results).toEqual([{ id: "recent" }]);
});
