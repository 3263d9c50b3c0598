/**
 * How much of a batch's time may be lost on receivers in trouble, those that are slow or give no answer. Counted by host
 * and by account, since one of either can stand behind any number of URLs.
 */
import type { ReceiverIdentity } from "./receiver-identity.ts";

type Place = Pick<ReceiverIdentity, "accountId" | "host">;

/** First attempts: a host is asked no more once it has been in trouble. */
const ACCOUNT_FIRST_MS = 10_000;
/** Retries, which are for such hosts. */
const HOST_RETRIES_MS = 10_000;
const ACCOUNT_RETRIES_MS = 30_000;

export class Patience {
  readonly #lostMs = new Map<string, number>();

  lose({ accountId, host }: Place, milliseconds: number): void {
    for (const key of [accountId, `${accountId} ${host}`]) {
      this.#lostMs.set(key, (this.#lostMs.get(key) ?? 0) + milliseconds);
    }
  }

  isOver({ accountId, host }: Place, { isRetry }: { readonly isRetry: boolean }): boolean {
    const byAccount = this.#lostMs.get(accountId) ?? 0;
    const byHost = this.#lostMs.get(`${accountId} ${host}`);
    if (!isRetry) return byHost !== undefined || byAccount >= ACCOUNT_FIRST_MS;
    return (byHost ?? 0) >= HOST_RETRIES_MS || byAccount >= ACCOUNT_RETRIES_MS;
  }
}
