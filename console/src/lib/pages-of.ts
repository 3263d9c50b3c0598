/** A listing that arrives page by page: the rows so far, and whether there are more. */
export interface Listing<Row> {
  readonly rows: readonly Row[];
  readonly isComplete: boolean;
  readonly isLoading: boolean;
  readonly error: unknown;
}

export interface ListedPage<Row, Position> {
  readonly rows: readonly Row[];
  /** Undefined on the last page. */
  readonly next: Position | undefined;
}

export type LoadPage<Row, Position> = (
  position: Position | undefined,
  signal: AbortSignal,
) => Promise<ListedPage<Row, Position>>;

/** More rows than this are not kept: browsers limit the height of a table, and people do not scroll through them. */
export const MAX_ROWS = 300_000;

/** Loads pages one after another, when asked to. */
export class PagedList<Row, Position> {
  readonly #load: LoadPage<Row, Position>;
  readonly #onChange: (listing: Listing<Row>) => void;
  readonly #controller = new AbortController();
  readonly #rows: Row[] = [];
  #next: Position | undefined;
  #isComplete = false;
  #isLoading = false;

  constructor(load: LoadPage<Row, Position>, onChange: (listing: Listing<Row>) => void) {
    this.#load = load;
    this.#onChange = onChange;
  }

  /** Loads the next page, unless one is loading already or there is no other. */
  async loadMore(): Promise<void> {
    const { signal } = this.#controller;
    if (this.#isLoading || this.#isComplete || signal.aborted) return;
    this.#isLoading = true;
    this.#report(undefined);
    let error: unknown;
    try {
      const { rows, next } = await this.#load(this.#next, signal);
      for (const row of rows) this.#rows.push(row);
      this.#next = next;
      this.#isComplete = next === undefined || this.#rows.length >= MAX_ROWS;
    } catch (failure) {
      error = failure;
    }
    this.#isLoading = false;
    this.#report(error);
  }

  stop(): void {
    this.#controller.abort();
  }

  #report(error: unknown): void {
    if (this.#controller.signal.aborted) return;
    this.#onChange({ rows: this.#rows.slice(), isComplete: this.#isComplete, isLoading: this.#isLoading, error });
  }
}
