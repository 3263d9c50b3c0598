/** Reads the records of the marked entries among the rows of a listing, with a bounded number of calls. */
import { compareBytes } from "../../model/byte-order.ts";
import { type CountedStore, R2_PAGE } from "./listed-items.ts";
import { lastRow, type Row } from "./listed-rows.ts";

/** Up to this many marked entries are read one by one; more are listed again with metadata. */
export const MAX_SINGLE_READS = 8;
/** A Worker has six connections. */
const CALLS_AT_ONCE = 6;

export interface MarkedQuery {
  /** An R2 page. */
  readonly rows: readonly Row[];
  /** The rows that are asked for. */
  readonly from: number;
  readonly to: number;
  /** With which R2 listed them: prefix and delimiter, and where its page began. */
  readonly scope: R2ListOptions;
  readonly start: R2ListOptions;
  /** Calls that must be left afterwards. */
  readonly reserve: number;
}

/** By R2 key; undefined for an entry that was deleted meanwhile. Those for which no call was left are absent. */
export type MarkedEntries = ReadonlyMap<string, R2Object | undefined>;

export async function readMarked(store: CountedStore, query: MarkedQuery): Promise<MarkedEntries> {
  const marked: number[] = [];
  for (let index = query.from; index < query.to; index++) if (query.rows[index]?.kind === "marked") marked.push(index);
  const reader = new Reader(store, query);
  if (marked.length <= Math.min(MAX_SINGLE_READS, reader.callsLeft)) await reader.readEach(marked);
  else await reader.listAgain(marked);
  return reader.found;
}

/** Rows that are still to be read: from the cursor, if there is one. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly cursor?: string;
}

class Reader {
  readonly found = new Map<string, R2Object | undefined>();
  readonly #store: CountedStore;
  readonly #query: MarkedQuery;

  constructor(store: CountedStore, query: MarkedQuery) {
    this.#store = store;
    this.#query = query;
  }

  get callsLeft(): number {
    return this.#store.left - this.#query.reserve;
  }

  async readEach(marked: readonly number[]): Promise<void> {
    await Promise.all(
      marked.map(async (index) => {
        const name = this.#nameOf(index);
        this.found.set(name, (await this.#store.head(name)) ?? undefined);
      }),
    );
  }

  /**
   * How many rows a page with metadata has depends on their length, and the first one shows it. The rest is read in ranges of
   * at most that many rows, from a marked entry to a marked entry, several at once.
   */
  async listAgain(marked: readonly number[]): Promise<void> {
    const first = marked[0] ?? 0;
    const end = (marked.at(-1) ?? 0) + 1;
    const reached = (await this.#listOnce({ from: first, to: end })).from;
    const size = Math.max(1, reached - first);
    const ranges: Range[] = [];
    for (const index of marked) {
      if (index < reached) continue;
      const open = ranges.at(-1);
      if (open !== undefined && index < open.from + size)
        ranges[ranges.length - 1] = { from: open.from, to: index + 1 };
      else ranges.push({ from: index, to: index + 1 });
    }
    const work = async () => {
      for (let range = ranges.shift(); range !== undefined; range = ranges.shift()) await this.#list(range);
    };
    await Promise.all(Array.from({ length: Math.min(CALLS_AT_ONCE, ranges.length) }, work));
  }

  async #list(range: Range): Promise<void> {
    let left = range;
    // R2 bills a list at several times the price of a read.
    if (range.to - range.from === 1 && this.callsLeft > 0) return this.readEach([range.from]);
    while (left.from < left.to && this.callsLeft > 0) left = await this.#listOnce(left);
  }

  /** One call. Returns what is left of the range. */
  async #listOnce({ from, to, cursor }: Range): Promise<Range> {
    if (this.callsLeft <= 0) return { from, to };
    const page = await this.#store.list({
      ...this.#query.scope,
      ...(cursor === undefined ? this.#startOf(from) : { cursor }),
      // R2 lists a prefix again if the listing starts at it.
      limit: Math.min(to - from + 1, R2_PAGE),
      include: ["customMetadata"],
    });
    const shown = new Map(page.objects.map((object) => [object.key, object]));
    const last = page.truncated ? lastRow(page) : undefined;
    let next = from;
    for (; next < to; next++) {
      const name = this.#nameOf(next);
      if (last !== undefined && compareBytes(name, last) > 0) break;
      if (this.#query.rows[next]?.kind === "marked") this.found.set(name, shown.get(name));
    }
    return { from: next, to, ...(page.truncated && { cursor: page.cursor }) };
  }

  #startOf(index: number): R2ListOptions {
    return index === 0 ? this.#query.start : { startAfter: this.#nameOf(index - 1) };
  }

  #nameOf(index: number): string {
    return this.#query.rows[index]?.name ?? "";
  }
}
