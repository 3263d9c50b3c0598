/** Writes docs/performance.md from the record of a run. Pure. */
import { type BilledOperation, UNITS } from "./cost/billed-units.ts";
import { type Cells, formatNumber, formatPage, formatTable } from "./markdown.ts";
import {
  type Figure,
  isMet,
  isRefused,
  type Refused,
  type RequestResult,
  type Results,
  type SectionResult,
  type SideFigures,
  type SideName,
  type Target,
} from "./results.ts";
import { median, ratioOf, type Spread } from "./statistics.ts";
import { CASE_TARGETS, type CaseTargets, NOTES } from "./targets.ts";

const NOTHING = "–";

export const SIDE_LABELS: Readonly<Record<SideName, string>> = {
  floor: "floor",
  start: "`npm start`",
  dev: "`npm run dev`",
  moto: "moto_server",
  s3rver: "s3rver",
};

export function formatPerformance(results: Results): string {
  const others = results.sides.map(({ name }) => name).filter((name) => name !== "floor" && name !== "start");
  return formatPage([
    formatIntroduction(results),
    "## The Worker against the floor",
    FLOOR_TEXT,
    formatTable(
      ["request (connections)", "ratio to the floor (least to most)", "target", "CPU above the floor, ms", "target"],
      results.requests.map(formatFloorRow),
    ),
    formatTable(
      ["request", "`npm start`, a second", "p50, ms", "p99, ms", "CPU, ms", "floor, a second", "p50", "p99", "CPU"],
      results.requests.map(formatTimesRow),
    ),
    "## `npm start` against other servers for development",
    OTHERS_TEXT,
    formatSimulator(results),
    formatTable(
      ["request", ...others.flatMap((name) => [`ratio to ${SIDE_LABELS[name]}`, "target"])],
      results.requests.map((result) => formatOthersRow(result, others)),
    ),
    formatFaster(results, others),
    formatRefusals(results),
    "## Large objects, lists, memory, events, start",
    formatTable(
      ["", "figure (least to most)", "target", ""],
      results.sections.flatMap(({ name, figures }) => figures.map((figure) => formatFigureRow(name, figure))),
    ),
    formatMemory(results),
    formatMissed(results),
    "## Calls of bindings",
    CALLS_TEXT,
    formatTable(
      ["", "R2", "D1", "Durable Object", "queue"],
      (Object.keys(UNITS) as BilledOperation[]).map((operation) => {
        const { r2Calls, d1Calls, objectCalls, queueCalls } = UNITS[operation];
        return [operation, ...[r2Calls, d1Calls, objectCalls, queueCalls].map(String)];
      }),
    ),
  ]);
}

const CALLS_TEXT = `Of one request in an isolate that knows the key and the bucket, as a test counts them in the Worker, those of the
Durable Object included. What they cost: [scale.md](scale.md).`;

function formatIntroduction(results: Results): string {
  const { date, machine, rounds, seconds, sides } = results;
  const versions = sides
    .filter(({ version }) => version !== "")
    .map(({ name, version }) => `${SIDE_LABELS[name]} ${version}`);
  return `# Performance

\`npm run bench\` measures all of this on one machine in one run and writes this page. Only ratios mean anything: times are those of
this machine, and R2 is the local simulator, not Cloudflare's.

Measured on ${date}: ${machine.cores} cores of ${machine.processor}, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node},
workerd ${machine.workerd}, load ${machine.load.toFixed(1)} before the start${versions.length === 0 ? "" : `; ${versions.join("; ")}`}.
${formatLater(results)}Client and servers share the cores. Each server is measured for ${seconds} s in each of ${rounds} rounds, one after the other, in an order that
alternates. A ratio is that of one round, and a figure is the median of the rounds. CPU is that of all processes of a server, from the
operating system. Requests are signed before the clock starts.`;
}

