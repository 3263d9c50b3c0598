/** Reads the source object in pieces. A piece is refused if the object has been written since it was opened. */
import type { AclState } from "../access/acl/grants.ts";
import { effectiveAcl } from "../access/acl/ownership.ts";
import type { GrantedBucket } from "../access/authorize.ts";
import { compareStates, type StoredObject } from "../model/object.ts";
import type { ObjectPart, ObjectStore } from "../storage/r2/objects.ts";
import type { OpenedObject } from "../storage/r2/opened-object.ts";
import { orUndefined } from "./current-version.ts";

/** Opens pieces of the one state of the source object that is being replicated. */
export interface SourceReader {
  readonly object: StoredObject;
  /** Owner and ACL in effect; the bucket's settings can remove grants of the object's own ACL. */
  readonly access: AclState;
  /** @throws SourceChanged */
  open(piece: { readonly first: number; readonly length: number }): Promise<ReadableStream<Uint8Array>>;
  /** @returns undefined if it was not uploaded in parts. @throws SourceChanged */
  parts(): Promise<readonly ObjectPart[] | undefined>;
}

/** The source was written while it was being read: a newer state must be replicated. */
export class SourceChanged extends Error {
  override readonly name = "SourceChanged";

  constructor(message = "The object was written while it was being replicated.") {
    super(message);
  }
}

export function readSource(objects: ObjectStore, bucket: GrantedBucket, opened: OpenedObject): SourceReader {
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
      // The first reader of the whole object uses the one that is already open.
      if (length === object.sizeBytes && !isUsed) {
        isUsed = true;
        return opened.body("put");
      }
      const range = { kind: "from", first, last: first + length - 1 } as const;
      const piece = await orUndefined(objects.open(bucket, { key: object.key }, range));
      try {
        requireSame(piece?.object);
      } catch (error) {
        await piece?.discard();
        throw error;
      }
      if (piece === undefined) throw new SourceChanged();
      piece.unlock(opened.contentKey);
      return piece.body("put");
    },
    async parts() {
      const found = await orUndefined(objects.parts(bucket, { key: object.key }));
      requireSame(found?.object);
      return found?.parts;
    },
  };
}
