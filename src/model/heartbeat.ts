/** Background work that shows that it runs. */

/** The work of each trigger of wrangler.toml. */
export const SCHEDULES = ["events", "lifecycle", "inventories", "sweeps"] as const;
export type Schedule = (typeof SCHEDULES)[number];

/** The queues of a deployment, to each of which a probe can be sent. */
export const PROBED_QUEUES = ["events", "deliveries", "retries", "replication", "access-logs", "dead-letters"] as const;
export type ProbedQueue = (typeof PROBED_QUEUES)[number];

/** Shows that a queue is consumed; a check of the deployment sends it. */
export interface ProbeMessage {
  readonly kind: "probe";
  readonly id: string;
  readonly queue: ProbedQueue;
  /** Milliseconds since 1970. */
  readonly sentAt: number;
}
