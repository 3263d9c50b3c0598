/**
 * How long the Worker waits for the platform. A call that does not answer must not hold a request, or what the request holds,
 * for longer: R2, D1, Durable Objects and queues have no timeout that a Worker could rely on, and no call can be taken back.
 */

export interface Waits {
  /** For an answer of R2, D1, a queue or the cache, and between two pieces that R2 takes or gives. */
  readonly callMs: number;
  /** For an answer of a Durable Object, which itself waits for R2. */
  readonly objectMs: number;
  /** Before a write is repeated that R2 has refused since it was too early for its key. */
  readonly pauseMs: number;
}

/**
 * A request answers within a minute even if one call hangs and so does the one that cleans up after it. D1 ends a query after
 * 30 seconds.
 */
export const WAITS: Waits = { callMs: 25_000, objectMs: 50_000, pauseMs: 1_000 };

/** `<callMs>,<objectMs>,<pauseMs>`; undefined if the text is malformed. */
export function parseWaits(text: string): Waits | undefined {
  const match = /^(\d{1,6}),(\d{1,6}),(\d{1,6})$/.exec(text);
  if (match === null) return undefined;
  const [callMs = 0, objectMs = 0, pauseMs = 0] = match.slice(1).map(Number);
  return { callMs, objectMs, pauseMs };
}

/** The variable that tests set. */
export interface WaitsBinding {
  /** As `parseWaits` reads it. */
  readonly PLATFORM_WAITS_MS?: string;
}

export function waitsOf({ PLATFORM_WAITS_MS }: WaitsBinding): Waits {
  return (PLATFORM_WAITS_MS === undefined ? undefined : parseWaits(PLATFORM_WAITS_MS)) ?? WAITS;
}

const ofBuckets = new WeakMap<R2Bucket, Waits>();

export function keepWaits(bucket: R2Bucket, waits: Waits): R2Bucket {
  ofBuckets.set(bucket, waits);
  return bucket;
}

/** How long to wait for the bytes that a bucket takes or gives. */
export function waitsFor(bucket: R2Bucket): Waits {
  return ofBuckets.get(bucket) ?? WAITS;
}
