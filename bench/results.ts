/** What a run of `npm run bench` records, in `results.json`. The pages of the documentation are written from it. */

/** `start` and `dev`: our Worker through `npm start` and `npm run dev`. */
export type SideName = "floor" | "start" | "dev" | "moto" | "s3rver";

export interface Results {
  /** Year, month and day. */
  readonly date: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  readonly sides: readonly MeasuredSide[];
  readonly requests: readonly RequestResult[];
  readonly sections: readonly SectionResult[];
}

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly system: string;
  readonly memoryGiB: number;
  readonly node: string;
  readonly workerd: string;
  /** How many processes wanted to run before the start, as a mean of a minute. */
  readonly load: number;
}

export interface MeasuredSide {
  readonly name: SideName;
  /** Empty for our own code. */
  readonly version: string;
  /** Of all its processes after the requests, if the system says. */
  readonly residentBytes?: number;
}

/** One kind of request, sent to several servers in turn. */
export interface RequestResult {
  readonly name: string;
  /** Where it was measured in another run than the rest. */
  readonly date?: string;
  readonly connections: number;
  readonly sides: Readonly<Partial<Record<SideName, SideFigures | Refused>>>;
}

export interface SideFigures {
  /** Requests a second, in each round. */
  readonly perSecond: readonly number[];
  /** CPU time of all processes of the server for a request, in each round. Absent where the system does not say. */
  readonly cpuMs?: readonly number[];
  /** Of all rounds together. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The server does not offer the request. */
export interface Refused {
  readonly refused: string;
}

/** Work that is not a stream of equal requests. */
export interface SectionResult {
  readonly name: string;
  /** Where it was measured in another run than the rest. */
  readonly date?: string;
  readonly figures: readonly Figure[];
}

export interface Figure {
  readonly what: string;
  readonly value: number;
  /** Of the rounds. */
  readonly least?: number;
  readonly most?: number;
  readonly unit: "×" | "ms" | "s" | "MiB" | "/s" | "bytes" | "calls" | "";
  readonly target?: Target;
  readonly note?: string;
}

export type Target = { readonly atLeast: number } | { readonly atMost: number };

export function isMet(value: number, target: Target): boolean {
  return "atLeast" in target ? value >= target.atLeast : value <= target.atMost;
}

export function isRefused(figures: SideFigures | Refused): figures is Refused {
  return "refused" in figures;
}

/**
 * The earlier results with those that a later run has measured again, or for the first time.
 * @throws RangeError if the later run was on another machine, or with another runtime
 */
export function mergeResults(earlier: Results, later: Results): Results {
  for (const name of ["cores", "processor", "system", "memoryGiB", "node", "workerd"] as const) {
    if (earlier.machine[name] !== later.machine[name]) {
      throw new RangeError(`${name} was ${earlier.machine[name]}: measure everything again.`);
    }
  }
  const { date } = later;
  const merge = <T extends { readonly name: string }>(before: readonly T[], after: readonly T[]): T[] => {
    const dated = after.map((result) => ({ ...result, date }));
    const kept = before.map((result) => dated.find(({ name }) => name === result.name) ?? result);
    return [...kept, ...dated.filter(({ name }) => !before.some((result) => result.name === name))];
  };
  return {
    ...earlier,
    requests: merge(earlier.requests, later.requests),
    sections: merge(earlier.sections, later.sections),
  };
}
