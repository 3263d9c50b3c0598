/** Permission to change an entry. Only the journal issues it (a test refuses casts), so no write bypasses the journal. */
import type { Tag } from "../../model/object.ts";
import type { ReplicaState } from "../../model/replication.ts";

declare const issued: unique symbol;

/** Plain data, so that it can be sent to a Durable Object. */
export interface WriteTicket {
  readonly [issued]: true;
  /** The id that the entry will have, by which a sweep finds out whether the write took effect. */
  readonly writeId: string;
  /**
   * Alternatives of tags: an object with all tags of one of them is to be replicated and is marked so. Absent: it is not to
   * be replicated.
   */
  readonly replicateIf?: readonly (readonly Tag[])[];
  /**
   * The write is a replica of this state of an object elsewhere: it is marked so, never replicated further, and never
   * takes the place of a later one.
   */
  readonly replicaOf?: ReplicaState;
}

/** The longest data that a ticket adds to an entry. It permits no write. */
export const LONGEST_TICKET = issueTicket({
  writeId: "x".repeat(20),
  replicaOf: { lastModified: 1e12, revision: 1e12, etag: "x".repeat(38), source: "x".repeat(12) },
});

/** For the journal only (`test/unit/architecture.test.ts`). */
export function issueTicket(ticket: Omit<WriteTicket, typeof issued>): WriteTicket {
  return ticket as WriteTicket;
}
