/** Scrubs in the isolate of the tests, without the admin API. */
import { env as bindings } from "cloudflare:workers";
import { expect } from "vitest";
import type { RootGrant } from "../../src/access/authorize.ts";
import type { Env } from "../../src/env.ts";
import type { CountName, Finding } from "../../src/scrub/findings.ts";
import { firstPosition, formatCursor, type Position, parseCursor } from "../../src/scrub/position.ts";
import { runStep } from "../../src/scrub/step.ts";
import { openServices } from "../../src/services.ts";
import { testEnv } from "./worker.ts";

/** Only root may scrub; here there is no request. */
const GRANT = {} as unknown as RootGrant;
/** No test has as much as takes so many steps. */
const MAX_STEPS = 5000;

export interface ScrubOptions {
  /** Absent: all buckets and what belongs to none. */
  readonly bucket?: string;
  readonly bytes?: boolean;
  readonly env?: Env;
  readonly now?: Date;
  /** After each step. */
  readonly onStep?: (calls: number) => void;
}

export interface ScrubResult {
  readonly findings: readonly Finding[];
  readonly counts: Partial<Record<CountName, number>>;
  readonly steps: number;
}

/** All steps, with the cursor of each as the command passes it. */
export async function scrub(options: ScrubOptions = {}): Promise<ScrubResult> {
  const { bucket, bytes = false, env = testEnv, now = new Date(), onStep } = options;
  const findings: Finding[] = [];
  const counts: Partial<Record<CountName, number>> = {};
  let position: Position | undefined = firstPosition({ ...(bucket !== undefined && { bucket }), bytes });
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    if (position === undefined) return { findings, counts, steps };
    const reads = openServices(env).scrub.open(GRANT);
    const outcome = await runStep(reads, parseCursor(formatCursor(position)), now);
    findings.push(...outcome.findings);
    for (const [name, count] of Object.entries(outcome.counts) as [CountName, number][]) {
      counts[name] = (counts[name] ?? 0) + count;
    }
    onStep?.(reads.counts.calls);
    position = outcome.next;
  }
  throw new Error(`a scrub does not end after ${MAX_STEPS} steps`);
}

/** Scrubs everything. For the end of a test that has let calls fail. */
export async function expectNoFindings(env: Env = testEnv): Promise<void> {
  await adoptBuckets();
  const { findings } = await scrub({ env });
  expect(findings).toEqual([]);
}

/**
 * Tests of storage write into buckets without rows, or with a row only: they get what their objects need. A scrub looks at
 * buckets that have a row.
 */
async function adoptBuckets(): Promise<void> {
  const ids = new Set<string>();
  for (const prefix of ["", "~v/"]) {
    const page = await bindings.STORE.list({ prefix, delimiter: "/" });
    for (const found of page.delimitedPrefixes) ids.add(found.slice(prefix.length, -1));
  }
  const values = JSON.stringify([...ids].filter((id) => /^[a-z0-9]{12}$/.test(id)));
  await bindings.DB.batch([
    bindings.DB.prepare(
      `INSERT INTO buckets (name, id, account_id, region, created_at)
       SELECT 'test-bucket-' || j.value, j.value, a.id, 'us-east-1', 0 FROM json_each(?1) j, accounts a
       WHERE a.is_root = 1 AND j.value NOT IN (SELECT id FROM buckets) AND j.value NOT IN (SELECT id FROM deleted_buckets)`,
    ).bind(values),
    ...Object.entries({ versioning: "Enabled", objectLock: {} }).map(([kind, document]) =>
      bindings.DB.prepare(
        `INSERT OR IGNORE INTO bucket_documents (bucket_id, kind, body, updated_at)
         SELECT id, ?1, ?2, 0 FROM buckets WHERE name GLOB 'test-bucket-*'`,
      ).bind(kind, JSON.stringify(document)),
    ),
  ]);
}
