/** The clock of the local servers. It does what Cloudflare does with cron triggers. */
import { INVENTORY, LIFECYCLE } from "../src/sweeps/schedules.ts";

const RANGES = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;

/** Whether `cron` (five fields of numbers, `*`, lists, ranges, steps) names the minute of `time`, in UTC. */
export function isDue(cron: string, time: Date): boolean {
  const fields = cron.trim().split(/\s+/);
  if (fields.length !== RANGES.length) throw new Error(`"${cron}" is not a cron expression of five fields.`);
  const day = time.getUTCDay();
  const values = [time.getUTCMinutes(), time.getUTCHours(), time.getUTCDate(), time.getUTCMonth() + 1, day];
  const fits = fields.map((field, index) => {
    const [low, high] = RANGES[index] ?? [0, 0];
    const expanded = expand(field, low, high);
    // Sunday is 0 or 7.
    return expanded.has(values[index] ?? -1) || (index === 4 && day === 0 && expanded.has(7));
  });
  const [minute, hour, date, month, weekday] = fits;
  // If both days are given, either one suffices (crontab(5)).
  const isDay = fields[2]?.startsWith("*") || fields[4]?.startsWith("*") ? date && weekday : date || weekday;
  return Boolean(minute && hour && month && isDay);
}

function expand(field: string, low: number, high: number): Set<number> {
  const found = new Set<number>();
  for (const item of field.split(",")) {
    const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(item);
    if (match === null) throw new Error(`"${field}" is not a supported field of a cron expression.`);
    const [, from, to, step] = match;
    const first = from === undefined ? low : Number(from);
    const last = to !== undefined ? Number(to) : from === undefined || step !== undefined ? high : first;
    for (let value = first; value <= last; value += Math.max(1, Number(step ?? 1))) found.add(value);
  }
  return found;
}

/**
 * Calls `run` at each full minute with every expression that is due, except those whose previous call is still running.
 * @returns a function that stops the clock
 */
export function startClock(crons: readonly string[], run: (cron: string, time: Date) => Promise<void>): () => void {
  const running = new Set<string>();
  const tick = () => {
    const time = new Date(Math.floor(Date.now() / 60_000) * 60_000);
    for (const cron of crons.filter((each) => isDue(each, time) && !running.has(each))) {
      running.add(cron);
      // A failed run does not stop the clock.
      run(cron, time)
        .catch(() => undefined)
        .finally(() => running.delete(cron));
    }
    timer = setTimeout(tick, untilNextMinute());
  };
  let timer = setTimeout(tick, untilNextMinute());
  return () => clearTimeout(timer);
}

/** While a day has only seconds, the work of lifecycle rules and inventories is started this often. */
const LIFECYCLE_EVERY_MS = 1_000;

/**
 * With a `LIFECYCLE_DAY_SECONDS`, calls `run` for the lifecycle and for inventories every second, except while the previous calls are running.
 * @returns a function that stops this
 */
export function startLifecycleClock(
  { LIFECYCLE_DAY_SECONDS: daySeconds }: Readonly<Record<string, string | undefined>>,
  run: (cron: string, time: Date) => Promise<void>,
): () => void {
  if (!daySeconds) return () => {};
  let isRunning = false;
  const timer = setInterval(() => {
    if (isRunning) return;
    isRunning = true;
    const now = new Date();
    Promise.allSettled([run(LIFECYCLE, now), run(INVENTORY, now)]).finally(() => {
      isRunning = false;
    });
  }, LIFECYCLE_EVERY_MS);
  return () => clearInterval(timer);
}

/** Ends 50 ms after the full minute, since timers may fire a little early. */
function untilNextMinute(): number {
  return 60_000 - (Date.now() % 60_000) + 50;
}
