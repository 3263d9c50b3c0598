/**
 * Refuses writes that a quota has no room for. What is used is what the bucket's row said when it was read, and what this isolate
 * has written since: so an isolate stops by itself at once, and learns of the others' writes with the next row. A second after a
 * write its amount is added in D1, after the answer. Buckets without a quota cost nothing.
 */
import { S3Error } from "../errors.ts";
import type { Bucket } from "../model/bucket.ts";
import { addAmounts, fits, NO_AMOUNT, type QuotaAmount, type QuotaState } from "../model/quota.ts";
import { MAX_BUCKET_TTL_MS } from "./d1/directory.ts";
import { Quotas } from "./d1/quotas.ts";

/** How long amounts wait for others. */
const FLUSH_MS = 1_000;
/** A row that was read before an amount was added is not used for longer. */
const KEPT_MS = 3 * MAX_BUCKET_TTL_MS;
/** Between two requests of an isolate for a count of the same bucket. */
const REQUEST_MS = 30_000;

/** What a write adds; `bytes` absent: none, as for the completion of an upload whose parts have been added. */
export type Addition = Partial<QuotaAmount>;

/** A write that has to fit. */
export interface LimitedWrite<Outcome> {
  write(): Promise<Outcome>;
  /** What it has added, if `adds` was a guess; undefined: it was not. */
  bytesOf?(outcome: Outcome): number | undefined;
}

/** Of one bucket or account, what the row may not contain. */
interface Since {
  /** Writes under way. */
  reserved: QuotaAmount;
  /** Written, and to be added in D1. */
  waiting: QuotaAmount;
  /** Added, or being added; `doneAt` as a bound if its request has died. */
  readonly sent: { readonly amount: QuotaAmount; doneAt: number }[];
}

type Kind = "buckets" | "accounts";

export class QuotaGuard<Rows extends Pick<Quotas, "add" | "requestCount"> = Quotas> {
  readonly rows: Rows;
  readonly #waitUntil: (work: Promise<unknown>) => void;
  readonly #since = { buckets: new Map<string, Since>(), accounts: new Map<string, Since>() };
  readonly #requestedAt = new Map<string, number>();
  #flushAt: number | undefined;

  constructor(rows: Rows, waitUntil: (work: Promise<unknown>) => void) {
    this.rows = rows;
    this.#waitUntil = waitUntil;
  }

  /** Makes a write, unless it has no room. @throws S3Error `QuotaExceeded`, and whatever the write throws */
  async around<Outcome>(bucket: Bucket, adds: Addition, { write, bytesOf }: LimitedWrite<Outcome>): Promise<Outcome> {
    if (bucket.quotas === undefined) return write();
    this.#require(bucket, adds);
    const amount = { bytes: adds.bytes ?? 0, objects: adds.objects ?? 0 };
    const parts = this.#partsOf(bucket);
    for (const since of parts) since.reserved = addAmounts(since.reserved, amount);
    let written = NO_AMOUNT;
    try {
      const outcome = await write();
      written = { ...amount, bytes: bytesOf?.(outcome) ?? amount.bytes };
      return outcome;
    } catch (error) {
      // After any other error than a refusal the write may have taken effect.
      if (!(error instanceof S3Error && error.status < 500)) written = amount;
      throw error;
    } finally {
      for (const since of parts) {
        since.reserved = addAmounts(since.reserved, { bytes: -amount.bytes, objects: -amount.objects });
        since.waiting = addAmounts(since.waiting, written);
      }
      if (written !== NO_AMOUNT) this.#flushSoon();
    }
  }

  /** Makes nothing. @throws S3Error `QuotaExceeded` */
  requireRoom(bucket: Bucket, adds: Addition): void {
    if (bucket.quotas !== undefined) this.#require(bucket, adds);
  }

  #require(bucket: Bucket, adds: Addition): void {
    const { bucket: own, account } = bucket.quotas ?? {};
    const { id, accountId, readAt } = bucket;
    if (own !== undefined && !fits(own, this.#usedOf(this.#since.buckets.get(id), own, readAt), adds)) {
      throw this.#refuse(bucket, "the bucket");
    }
    if (
      account !== undefined &&
      !fits(account, this.#usedOf(this.#since.accounts.get(accountId), account, readAt), adds)
    ) {
      throw this.#refuse(bucket, "the account that owns the bucket");
    }
  }

  #usedOf(since: Since | undefined, state: QuotaState, readAt: Date): QuotaAmount {
    if (since === undefined) return state.used;
    let used = addAmounts(addAmounts(state.used, since.reserved), since.waiting);
    for (const { amount, doneAt } of since.sent) if (doneAt >= readAt.getTime()) used = addAmounts(used, amount);
    return used;
  }

