import { removeIdleReceivers } from "../storage/d1/receivers.ts";

const IDLE_DAYS = 30;

/** Forgets receivers that nothing has been sent to for a month, so that the table does not grow with every URL ever used. */
export function sweepIdleReceivers({ db, now }: { readonly db: D1Database; readonly now: Date }): Promise<number> {
  return removeIdleReceivers(db, new Date(now.getTime() - IDLE_DAYS * 24 * 60 * 60 * 1000));
}
