/** Public prices in US dollars, with the page and the date of each. Taxes, support and discounts are left out. */

export interface Source {
  readonly name: string;
  readonly url: string;
  readonly asOf: string;
}

export const SOURCES: readonly Source[] = [
  { name: "R2", url: "https://developers.cloudflare.com/r2/pricing/", asOf: "2026-10" },
  { name: "Workers, Queues", url: "https://developers.cloudflare.com/workers/platform/pricing/", asOf: "2026-10" },
  { name: "D1", url: "https://developers.cloudflare.com/d1/platform/pricing/", asOf: "2026-10" },
  {
    name: "Durable Objects",
    url: "https://developers.cloudflare.com/durable-objects/platform/pricing/",
    asOf: "2026-10",
  },
  { name: "Amazon S3, US East (N. Virginia), S3 Standard", url: "https://aws.amazon.com/s3/pricing/", asOf: "2026-06" },
];

/** What is included in a month, and what each million or GB beyond it costs. */
export interface Price {
  readonly included: number;
  readonly each: number;
}

const MILLION = 1e6;
const perMillion = (dollars: number, included: number): Price => ({ included, each: dollars / MILLION });

/** The Workers Paid plan. */
export const CLOUDFLARE = {
  plan: 5,
  requests: perMillion(0.3, 10 * MILLION),
  cpuMs: perMillion(0.02, 30 * MILLION),
  storedGb: { included: 10, each: 0.015 },
  classA: perMillion(4.5, MILLION),
  classB: perMillion(0.36, 10 * MILLION),
  d1RowsRead: perMillion(0.001, 25_000 * MILLION),
  d1RowsWritten: perMillion(1, 50 * MILLION),
  objectCalls: perMillion(0.15, MILLION),
  objectGbSeconds: perMillion(12.5, 400_000),
  objectRowsRead: perMillion(0.001, 25_000 * MILLION),
  objectRowsWritten: perMillion(1, 50 * MILLION),
  queueOperations: perMillion(0.4, MILLION),
} as const satisfies Record<string, Price | number>;

/** A write, a read and a delete, each of up to 64 KB. */
export const QUEUE_OPERATIONS_PER_MESSAGE = 3;
/** A Durable Object is billed for 128 MB while it works. One second for each call is more than any call takes. */
export const OBJECT_GB_SECONDS_PER_CALL = 0.128;

/** Up to so many GB of the month at this price each; the last without an end. */
export type Tiers = readonly (readonly [upToGb: number, each: number])[];

export const AWS = {
  storedGb: [
    [50_000, 0.023],
    [500_000, 0.022],
    [Number.POSITIVE_INFINITY, 0.021],
  ],
  /** To the internet. Within a region nothing. */
  egressGb: [
    [100, 0],
    [10_100, 0.09],
    [50_100, 0.085],
    [150_100, 0.07],
    [Number.POSITIVE_INFINITY, 0.05],
  ],
  /** PUT, COPY, POST, LIST. */
  classA: 0.005 / 1_000,
  /** GET and others. DELETE is free. */
  classB: 0.0004 / 1_000,
} as const satisfies Record<string, Tiers | number>;

export function charge(amount: number, { included, each }: Price): number {
  return Math.max(0, amount - included) * each;
}

export function chargeTiers(amount: number, tiers: Tiers): number {
  let total = 0;
  let from = 0;
  for (const [upTo, each] of tiers) {
    total += Math.max(0, Math.min(amount, upTo) - from) * each;
    from = upTo;
  }
  return total;
}
