/** Places of the points, the lines and the labels of a chart of amounts over days. */

export interface Point {
  /** `2026-11-29`. */
  readonly date: string;
  readonly value: number;
}

export interface ChartBox {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface Chart {
  /** Of the line, `M… L…`; empty without points. */
  readonly line: string;
  /** Of the area below it. */
  readonly area: string;
  readonly marks: readonly { readonly x: number; readonly y: number; readonly point: Point }[];
  readonly levels: readonly { readonly y: number; readonly value: number }[];
}

const DAY_MS = 86_400_000;

/** Levels at round numbers from 0 to at least the largest value, so that no difference looks larger than it is. */
export function layOut(points: readonly Point[], box: ChartBox, isBytes: boolean): Chart {
  const { width, height, left, right, top, bottom } = box;
  const levels = levelsTo(Math.max(0, ...points.map(({ value }) => value)), isBytes);
  const highest = levels.at(-1) ?? 1;
  const days = points.map(({ date }) => Date.parse(date) / DAY_MS);
  const first = days[0] ?? 0;
  const span = (days.at(-1) ?? 0) - first;
  const yOf = (value: number) => round(height - bottom - (value / highest) * (height - top - bottom));
  // One day is in the middle.
  const xOf = (day: number) => round(left + (span === 0 ? 0.5 : (day - first) / span) * (width - left - right));
  const marks = points.map((point, index) => ({ x: xOf(days[index] ?? 0), y: yOf(point.value), point }));
  const line = marks.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${x} ${y}`).join(" ");
  const [start] = marks;
  const end = marks.at(-1);
  const area = start && end ? `${line} L${end.x} ${yOf(0)} L${start.x} ${yOf(0)} Z` : "";
  return { line, area, marks, levels: levels.map((value) => ({ value, y: yOf(value) })) };
}

/** Four steps: of a power of two for bytes, whose units are such powers, else of 1, 2, 5 or 10 times a power of ten. */
function levelsTo(largest: number, isBytes: boolean): number[] {
  const rough = Math.max(1, largest / 4);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((each) => each * power >= rough) ?? 10;
  const step = isBytes ? 2 ** Math.ceil(Math.log2(rough)) : factor * power;
  return Array.from({ length: 5 }, (_, index) => index * step);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
