/** Where replicas go: a bucket of this deployment, or one behind a registered endpoint. */
import type { AclState } from "../access/acl/ownership.ts";
import type { StoredObject } from "../model/object.ts";
import type { ObjectState, ReplicationRule } from "../model/replication.ts";
import type { ObjectPart } from "../storage/r2/objects.ts";
import type { OpenedObject } from "../storage/r2/opened-object.ts";

export interface Destination {
  /**
   * Makes the key what the source has, unless something later stands there, which is no failure.
   * @param opened to be read or left: the caller discards it
   */
  bring(opened: OpenedObject, rule: ReplicationRule): Promise<void>;
  /**
   * Removes the key if what stands there came from the source and is no later than the removal; anything else is left, which
   * is no failure.
   */
  remove(key: string, removal: ObjectState): Promise<void>;
}

/** Opens pieces of the very state of the source object that is being replicated. */
export interface SourceReader {
  readonly object: StoredObject;
  /** Owner and ACL in force, which the bucket's settings may have made less than the object's own. */
  readonly access: AclState;
  /** @throws SourceChanged */
  open(piece: { readonly first: number; readonly length: number }): Promise<ReadableStream<Uint8Array>>;
  /** Undefined if it was not uploaded in parts. @throws SourceChanged */
  parts(): Promise<readonly ObjectPart[] | undefined>;
}

/** The source was written while it was being read: there is something newer to replicate. */
export class SourceChanged extends Error {
  override readonly name = "SourceChanged";

  constructor(message = "The object was written while it was being replicated.") {
    super(message);
  }
}
