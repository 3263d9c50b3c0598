/** Where replicas go: a bucket of this deployment, or one behind a registered endpoint. */
import type { ObjectState } from "../model/object.ts";
import type { ReplicationRule } from "../model/replication.ts";
import type { OpenedObject } from "../storage/r2/opened-object.ts";

export interface Destination {
  /**
   * Makes the key what the source has, unless something later stands there, which is no failure.
   * @param opened to be read or left: the caller discards it
   */
  replicate(opened: OpenedObject, rule: ReplicationRule): Promise<void>;
  /**
   * Removes the key if what stands there came from the source and is no later than the removal; anything else is left, which
   * is no failure.
   */
  remove(key: string, removal: ObjectState): Promise<void>;
}
