import type { Bucket } from "../../model/bucket.ts";
import type { Owner } from "../../protocol/xml/common-elements.ts";
import type { OperationContext } from "../operation.ts";

/** Names the owners in a listing. Without D1, only the canonical id is known of owners other than the bucket's. */
export function ownerNamer(bucket: Bucket, names?: ReadonlyMap<string, string>): (ownerId: string) => Owner {
  return (id) => ({ id, displayName: id === bucket.ownerId ? bucket.ownerDisplayName : (names?.get(id) ?? "") });
}

/** Display names by canonical id. One D1 query; none if only the bucket's owner and the caller are asked for. */
export async function findNames(
  ids: readonly string[],
  bucket: Bucket,
  { grant, stores }: Pick<OperationContext, "grant" | "stores">,
): Promise<ReadonlyMap<string, string>> {
  const { caller } = grant;
  const names = new Map([[bucket.ownerId, bucket.ownerDisplayName]]);
  if (caller.kind === "account") names.set(caller.account.canonicalId, caller.account.displayName);
  const unknown = ids.filter((id) => !names.has(id));
  const found = unknown.length === 0 ? [] : await stores.displayNames.find(grant, unknown);
  return new Map([...names, ...found]);
}
