/** Pieces of an opened object, each read anew, and none of them of a state that was written since. */
import { type AclState, effectiveAcl } from "../access/acl/ownership.ts";
import type { GrantedBucket } from "../access/authorize.ts";
import { compareStates, type StoredObject } from "../model/object.ts";
import type { ObjectPart, Objects } from "../storage/r2/objects.ts";
import type { OpenedObject } from "../storage/r2/opened-object.ts";

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

export function readSource(objects: Objects, bucket: GrantedBucket, opened: OpenedObject): SourceReader {
  const { object } = opened;
  let isUsed = false;
  const requireSame = (found: StoredObject | undefined) => {
    if (found === undefined || compareStates(found.state, object.state) !== 0) throw new SourceChanged();
  };
  return {
    object,
    access: effectiveAcl(bucket, object),
    async open({ first, length }) {
      if (length === 0) return new Blob([]).stream();
      // What has been opened to be looked at serves the first reader of all of it.
      if (length === object.sizeBytes && !isUsed) {
        isUsed = true;
        return opened.body("put");
      }
      const piece = await objects.open(bucket, object.key, { kind: "from", first, last: first + length - 1 });
      try {
        requireSame(piece?.object);
      } catch (error) {
        await piece?.discard();
        throw error;
      }
      if (piece === undefined) throw new SourceChanged();
      return piece.body("put");
    },
    async parts() {
      const found = await objects.parts(bucket, object.key);
      requireSame(found?.object);
      return found?.parts;
    },
  };
}
