import type { Bucket } from "../../model/bucket.ts";
import type { Owner } from "../../protocol/xml/owner.ts";

/** Names the owners in a listing. Of others than the bucket's owner only the canonical id is known without D1. */
export function ownerNamer(bucket: Bucket): (ownerId: string) => Owner {
  return (id) => ({ id, displayName: id === bucket.ownerId ? bucket.ownerDisplayName : "" });
}
