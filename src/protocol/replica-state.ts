/**
 * What a replicator of another workers-s3 says of the write it asks for: which state of its object this is. The write is
 * then a replica: it keeps that object's Last-Modified, is not replicated further, and takes the place only of what is
 * earlier, which is decided together with the write. All that the header gives is behind s3:ReplicateObject (writes,
 * HEAD) or s3:ReplicateDelete, on top of what the operation takes without it.
 *
 * Not a header of AWS. Its name begins as theirs do because those must be signed.
 */
import { invalidArgument, S3Error } from "../errors.ts";
import type { ObjectState } from "../model/object.ts";
import { liesAhead, MAX_AHEAD_MS, REMOVAL_REVISION, type ReplicaState } from "../model/replication.ts";
import { formatIso8601 } from "./dates.ts";

export const REPLICA_HEADER = "x-amz-workers-s3-replica";
/** Id of the bucket the replica comes from. A removal takes away what was brought with the same, and nothing else. */
export const REPLICA_SOURCE_HEADER = "x-amz-workers-s3-replica-source";
const SOURCE_ID = /^[a-z0-9]{12}$/;

/** `<Last-Modified>.<revision>.<ETag>`, times in milliseconds since 1970. */
const REPLICA_STATE = /^(?<lastModified>\d{1,15})\.(?<revision>\d{1,16})\.(?<etag>[0-9A-Za-z-]{0,64})$/;

export function formatReplicaState({ lastModified, revision, etag }: ObjectState): string {
  return `${lastModified}.${revision}.${etag}`;
}

/** Undefined for what `formatReplicaState` cannot have written. */
export function findReplicaState(text: string): ObjectState | undefined {
  const groups = REPLICA_STATE.exec(text)?.groups;
  if (groups === undefined) return undefined;
  return { lastModified: Number(groups.lastModified), revision: Number(groups.revision), etag: groups.etag ?? "" };
}

/**
 * Undefined if the request is no replicator's.
 * @param change what the request asks for; only a removal, of which nothing stays, may be later than all revisions
 * @throws S3Error `InvalidArgument` for values of another form; `RequestTimeTooSkewed` for one that lies ahead, which
 *   the sender tries again when its time has come; `InvalidRequest` beside a condition of the request's own
 */
export function parseReplicaState(headers: Headers, now: Date, change: "write" | "removal"): ReplicaState | undefined {
  const text = headers.get(REPLICA_HEADER);
  if (text === null) return undefined;
  const state = findReplicaState(text);
  if (state === undefined) throw invalidArgument("The version of a replica is malformed.", REPLICA_HEADER, text);
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
