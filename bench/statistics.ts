/** The statistics of rounds: pure functions. */

/** The middle of the rounds, with the least and the greatest of them. */
export interface Spread {
  readonly middle: number;
  readonly least: number;
  readonly most: number;
}

/** @param share from 0 to 1. Between two values, it is interpolated. NaN for no values */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  const position = (sorted.length - 1) * share;
  const low = sorted[Math.floor(position)] ?? Number.NaN;
  const high = sorted[Math.ceil(position)] ?? Number.NaN;
  return low + (high - low) * (position - Math.floor(position));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function spreadOf(values: readonly number[]): Spread {
  return { middle: median(values), least: quantile(values, 0), most: quantile(values, 1) };
}

/** Each round's ratio, since both sides of a round share the state of the machine. */
export function ratioOf(values: readonly number[], others: readonly number[]): Spread {
  const rounds = Math.min(values.length, others.length);
  return spreadOf(Array.from({ length: rounds }, (_, round) => (values[round] ?? 0) / (others[round] ?? 0)));
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