  #partsOf({ id, accountId, quotas }: Bucket): Since[] {
    // The amounts of a bucket are added under its account's quota too, which is summed from them.
    const parts = [sinceOf(this.#since.buckets, id)];
    if (quotas?.account !== undefined) parts.push(sinceOf(this.#since.accounts, accountId));
    return parts;
  }

  #refuse({ id, name }: Bucket, whose: string): S3Error {
    const now = Date.now();
    if (now - (this.#requestedAt.get(id) ?? Number.NEGATIVE_INFINITY) >= REQUEST_MS) {
      for (const [old, at] of this.#requestedAt) if (now - at >= REQUEST_MS) this.#requestedAt.delete(old);
      this.#requestedAt.set(id, now);
      this.#waitUntil(this.rows.requestCount(id).catch(() => {}));
    }
    const message = `The quota of ${whose} does not leave room for this request.`;
    return new S3Error("QuotaExceeded", { message, details: { BucketName: name } });
  }

  #flushSoon(): void {
    this.#flushAt ??= Date.now() + FLUSH_MS;
    // Each request waits by itself, because the end of another one ends its timers.
    this.#waitUntil(this.#flushWhenDue(this.#flushAt));
  }

  async #flushWhenDue(at: number): Promise<void> {
    await scheduler.wait(Math.max(0, at - Date.now()));
    if (this.#flushAt === at) await this.flush();
  }

  /** Adds in D1 what is waiting. What could not be added waits for the next write. */
  async flush(): Promise<void> {
    this.#flushAt = undefined;
    const ends: ((isDone: boolean) => void)[] = [];
    const take = (kind: Kind) => {
      const taken: (QuotaAmount & { readonly id: string })[] = [];
      for (const [id, since] of this.#since[kind]) {
        this.#prune(kind, id, since);
        const { waiting: amount } = since;
        if (amount.bytes === 0 && amount.objects === 0) continue;
        since.waiting = NO_AMOUNT;
        const sent = { amount, doneAt: Date.now() + KEPT_MS };
        since.sent.push(sent);
        taken.push({ id, ...amount });
        ends.push((isDone) => {
          sent.doneAt = Date.now();
          if (isDone) return;
          since.sent.splice(since.sent.indexOf(sent), 1);
          since.waiting = addAmounts(since.waiting, amount);
          this.#since[kind].set(id, since);
        });
      }
      return taken;
    };
    const added = { buckets: take("buckets"), accounts: take("accounts") };
    if (added.buckets.length + added.accounts.length === 0) return;
    let isDone = false;
    try {
      await this.rows.add(added);
      isDone = true;
    } catch (error) {
      console.error(JSON.stringify({ quota: "what was written could not be added", cause: String(error) }));
    }
    for (const end of ends) end(isDone);
  }

  #prune(kind: Kind, id: string, since: Since): void {
    const now = Date.now();
    while (since.sent[0] !== undefined && since.sent[0].doneAt + KEPT_MS < now) since.sent.shift();
    const { reserved, waiting, sent } = since;
    const isEmpty = [reserved, waiting].every(({ bytes, objects }) => bytes === 0 && objects === 0);
    if (isEmpty && sent.length === 0) this.#since[kind].delete(id);
  }
}

function sinceOf(all: Map<string, Since>, id: string): Since {
  const since = all.get(id) ?? { reserved: NO_AMOUNT, waiting: NO_AMOUNT, sent: [] };
  all.set(id, since);
  return since;
}

export type QuotaChecks = Pick<QuotaGuard, "around" | "requireRoom">;

export function openQuotas(
  db: D1Database,
  directory: ConstructorParameters<typeof Quotas>[1],
  waitUntil: (work: Promise<unknown>) => void,
): QuotaGuard {
  return new QuotaGuard(new Quotas(db, directory), waitUntil);
}
