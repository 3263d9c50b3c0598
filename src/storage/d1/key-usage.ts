/**
 * When a key was last used (GetAccessKeyLastUsed). Kept off the path of the request: at most one write per key, isolate
 * and quarter of an hour, after the answer, and a lost one is made up by the next.
 */
import type { AccountCaller } from "../../model/caller.ts";
import { TtlCache } from "../ttl-cache.ts";

export const ACCURACY_MS = 15 * 60 * 1000;
const MAX_KEYS = 2_000;

export class KeyUsage {
  readonly #db: D1Database;
  readonly #rootAccessKeyId: string;
  readonly #noted = new TtlCache<true>({ ttlMs: ACCURACY_MS, maxEntries: MAX_KEYS });

  /** @param rootAccessKeyId the deployment's own key, which stands in no row */
  constructor(db: D1Database, rootAccessKeyId: string) {
    this.#db = db;
    this.#rootAccessKeyId = rootAccessKeyId;
  }

  /**
   * To be called for authenticated callers only. The use of temporary credentials is their maker's.
   * @returns the write to be waited for after the answer; undefined where there is nothing to write
   */
  note(caller: AccountCaller, use: { service: string; region: string; now: Date }): Promise<void> | undefined {
    const accessKeyId = caller.session?.makerAccessKeyId ?? caller.accessKeyId;
    const now = use.now.getTime();
    if (accessKeyId === this.#rootAccessKeyId || this.#noted.get(accessKeyId, now) !== undefined) return undefined;
    this.#noted.set(accessKeyId, true, now);
    return this.#write(accessKeyId, use.service, use.region, now);
  }

  async #write(accessKeyId: string, service: string, region: string, now: number): Promise<void> {
    try {
      await this.#db
        .prepare(
          `UPDATE access_keys SET last_used_at = ?2, last_used_service = ?3, last_used_region = ?4
           WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at <= ?2 - ?5)`,
        )
        .bind(accessKeyId, now, service, region, ACCURACY_MS)
        .run();
    } catch {
      // Nobody's request may fail over this; the next use of the key tries again.
      this.#noted.delete(accessKeyId);
    }
  }
}
