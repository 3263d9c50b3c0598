/** How much a bucket, or all buckets of an account, may hold. */

/** A bound that is absent does not exist. */
export interface QuotaLimits {
  readonly bytes?: number;
  readonly objects?: number;
}

/** Of everything that is counted: versions and parts of uploads too. */
export interface QuotaAmount {
  readonly bytes: number;
  readonly objects: number;
}

/** A quota, and what was used of it when the row was read. */
export interface QuotaState {
  readonly limits: QuotaLimits;
  readonly used: QuotaAmount;
}

export const NO_AMOUNT: QuotaAmount = { bytes: 0, objects: 0 };

export function addAmounts(left: QuotaAmount, right: QuotaAmount): QuotaAmount {
  return { bytes: left.bytes + right.bytes, objects: left.objects + right.objects };
}

/**
 * Whether a write fits. A bound counts only for what the write adds: the completion of an upload adds an object, and no bytes
 * that its parts have not added.
 * @param adds.bytes absent: none
 */
export function fits({ limits }: QuotaState, used: QuotaAmount, adds: Partial<QuotaAmount>): boolean {
  const { bytes, objects = 0 } = adds;
  if (bytes !== undefined && used.bytes + bytes > (limits.bytes ?? Number.POSITIVE_INFINITY)) return false;
  return objects === 0 || used.objects + objects <= (limits.objects ?? Number.POSITIVE_INFINITY);
}
