/** What a part of the benchmark gets, and returns. */
import type { Figure } from "./results.ts";
import type { Side } from "./sides.ts";

export interface Bench {
  /** `npm start`, with the bucket of `cases.ts`. */
  readonly ours: Side;
  readonly floor: Side;
  readonly rounds: number;
  /** Smaller objects than those that the targets name. */
  readonly isQuick: boolean;
}

export interface Section {
  readonly name: string;
  run(bench: Bench): Promise<readonly Figure[]>;
}
