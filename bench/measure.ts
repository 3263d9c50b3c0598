/** Measures two implementations of one step alternately, so that other work of the machine affects both equally. */

/** One unit of work; `index` numbers the repetitions. */
export type Step = (index: number, watch: Stopwatch) => Promise<void>;

export interface Pair<T> {
  readonly ours: T;
  readonly bare: T;
}

export interface Effort {
  /** Sequential repetitions for each side; they end early after `budgetMs`. */
  readonly samples: number;
  readonly budgetMs: number;
  /** Steps in flight; 0 measures no throughput. */
  readonly concurrency: number;
  /** Rounds for each side, and steps in each round. */
  readonly bursts: number;
  readonly burstSteps: number;
}

export interface Timing {
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly samples: number;
  readonly perSecond: number | undefined;
}

/** Does not include the time of the client's own work. */
export class Stopwatch {
  pausedMs = 0;

  async pause<T>(work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.pausedMs += performance.now() - start;
    }
  }
}

export async function measure(steps: Pair<Step>, effort: Effort): Promise<Pair<Timing>> {
  const index = { ours: 0, bare: 0 };
  const runOne = async (side: keyof typeof index) => {
    const watch = new Stopwatch();
    const start = performance.now();
    await steps[side](index[side]++, watch);
    return performance.now() - start - watch.pausedMs;
  };

  const warmUp = Math.max(1, Math.ceil(effort.samples / 10));
  for (let round = 0; round < warmUp; round += 1) for (const side of order(round)) await runOne(side);

  const samples: Pair<number[]> = { ours: [], bare: [] };
  const deadline = performance.now() + effort.budgetMs;
  for (let round = 0; round < effort.samples && (round < 3 || performance.now() < deadline); round += 1) {
    for (const side of order(round)) samples[side].push(await runOne(side));
  }

  const rates: Pair<number[]> = { ours: [], bare: [] };
  if (effort.concurrency > 0) {
    for (let round = 0; round < effort.bursts; round += 1) {
      for (const side of order(round)) {
        const start = performance.now();
        await inParallel(effort.concurrency, effort.burstSteps, () => runOne(side));
        rates[side].push((effort.burstSteps * 1_000) / (performance.now() - start));
      }
    }
  }
  return { ours: summarize(samples.ours, rates.ours), bare: summarize(samples.bare, rates.bare) };
}

/** The second side finds warmer caches, so the order alternates. */
function order(round: number): readonly (keyof Pair<unknown>)[] {
  return round % 2 === 0 ? ["ours", "bare"] : ["bare", "ours"];
}

export async function inParallel(concurrency: number, count: number, run: (index: number) => Promise<unknown>) {
  let next = 0;
  const worker = async () => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

function summarize(samples: readonly number[], rates: readonly number[]): Timing {
  return {
    medianMs: quantile(samples, 0.5),
    p95Ms: quantile(samples, 0.95),
    samples: samples.length,
    perSecond: rates.length === 0 ? undefined : quantile(rates, 0.5),
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  const position = (sorted.length - 1) * share;
  const low = sorted[Math.floor(position)] ?? Number.NaN;
  const high = sorted[Math.ceil(position)] ?? Number.NaN;
  return low + (high - low) * (position - Math.floor(position));
}
