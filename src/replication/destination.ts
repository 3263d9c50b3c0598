/** The destination of a rule: a bucket of this deployment, or one behind a registered endpoint. */
import type { ObjectState } from "../model/object.ts";
import type { ReplicationRule } from "../model/replication.ts";
import type { OpenedObject } from "../storage/r2/opened-object.ts";

export interface Destination {
  /**
   * Writes the source's object to its key, unless the destination has a later one; that is not a failure.
   * @param opened may be left unread; the caller discards it
   */
  replicate(opened: OpenedObject, rule: ReplicationRule): Promise<void>;
  /**
   * Removes the key if its object came from the source and is not later than the removal. Leaving it is not a failure.
   */
  remove(key: string, removal: ObjectState): Promise<void>;
}
