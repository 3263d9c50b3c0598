/** Moves of objects within a bucket. */
import type { ApiClient } from "../client.ts";
import { hasCode } from "../errors.ts";
import { deleteObjects } from "./deletion.ts";
import { copyObject, headObject, renameObject } from "./objects.ts";

export interface Move {
  readonly bucket: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Moves objects, and replaces none that has the new key already. A bucket without RenameObject (an adopted one) gets a copy, and
 * then the deletion of what was copied.
 */
export function createMover(client: ApiClient): (move: Move) => Promise<void> {
  const withoutRename = new Set<string>();
  return async ({ bucket, from, to }) => {
    if (!withoutRename.has(bucket)) {
      try {
        return await renameObject(client, bucket, { from, to });
      } catch (error) {
        if (!hasCode(error, "NotImplemented")) throw error;
        withoutRename.add(bucket);
      }
    }
    await moveByCopy(client, { bucket, from, to });
  };
}

async function moveByCopy(client: ApiClient, { bucket, from, to }: Move): Promise<void> {
  const source = { bucket, key: from };
  const facts = await headObject(client, source);
  const target = { bucket, key: to };
  await copyObject(client, { source, target, keeps: facts, ifMatch: facts.etag, isNew: true });
  // These buckets take no condition on a deletion.
  const { etag, modifiedAt } = await headObject(client, source);
  if (etag !== facts.etag || modifiedAt !== facts.modifiedAt)
    throw new Error(`${from} was copied to ${to}, but not deleted: it was changed meanwhile.`);
  await deleteCopied(client, { bucket, from });
}

/** Deletes the source of a copy. */
export async function deleteCopied(client: ApiClient, { bucket, from }: Omit<Move, "to">): Promise<void> {
  const [failure] = await deleteObjects(client, { bucket, objects: [{ key: from }] });
  if (failure !== undefined) throw new Error(`${from} was copied, but not deleted. ${failure.reason}`);
}
