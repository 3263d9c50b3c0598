import { useId } from "preact/hooks";
import { type ChartBox, layOut, type Point } from "../../lib/chart.ts";

export interface ChartProps {
  readonly label: string;
  readonly points: readonly Point[];
  readonly format: (value: number) => string;
  /** Whether the values are bytes, whose units are powers of 1,024. */
  readonly isBytes: boolean;
}

const BOX: ChartBox = { width: 720, height: 240, left: 80, right: 16, top: 16, bottom: 28 };

/** A line over days. Screen readers get its label and a summary; the same figures are in the table that follows it. */
export function LineChart({ label, points, format, isBytes }: ChartProps) {
  const id = useId();
  const { line, area, marks, levels } = layOut(points, BOX, isBytes);
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return null;
  const largest = points.reduce((most, point) => (point.value > most.value ? point : most), first);
  return (
    <svg class="chart" viewBox={`0 0 ${BOX.width} ${BOX.height}`} role="img" aria-labelledby={`${id}-title ${id}-desc`}>
      <title id={`${id}-title`}>{label}</title>
      <desc id={`${id}-desc`}>
        {`From ${format(first.value)} on ${first.date} to ${format(last.value)} on ${last.date}; the most was ${format(largest.value)} on ${largest.date}.`}
      </desc>
      {levels.map(({ y, value }) => (
        <g key={value}>
          <line class="grid" x1={BOX.left} x2={BOX.width - BOX.right} y1={y} y2={y} />
          <text x={BOX.left - 8} y={y + 4} text-anchor="end">
            {format(value)}
          </text>
        </g>
      ))}
      <path class="area" d={area} />
      <path class="line" d={line} />
      {marks.length === 1 && marks.map(({ x, y }) => <circle key="only" class="line" cx={x} cy={y} r="3" />)}
      <text x={BOX.left} y={BOX.height - 8}>
        {first.date}
      </text>
      {first.date !== last.date && (
        <text x={BOX.width - BOX.right} y={BOX.height - 8} text-anchor="end">
          {last.date}
        </text>
      )}
    </svg>
  );
}
