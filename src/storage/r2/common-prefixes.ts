/**
 * Which of the common prefixes that R2 lists have something below them that is listed: R2 shows a prefix for a tombstone or a
 * delete marker as well. Flat listings find out, several prefixes with each call, within the bound on the calls of a listing.
 */
import { compareBytes } from "../../model/byte-order.ts";
import type { ListQuery } from "../../model/object.ts";
import { justBefore } from "./list-position.ts";
import { type CountedStore, commonPrefixOf, R2_PAGE } from "./listed-items.ts";

/** A Worker has six connections. */
const CALLS_AT_ONCE = 6;

/**
 * The end of a marker below a common prefix of which nothing is known yet, because the calls of one page were not enough. Any
 * other marker there says that the prefix has been passed. Both characters are no characters in Unicode.
 */
const UNDECIDED = "\u{10FFFE}\u{10FFFF}";

/** The last key that was looked at below such a prefix; undefined for other markers. */
export function findUndecided(
  marker: string,
  query: PrefixScope["query"],
): { readonly prefix: string; readonly key: string } | undefined {
  if (!marker.endsWith(UNDECIDED)) return undefined;
  const key = marker.slice(0, -UNDECIDED.length);
  const prefix = commonPrefixOf(key, query);
  return prefix === undefined ? undefined : { prefix, key };
}

export interface PrefixScope {
  /** What all R2 keys of the bucket begin with. */
  readonly base: string;
  readonly query: Pick<ListQuery, "prefix" | "delimiter">;
  /** The marker of the listing. */
  readonly after: string;
  readonly include?: "customMetadata"[];
  isListed(object: R2Object): boolean;
}

export class CommonPrefixes {
  readonly #store: CountedStore;
  readonly #scope: PrefixScope;
  readonly #known = new Map<string, boolean>();
  /** The last key that was looked at below prefixes of which nothing is known yet. */
  readonly #reached = new Map<string, string>();
  /** Whether one page was not enough for one prefix. */
  #areLarge = false;

  constructor(store: CountedStore, scope: PrefixScope) {
    this.#store = store;
    this.#scope = scope;
    const undecided = findUndecided(scope.after, scope.query);
    if (undecided !== undefined) this.#reached.set(undecided.prefix, undecided.key);
  }

  /** The marker of the next page, if this one ends before a prefix of which nothing is known yet. */
  markerIn(prefix: string): string | undefined {
    const key = this.#reached.get(prefix);
    return key === undefined ? undefined : key + UNDECIDED;
  }

  /**
   * Undefined if no call is left.
   * @param prefix the whole common prefix
   * @param following this one and others that will be asked for, in order
   */
  async isListed(prefix: string, following: () => readonly string[]): Promise<boolean | undefined> {
    for (;;) {
      const known = this.#known.get(prefix);
      if (known !== undefined) return known;
      const count = Math.min(this.#areLarge ? CALLS_AT_ONCE : 1, this.#store.left);
      if (count === 0) return undefined;
      const others = following().filter((other) => other !== prefix && !this.#known.has(other));
      await Promise.all([prefix, ...others.slice(0, count - 1)].map((asked) => this.#look(asked)));
    }
  }

  /** One R2 call. */
  async #look(asked: string): Promise<void> {
    const { base, query, include } = this.#scope;
    const reached = this.#reached.get(asked);
    const { objects, truncated } = await this.#store.list({
      prefix: base + query.prefix,
      startAfter: reached === undefined ? justBefore(base + asked) : base + reached,
      limit: R2_PAGE,
      ...(include !== undefined && { include }),
    });
    let open = asked;
    let isOnlyOne = true;
    for (const object of objects) {
      const name = object.key.slice(base.length);
      const prefix = commonPrefixOf(name, query);
      if (prefix === undefined || compareBytes(prefix, asked) < 0) continue;
      if (prefix !== open) {
        if (!this.#known.has(open)) this.#known.set(open, false);
        open = prefix;
        isOnlyOne = false;
      }
      if (this.#scope.isListed(object)) this.#known.set(prefix, true);
    }
    const last = objects.at(-1)?.key;
    if (!truncated || last === undefined || !last.startsWith(base + open)) {
      if (!this.#known.has(open)) this.#known.set(open, false);
    } else this.#reached.set(open, last.slice(base.length));
    this.#areLarge = truncated && isOnlyOne;
  }
}
