/** When background work was last seen to run, for an administrator who checks a deployment from outside. */
import type { RootGrant } from "../../access/authorize.ts";
import { type ProbeMessage, SCHEDULES, type Schedule } from "../../model/heartbeat.ts";

/** Rows of probes whose sender did not remove them are removed by a later probe. */
const PROBE_LIFETIME_MS = 60 * 60 * 1000;

export interface ScheduleRuns {
  /** The scheduled time of the last run; absent: it has not run yet. */
  readonly ranAt: ReadonlyMap<Schedule, Date>;
  /** The location of the database that answered, if the platform says so. */
  readonly databaseRegion: string | undefined;
}

export class Heartbeats {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** To be called in each run of a schedule. */
  async noteSchedule(schedule: Schedule, now: Date): Promise<void> {
    await this.#note(`schedule/${schedule}`, now);
  }

  async schedules(_by: RootGrant): Promise<ScheduleRuns> {
    const { results, meta } = await this.#db
      .prepare("SELECT name, at FROM heartbeats WHERE name >= 'schedule/' AND name < 'schedule0'")
      .all<{ name: string; at: number }>();
    const ranAt = new Map<Schedule, Date>();
    for (const schedule of SCHEDULES) {
      const row = results.find(({ name }) => name === `schedule/${schedule}`);
      if (row !== undefined) ranAt.set(schedule, new Date(row.at));
    }
    const region: unknown = meta.served_by_region;
    return { ranAt, databaseRegion: typeof region === "string" && region !== "" ? region : undefined };
  }

  /** A consumer has received the probe. One that comes long after it was sent is not noted. */
  async noteProbe({ id, queue, sentAt }: ProbeMessage, now: Date): Promise<void> {
    if (now.getTime() - sentAt < PROBE_LIFETIME_MS) await this.#note(`probe/${id}/${queue}`, now);
  }

  /** The queues whose consumers have received the probe. */
  async probed(_by: RootGrant, id: string): Promise<string[]> {
    const prefix = `probe/${id}/`;
    const { results } = await this.#db
      .prepare("SELECT name FROM heartbeats WHERE name >= ?1 AND name < ?2")
      .bind(prefix, `probe/${id}0`)
      .all<{ name: string }>();
    return results.map(({ name }) => name.slice(prefix.length));
  }

  async forgetProbe(_by: RootGrant, id: string): Promise<void> {
    await this.#db
      .prepare("DELETE FROM heartbeats WHERE name >= ?1 AND name < ?2")
      .bind(`probe/${id}/`, `probe/${id}0`)
      .run();
  }

  /** Removes what earlier probes have left. */
  async forgetOldProbes(_by: RootGrant, now: Date): Promise<void> {
    await this.#db
      .prepare("DELETE FROM heartbeats WHERE name >= 'probe/' AND name < 'probe0' AND at < ?1")
      .bind(now.getTime() - PROBE_LIFETIME_MS)
      .run();
  }

  async #note(name: string, now: Date): Promise<void> {
    await this.#db
      .prepare("INSERT INTO heartbeats (name, at) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET at = excluded.at")
      .bind(name, now.getTime())
      .run();
  }
}
