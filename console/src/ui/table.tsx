/**
 * A table that draws only the rows in view, so that 100,000 rows cost as much as 40. Screen readers get the number and the
 * position of rows by `aria-rowcount` and `aria-rowindex`. The arrow keys, Home and End move between rows.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { rowWindow } from "../lib/window.ts";

export interface Column<Row> {
  readonly id: string;
  readonly header: ComponentChildren;
  readonly render: (row: Row, index: number) => ComponentChildren;
  /** The cell that names the row. */
  readonly isRowHeader?: boolean;
  /** CSS length; one column without it takes the rest. */
  readonly width?: string;
  readonly align?: "end";
  /** Left out on narrow screens. */
  readonly isOptional?: boolean;
}

export interface TableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  /** False while more rows can be loaded: their number is unknown then. */
  readonly isComplete?: boolean;
  /** Is called when the last rows come into view. */
  readonly onNearEnd?: () => void;
}

const ROW_HEIGHT = 44;
const NEAR_ROWS = 60;

export function Table<Row>(props: TableProps<Row>) {
  const { label, columns, rows, rowKey, isComplete = true, onNearEnd } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const [view, setView] = useState({ scrollTop: 0, height: 800 });
  const toFocus = useRef<{ readonly row: number; readonly column: number } | undefined>(undefined);

  const measure = () => {
    const element = scroller.current;
    if (element === null) return;
    const { scrollTop, clientHeight } = element;
    setView((before) =>
      before.scrollTop === scrollTop && before.height === clientHeight ? before : { scrollTop, height: clientHeight },
    );
  };
  useEffect(() => {
    measure();
    const observer = new ResizeObserver(measure);
    if (scroller.current !== null) observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);

  const { first, end, heightBefore, heightAfter } = rowWindow(rows.length, ROW_HEIGHT, view);
  const isNearEnd = !isComplete && end > rows.length - NEAR_ROWS;
  useEffect(() => {
    if (isNearEnd) onNearEnd?.();
  }, [isNearEnd, rows.length, onNearEnd]);

  useLayoutEffect(() => {
    const wanted = toFocus.current;
    if (wanted === undefined) return;
    const row = body.current?.querySelector(`tr[aria-rowindex="${wanted.row + 2}"]`);
    const target = row?.children[wanted.column]?.querySelector<HTMLElement>(FOCUSABLE);
    if (target === null || target === undefined) return;
    toFocus.current = undefined;
    target.focus({ preventScroll: true });
  });

  const move = (event: KeyboardEvent) => {
    const cell = event.target instanceof Element ? event.target.closest("td, th") : null;
    const row = cell?.parentElement;
    if (!cell || !row || event.ctrlKey || event.metaKey || event.altKey) return;
    const index = Number(row.getAttribute("aria-rowindex")) - 2;
    const next = nextRow(event.key, index, rows.length);
    if (next === undefined) return;
    event.preventDefault();
    toFocus.current = { row: next, column: [...row.children].indexOf(cell) };
    reveal(scroller.current, next);
    measure();
    // The row may be drawn already, so that nothing is rendered again.
    setView((before) => ({ ...before }));
  };

  return (
    <div class="table-scroll" ref={scroller} onScroll={measure}>
      <div style={{ paddingTop: `${heightBefore}px`, paddingBottom: `${heightAfter}px` }}>
        <table aria-label={label} aria-rowcount={isComplete ? rows.length + 1 : -1}>
          <colgroup>
            {columns.map(({ id, width, isOptional }) => (
              <col key={id} class={isOptional ? "optional" : ""} style={width === undefined ? {} : { width }} />
            ))}
          </colgroup>
          <thead>
            <tr aria-rowindex={1}>
              {columns.map((column) => (
                <th key={column.id} scope="col" class={cellClass(column)}>
                  {column.header}
                </th>
              ))}
            </tr>
          </thead>
          <tbody ref={body} onKeyDown={move}>
            {rows.slice(first, end).map((row, offset) => {
              const index = first + offset;
              return (
                <tr key={rowKey(row)} aria-rowindex={index + 2}>
                  {columns.map((column) => {
                    const content = column.render(row, index);
                    return column.isRowHeader ? (
                      <th key={column.id} scope="row" class={cellClass(column)}>
                        {content}
                      </th>
                    ) : (
                      <td key={column.id} class={cellClass(column)}>
                        {content}
                      </td>
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </div>
  );
}

const FOCUSABLE = "a[href], button, input, select";

function cellClass<Row>({ isOptional, align }: Column<Row>): string {
  return [isOptional && "optional", align === "end" && "align-end"].filter(Boolean).join(" ");
}

function nextRow(key: string, index: number, count: number): number | undefined {
  const next = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: count - 1 }[key];
  return next === undefined || next < 0 || next >= count ? undefined : next;
}

function reveal(scroller: HTMLElement | null, row: number): void {
  if (scroller === null) return;
  const top = row * ROW_HEIGHT;
  const visible = scroller.clientHeight - ROW_HEIGHT;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  else if (top + ROW_HEIGHT > scroller.scrollTop + visible) scroller.scrollTop = top + ROW_HEIGHT - visible;
}
