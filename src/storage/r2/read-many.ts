/** Reading R2 objects that are near each other, with few calls. */
import { compareBytes } from "../../model/byte-order.ts";
import { justBefore } from "./list-position.ts";
import type { CountedStore } from "./listed-items.ts";

/** Up to this many objects are read one by one; more are listed, with what is between them. */
const MAX_SINGLE_READS = 8;

export interface ReadMany {
  /** All of them begin with the prefix. */
  readonly r2Keys: Iterable<string>;
  readonly prefix: string;
  readonly include: "customMetadata"[];
  /** Calls that must be left afterwards. */
  readonly reserve: number;
}

/** By R2 key; undefined if there is none. Those for which no call was left are absent. */
export async function readMany(
  store: CountedStore,
  { r2Keys, prefix, include, reserve }: ReadMany,
): Promise<Map<string, R2Object | undefined>> {
  const found = new Map<string, R2Object | undefined>();
  const asked = [...new Set(r2Keys)].sort(compareBytes);
  let next = 0;
  let isSparse = asked.length <= MAX_SINGLE_READS;
  while (next < asked.length && store.left > reserve) {
    if (isSparse) {
      const group = asked.slice(next, next + Math.min(MAX_SINGLE_READS, store.left - reserve));
      await Promise.all(group.map(async (r2Key) => found.set(r2Key, (await store.head(r2Key)) ?? undefined)));
      next += group.length;
      isSparse = asked.length - next <= MAX_SINGLE_READS;
      continue;
    }
    const begin = next;
    const page = await store.list({ prefix, startAfter: justBefore(asked[next] ?? ""), include });
    const shown = new Map(page.objects.map((object) => [object.key, object]));
    const last = page.truncated ? (page.objects.at(-1)?.key ?? "") : undefined;
    for (; next < asked.length; next++) {
      const r2Key = asked[next] ?? "";
      if (last !== undefined && compareBytes(r2Key, last) > 0) break;
      found.set(r2Key, shown.get(r2Key));
    }
    // A read costs less than a listing that shows no more than reads would.
    isSparse = next - begin < MAX_SINGLE_READS;
  }
  return found;
}
