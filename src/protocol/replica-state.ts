/**
 * The header with which another workers-s3 deployment marks a write as a replica and names the state of its object. A
 * replica keeps the Last-Modified of that object, is not replicated again, and replaces only an earlier state, which is
 * compared together with the write. The header needs s3:ReplicateObject (writes, HEAD) or s3:ReplicateDelete besides
 * the permissions of the operation.
 *
 * AWS has no such header. Its name begins like those of AWS because clients must sign such headers.
 */
import { invalidArgument, S3Error } from "../errors.ts";
import type { ObjectState } from "../model/object.ts";
import { liesAhead, MAX_AHEAD_MS, REMOVAL_REVISION, type ReplicaState } from "../model/replication.ts";
import { formatIso8601 } from "./dates.ts";

export const REPLICA_HEADER = "x-amz-workers-s3-replica";
/** Id of the bucket that the replica comes from. A removal deletes only a replica with the same source. */
export const REPLICA_SOURCE_HEADER = "x-amz-workers-s3-replica-source";
const SOURCE_ID = /^[a-z0-9]{12}$/;

/** `<Last-Modified>.<revision>.<ETag>`, times in milliseconds since 1970. */
const REPLICA_STATE = /^(?<lastModified>\d{1,15})\.(?<revision>\d{1,16})\.(?<etag>[0-9A-Za-z-]{0,64})$/;

export function formatReplicaState({ lastModified, revision, etag }: ObjectState): string {
  return `${lastModified}.${revision}.${etag}`;
}

/** Undefined for text that `formatReplicaState` cannot have written. */
export function findReplicaState(text: string): ObjectState | undefined {
  const groups = REPLICA_STATE.exec(text)?.groups;
  if (groups === undefined) return undefined;
  return { lastModified: Number(groups.lastModified), revision: Number(groups.revision), etag: groups.etag ?? "" };
}

/**
 * Undefined if the request does not come from a replicator.
 * @param change what the request asks for; only a removal, which leaves nothing behind, may be later than all revisions
 * @throws S3Error `InvalidArgument` for values of another form; `RequestTimeTooSkewed` for a time in the future, which
 *   the sender retries later; `InvalidRequest` together with another condition
 */
export function parseReplicaState(headers: Headers, now: Date, change: "write" | "removal"): ReplicaState | undefined {
  const text = headers.get(REPLICA_HEADER);
  if (text === null) return undefined;
  const state = findReplicaState(text);
  if (state === undefined) throw invalidArgument("The state of a replica is malformed.", REPLICA_HEADER, text);
  const isLast = change === "removal" && state.revision === REMOVAL_REVISION;
  if (liesAhead(isLast ? { ...state, revision: 0 } : state, now)) {
    throw new S3Error("RequestTimeTooSkewed", {
      message: "The difference between the time of the replica and the current time is too large.",
      details: { ServerTime: formatIso8601(now), MaxAllowedSkewMilliseconds: String(MAX_AHEAD_MS) },
    });
  }
  if (headers.has("if-match") || headers.has("if-none-match")) {
    throw new S3Error("InvalidRequest", { message: `${REPLICA_HEADER} cannot be combined with another condition.` });
  }
  const source = headers.get(REPLICA_SOURCE_HEADER);
  if (source === null) return state;
  if (SOURCE_ID.test(source)) return { ...state, source };
  throw invalidArgument("The source of a replica is malformed.", REPLICA_SOURCE_HEADER, source);
}