/** What a partial run has measured since. */
function formatLater({ requests, sections }: Results): string {
  const dated = [...requests, ...sections].flatMap(({ name, date }) =>
    date === undefined ? [] : [`${name} (${date})`],
  );
  return dated.length === 0 ? "" : `In other runs on it: ${dated.join("; ")}. `;
}

const FLOOR_TEXT = `The floor is a Worker that passes requests to R2 without reading them: no signatures, buckets, XML or checksums. It runs in the same
workerd on the same R2 simulator, so no Worker can be faster. The ratio is of requests a second.`;

const OTHERS_TEXT = `Ratios of requests a second; above 1, \`npm start\` is faster. \`npm run dev\` is the same Worker behind
wrangler's proxy.`;

/** Why a server that writes plain files is faster with some requests. */
function formatSimulator({ requests }: Results): string {
  const floor = measured(requests.find(({ name }) => name === "PUT 8 MiB, unsigned")?.sides.floor);
  const cpuMs = floor?.cpuMs === undefined ? undefined : median(floor.cpuMs) / 8;
  return `A server that writes plain files, as s3rver does, opens a file where the simulator of R2 asks a database.
${cpuMs === undefined ? "" : `And the simulator takes ${Math.round(cpuMs)} ms of CPU for each MiB that is written, whatever the Worker does: `}
the larger an object, the further such a server is ahead with uploads.`;
}

/** The requests for which another server is faster. */
function formatFaster({ requests }: Results, others: readonly SideName[]): string {
  const sentences = others.flatMap((other) => {
    const names = requests.flatMap(({ name, sides }) => {
      const [ours, theirs] = [measured(sides.start), measured(sides[other])];
      const isFaster = ours && theirs && ratioOf(ours.perSecond, theirs.perSecond).middle < 1;
      return isFaster ? [name] : [];
    });
    return names.length === 0 ? [] : [`${SIDE_LABELS[other]} is faster on ${names.join("; ")}.`];
  });
  return sentences.join("\n\n");
}

function formatFloorRow({ name, connections, sides: { start, floor } }: RequestResult): Cells {
  const targets = CASE_TARGETS[name] ?? {};
  const [ours, theirs] = [measured(start), measured(floor)];
  if (ours === undefined || theirs === undefined) return [`${name} (${connections})`, NOTHING, "", NOTHING, ""];
  const ratio = ratioOf(ours.perSecond, theirs.perSecond);
  const above = cpuAbove(ours, theirs);
  return [
    `${name} (${connections})`,
    formatSpread(ratio),
    formatTarget(ratio.middle, targets.floor),
    above === undefined ? "not measured" : above.toFixed(2),
    above === undefined ? "" : formatTarget(above, targets.cpuAboveMs),
  ];
}

/** Of the medians: the rounds of both sides cost the same, up to the resolution of the system's clock. */
export function cpuAbove(ours: SideFigures, floor: SideFigures): number | undefined {
  if (ours.cpuMs === undefined || floor.cpuMs === undefined) return undefined;
  return median(ours.cpuMs) - median(floor.cpuMs);
}

function formatTimesRow({ name, sides: { start, floor } }: RequestResult): Cells {
  return [name, ...formatTimes(measured(start)), ...formatTimes(measured(floor))];
}

function formatTimes(figures: SideFigures | undefined): Cells {
  if (figures === undefined) return [NOTHING, NOTHING, NOTHING, NOTHING];
  const cpu = figures.cpuMs === undefined ? "not measured" : formatNumber(median(figures.cpuMs));
  return [formatNumber(median(figures.perSecond)), formatNumber(figures.p50Ms), formatNumber(figures.p99Ms), cpu];
}

function formatOthersRow({ name, sides }: RequestResult, others: readonly SideName[]): Cells {
  const ours = measured(sides.start);
  const targets = CASE_TARGETS[name] ?? {};
  return [
    name,
    ...others.flatMap((other) => {
      const figures = sides[other];
      if (figures === undefined || ours === undefined) return [NOTHING, ""];
      if (isRefused(figures)) return ["refused", ""];
      const ratio = ratioOf(ours.perSecond, figures.perSecond);
      return [formatSpread(ratio), formatTarget(ratio.middle, targets[other as keyof CaseTargets])];
    }),
  ];
}

