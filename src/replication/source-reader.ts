/** Pieces of an opened object, each read anew, and none of them of a state that was written since. */
import { effectiveAcl } from "../access/acl/ownership.ts";
import type { GrantedBucket } from "../access/authorize.ts";
import type { StoredObject } from "../model/object.ts";
import { compareStates } from "../model/replication.ts";
import type { Objects } from "../storage/r2/objects.ts";
import type { OpenedObject } from "../storage/r2/opened-object.ts";
import { SourceChanged, type SourceReader } from "./destination.ts";

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
