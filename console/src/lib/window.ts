/** Which rows of a long table exist in the page: those that are visible, and some before and after them. */

export interface RowWindow {
  /** First row that is drawn. */
  readonly first: number;
  /** Behind the last row that is drawn. */
  readonly end: number;
  readonly heightBefore: number;
  readonly heightAfter: number;
}

const EXTRA_ROWS = 12;

export interface Viewport {
  readonly scrollTop: number;
  readonly height: number;
}

export function rowWindow(count: number, rowHeight: number, { scrollTop, height }: Viewport): RowWindow {
  const last = Math.ceil((scrollTop + height) / rowHeight) + EXTRA_ROWS;
  const end = Math.max(0, Math.min(count, last));
  const first = Math.max(0, Math.min(end, Math.floor(scrollTop / rowHeight) - EXTRA_ROWS));
  return { first, end, heightBefore: first * rowHeight, heightAfter: (count - end) * rowHeight };
}