function formatRefusals({ requests, sides }: Results): string {
  const refusing = sides.filter(({ name }) =>
    requests.some(({ sides: { [name]: figures } }) => figures !== undefined && isRefused(figures)),
  );
  if (refusing.length === 0) return "";
  return `"refused": ${refusing.map(({ name }) => SIDE_LABELS[name]).join(" and ")} answers such a request with an error.`;
}

function formatFigureRow(section: string, { what, value, least, most, unit, target, note = "" }: Figure): Cells {
  const spread = least === undefined || most === undefined ? undefined : { middle: value, least, most };
  const figure = spread === undefined ? formatNumber(value) : formatSpread(spread, formatNumber);
  return [`${section}: ${what}`, `${figure}${unit === "" ? "" : ` ${unit}`}`, formatTarget(value, target), note];
}

/** What was missed, and what is known about it. */
function formatMissed({ requests, sections }: Results): string {
  const missed = [
    ...requests.filter(missesTarget).map(({ name }) => name),
    ...sections
      .filter(({ figures }) => figures.some(({ value, target }) => target !== undefined && !isMet(value, target)))
      .map(({ name }) => name),
  ];
  const known = missed.flatMap((name) => (NOTES[name] === undefined ? [] : [`- **${name}.** ${NOTES[name]}`]));
  return known.length === 0 ? "" : `### Where the time goes\n\n${known.join("\n")}`;
}

function missesTarget(result: RequestResult): boolean {
  const cells = [formatFloorRow(result), formatOthersRow(result, ["dev", "moto", "s3rver"])];
  return cells.flat().some((cell) => cell.includes("missed"));
}

function formatMemory({ sides }: Results): string {
  const known = sides.filter(({ residentBytes }) => residentBytes !== undefined);
  if (known.length === 0) return "";
  const list = known.map(
    ({ name, residentBytes = 0 }) => `${SIDE_LABELS[name]} ${Math.round(residentBytes / 1024 ** 2)} MiB`,
  );
  return `Resident memory of all processes of each server after the requests of this page: ${list.join(", ")}.`;
}

function measured(figures: SideFigures | Refused | undefined): SideFigures | undefined {
  return figures === undefined || isRefused(figures) ? undefined : figures;
}

export function formatTarget(value: number, target: Target | undefined): string {
  if (target === undefined) return "";
  const bound = "atLeast" in target ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`;
  return `${bound}: ${isMet(value, target) ? "met" : "**missed**"}`;
}

export function formatSpread({ middle, least, most }: Spread, format = (value: number) => value.toFixed(2)): string {
  return `${format(middle)} (${format(least)} to ${format(most)})`;
}

/** One line for the terminal. */
export function formatRequest({ name, connections, sides }: RequestResult): string {
  const ours = measured(sides.start);
  const parts = Object.entries(sides).map(([side, figures]) => {
    if (isRefused(figures)) return `${side}: refused, ${figures.refused}`;
    const { perSecond, cpuMs, p50Ms, p99Ms } = figures;
    const cpu = cpuMs === undefined ? "" : ` cpu ${median(cpuMs).toFixed(2)}`;
    const ratio =
      ours === undefined || side === "start" ? "" : ` ours ${formatSpread(ratioOf(ours.perSecond, perSecond))},`;
    return `${side}:${ratio} ${formatNumber(median(perSecond))}/s p50 ${p50Ms.toFixed(2)} p99 ${p99Ms.toFixed(2)}${cpu}`;
  });
  return `${name} (${connections})\n  ${parts.join("\n  ")}`;
}

/** Lines for the terminal. */
export function formatSection({ name, figures }: SectionResult): string {
  return figures
    .map((figure) =>
      formatFigureRow(name, figure)
        .filter((cell) => cell !== "")
        .join("  "),
    )
    .join("\n");
}
