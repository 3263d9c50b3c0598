/**
 * What a replicator of another workers-s3 says of the write it asks for: which state of its object this is. The write is
 * then a replica: it keeps that object's Last-Modified, is not replicated further, and takes the place only of what is
 * earlier, which is decided together with the write. All that the header gives is behind s3:ReplicateObject (writes,
 * HEAD) or s3:ReplicateDelete, on top of what the operation takes without it.
 *
 * Not a header of AWS. Its name begins as theirs do because those must be signed.
 */
import { invalidArgument, S3Error } from "../errors.ts";
import type { ObjectVersion } from "../model/replication.ts";

export const REPLICA_HEADER = "x-amz-workers-s3-replica";

/** How far clocks may differ, as for signatures. */
const MAX_AHEAD_MS = 15 * 60 * 1000;

/** `<Last-Modified>.<revision>.<ETag>`, times in milliseconds since 1970. */
const FORM = /^(?<lastModified>\d{1,15})\.(?<revision>\d{1,16})\.(?<etag>[0-9A-Za-z-]{0,64})$/;

export function formatReplicaVersion({ lastModified, revision, etag }: ObjectVersion): string {
  return `${lastModified}.${revision}.${etag}`;
}

/** Undefined for what `formatReplicaVersion` cannot have written. */
export function readReplicaVersion(text: string): ObjectVersion | undefined {
  const groups = FORM.exec(text)?.groups;
  if (groups === undefined) return undefined;
  return { lastModified: Number(groups.lastModified), revision: Number(groups.revision), etag: groups.etag ?? "" };
}

/**
 * Undefined if the request is no replicator's.
 * @throws S3Error `InvalidArgument` for a value of another form or from the future, which would stand against every
 *   later write; `InvalidRequest` beside a condition of the request's own
 */
export function parseReplicaVersion(headers: Headers, now: Date): ObjectVersion | undefined {
  const text = headers.get(REPLICA_HEADER);
  if (text === null) return undefined;
  const version = readReplicaVersion(text);
  if (version === undefined) throw invalidArgument("The version of a replica is malformed.", REPLICA_HEADER, text);
  if (version.lastModified > now.getTime() + MAX_AHEAD_MS) {
    throw invalidArgument("The version of a replica lies in the future.", REPLICA_HEADER, text);
  }
  if (headers.has("if-match") || headers.has("if-none-match")) {
    throw new S3Error("InvalidRequest", { message: `${REPLICA_HEADER} cannot be combined with another condition.` });
  }
  return version;
}
