/**
 * One step of the pass over a bucket: reads from its position on, and does what is due, until the bucket has been read or the
 * run's calls or time are used up.
 *
 * The bucket's row is never older than an isolate may use it. If its rules or its versioning have changed since the step began,
 * the step ends, and the next one begins with them.
 */
import { authorizeLifecycle, type GrantedBucket } from "../access/authorize.ts";
import { S3Error } from "../errors.ts";
import { S3_ITSELF } from "../model/event.ts";
import {
  dueForCurrent,
  dueForNoncurrent,
  type LifecycleAction,
  type LifecycleClock,
  type LifecycleConfiguration,
} from "../model/lifecycle.ts";
import type { ListedVersion } from "../model/listed-version.ts";
import { findLogged, type LoggedAction } from "../model/logged-bucket.ts";
import type { StoredObject, Tag } from "../model/object.ts";
import { isProtected } from "../model/object-lock.ts";
import { newRequestId } from "../model/random-ids.ts";
import type { LifecycleServices } from "../services.ts";
import type { LifecycleCounts } from "../storage/d1/lifecycle-passes.ts";
import type { RequestJournal } from "../storage/journal/journal.ts";
import type { ScannedEntry } from "../storage/r2/scanning.ts";
import type { CallBudget } from "./call-budget.ts";
import { COUNTED, type DueAction, doAll, EVENT_CALLS } from "./due-actions.ts";
import { nextPrefix, type PassPlan, planPass, resumedPrefix } from "./plan.ts";
import type { PassPosition } from "./position.ts";

/** Actions with one call to the journal. */
const GROUP = 25;
const VERSIONS_PER_PAGE = 1000;
const UPLOADS_PER_PAGE = 100;
/** A listing makes at most so many calls, and every step must be able to read a page and act on it. */
const CALLS_OF_A_PAGE = 2;
/** The Durable Object and the row of an upload. */
const CALLS_OF_AN_UPLOAD = 3;

/** Calls to R2 of each action; a transition takes those for blobs by itself. */
const CALLS = { entry: 1, current: 3, version: 6, transition: 5 };

/** Something that has been read, and what is due for it. */
interface Row {
  /** `locked`: a removal that object lock prevents, as the listing shows. */
  readonly action: DueAction | "locked" | undefined;
  /** Where the pass continues after it. */
  readonly position: PassPosition;
}

/** The bucket is another one, or has other rules, than when the step began, or another run works on it. */
class Superseded extends Error {}

export interface StepOptions {
  readonly bucket: GrantedBucket;
  readonly configuration: LifecycleConfiguration;
  readonly clock: LifecycleClock;
  readonly budget: CallBudget;
  /**
   * Writes what the step has done up to now, so that a run which the platform ends is continued there. False if another run
   * has worked on the bucket since.
   */
  save(position: PassPosition, counts: LifecycleCounts): Promise<boolean>;
}

export class BucketStep {
  readonly #services: LifecycleServices;
  readonly #bucket: GrantedBucket;
  readonly #configuration: LifecycleConfiguration;
  readonly #clock: LifecycleClock;
  readonly #budget: CallBudget;
  readonly #save: StepOptions["save"];
  readonly #journal: RequestJournal;
  readonly #plan: PassPlan;
  /** What this step has done. */
  readonly counts: { -readonly [Name in keyof LifecycleCounts]: number };
  /** Up to where everything has been done; undefined: the pass is complete. */
  position: PassPosition | undefined;

  constructor(
    services: LifecycleServices,
    { bucket, configuration, clock, budget, save }: StepOptions,
    counts: LifecycleCounts,
  ) {
    this.#services = services;
    this.#bucket = bucket;
    this.#configuration = configuration;
    this.#clock = clock;
    this.#budget = budget;
    this.#save = save;
    this.#plan = planPass(configuration, clock, { isVersioned: bucket.documents.versioning !== undefined });
    this.#journal = services.journal.of({
      time: clock.now,
      principalId: S3_ITSELF,
      sourceIp: S3_ITSELF,
      requestId: newRequestId(),
      endpoint: services.config.publicOrigin ?? "",
      callbackVariables: {},
    });
    this.counts = { ...counts };
  }

  /** @throws whatever the platform throws; `position` and `counts` are then those of what has been done */
  async run(from: PassPosition): Promise<void> {
    this.position = from;
    try {
      if (from.stage === "uploads") await this.#abortUploads(from);
      if (this.position.stage === "uploads") return;
      if (this.#bucket.documents.versioning === undefined) await this.#passEntries();
      else await this.#passVersions();
    } catch (error) {
      if (!(error instanceof Superseded)) throw error;
    }
  }

  async #abortUploads({ rule: firstRule, key, uploadId }: PassPosition & { stage: "uploads" }): Promise<void> {
    const { uploads } = this.#services.stores;
    let after = { key, uploadId };
    for (const [rule, { prefix, initiatedUntil }] of this.#plan.uploads.entries()) {
      if (rule < firstRule) continue;
      for (;;) {
        if (!this.#budget.take(1)) return;
        const query = { prefix, initiatedUntil, after, limit: UPLOADS_PER_PAGE };
        const page = await this.#services.lifecycle.openUploads.initiatedUntil(this.#bucket.id, query);
        for (const upload of page) {
          if (!this.#budget.take(CALLS_OF_AN_UPLOAD)) return;
          const bucket = await this.#current();
          const aborted = uploads.abort({ bucket, ...upload }, this.#clock.now);
          await aborted.then(() => this.#countAbortion(upload.key), ignoreRefusal);
          this.position = { stage: "uploads", rule, ...upload };
        }
        after = page.at(-1) ?? after;
        if (page.length < UPLOADS_PER_PAGE) break;
      }
      after = { key: "", uploadId: "" };
    }
    this.position = { stage: "entries", prefix: "", after: "" };
  }

  #countAbortion(key: string): void {
    this.counts.uploadsAborted++;
    this.#log([{ operation: "S3.DELETE.UPLOAD", key }]);
  }

  async #passEntries(): Promise<void> {
    const { prefixes, needsTags } = this.#plan;
    const { lifecycle } = this.#services;
    const from = this.position?.stage === "entries" ? this.position : { prefix: "", after: "" };
    let after = from.after;
    let prefix = resumedPrefix(prefixes, from.prefix);
    while (prefix !== undefined) {
      if (this.#budget.left < CALLS_OF_A_PAGE) return;
      const page = await lifecycle.objects.scan(this.#bucket, { prefix, after, needsTags });
      this.#budget.spend(page.calls);
      const within = prefix;
      const rows = page.entries.map((entry) => ({
        action: this.#entryAction(entry, needsTags),
        position: { stage: "entries", prefix: within, after: entry.position } as const,
      }));
      if (!(await this.#doAll(rows))) return;
      after = page.next ?? "";
      if (page.next === undefined) prefix = nextPrefix(prefixes, prefix);
      if (prefix !== undefined) await this.#continueAt({ stage: "entries", prefix, after });
    }
    this.position = undefined;
  }

  #entryAction(entry: ScannedEntry, hasTags: boolean): DueAction | undefined {
    const version = { ...entry, isDeleteMarker: false, isOnlyVersion: true };
    const due = dueForCurrent(this.#configuration, version, this.#clock);
    if (due?.kind !== "expire") return due && this.#transition(entry, hasTags ? entry.tags : undefined);
    const { objects } = this.#services.lifecycle;
    const { key, sizeBytes } = entry;
    return { kind: "removal", key, sizeBytes, calls: CALLS.entry, run: (change) => objects.expireEntry(change, entry) };
  }

  async #passVersions(): Promise<void> {
    const { prefixes } = this.#plan;
    const { lifecycle } = this.#services;
    const from = this.position?.stage === "versions" ? this.position : undefined;
    let after = from === undefined ? { key: "" } : { key: from.key, ...(from.token && { token: from.token }) };
    let counter = { key: from?.key ?? "", newerNoncurrent: from?.newerNoncurrent ?? 0 };
    let prefix = resumedPrefix(prefixes, from?.prefix ?? "");
    while (prefix !== undefined) {
      if (this.#budget.left < CALLS_OF_A_PAGE) return;
      const page = await lifecycle.objects.versions(this.#bucket, {
        prefix,
        delimiter: "",
        after,
        maxKeys: VERSIONS_PER_PAGE,
      });
      this.#budget.spend(page.calls);
      const within = prefix;
      const { versions, next } = withoutOpenEnd(page);
      const rows: Row[] = versions.map((version, index) => {
        if (version.key !== counter.key) counter = { key: version.key, newerNoncurrent: 0 };
        const isOnlyVersion = version.isLatest && versions[index + 1]?.key !== version.key;
        const isFollowed = index + 1 < versions.length || next === undefined;
        const action = this.#versionAction(version, {
          isOnlyVersion: isOnlyVersion && isFollowed,
          newerNoncurrent: counter.newerNoncurrent,
        });
        // What this pass removes is not kept, so it does not make older versions dispensable, whichever rule removes it.
        const isRemoved = typeof action === "object" && action.kind === "removal";
        if (!version.isLatest && !version.isDeleteMarker && !isRemoved) counter.newerNoncurrent++;
        const { key, token } = version;
        const { newerNoncurrent } = counter;
        return { action, position: { stage: "versions", prefix: within, key, token, newerNoncurrent } as const };
      });
      if (!(await this.#doAll(rows))) return;
      after = next === undefined ? { key: "" } : { key: next.key, ...(next.token && { token: next.token }) };
      if (next === undefined) prefix = nextPrefix(prefixes, prefix);
      if (prefix !== undefined) {
        const { newerNoncurrent } = counter.key === after.key ? counter : { newerNoncurrent: 0 };
        await this.#continueAt({ stage: "versions", prefix, ...after, newerNoncurrent });
      }
    }
    this.position = undefined;
  }

  #versionAction(
    version: ListedVersion,
    about: { readonly isOnlyVersion: boolean; readonly newerNoncurrent: number },
  ): Row["action"] {
    const due = this.#dueFor(version, about);
    if (due === undefined) return undefined;
    const { key, versionId, isLatest, isDeleteMarker } = version;
    if (due.kind === "transition") return this.#transition(version, version.tags, versionId);
    const { objects } = this.#services.lifecycle;
    if (isLatest && !isDeleteMarker) {
      return { kind: "removal", key, calls: CALLS.current, run: (change) => objects.expireCurrent(change, version) };
    }
    // Reading it again each day would cost calls for nothing.
    if (version.lock !== undefined && isProtected(version.lock, new Date(), false)) return "locked";
    const run = (change: Parameters<typeof objects.expireVersion>[0]) => objects.expireVersion(change, version);
    const size = isDeleteMarker ? {} : { sizeBytes: version.sizeBytes };
    return { kind: "removal", key, versionId, ...size, calls: CALLS.version, run };
  }

  #dueFor(
    version: ListedVersion,
    { isOnlyVersion, newerNoncurrent }: { readonly isOnlyVersion: boolean; readonly newerNoncurrent: number },
  ): LifecycleAction | undefined {
    if (version.isLatest) return dueForCurrent(this.#configuration, { ...version, isOnlyVersion }, this.#clock);
    const { noncurrentSince } = version;
    if (noncurrentSince === undefined) return undefined;
    return dueForNoncurrent(this.#configuration, { ...version, noncurrentSince, newerNoncurrent }, this.#clock);
  }

  /** @param tags undefined: no rule depends on them */
  #transition(
    listed: Pick<StoredObject, "key" | "etag" | "sizeBytes" | "lastModified"> & { readonly hasCustomerKey: boolean },
    tags: readonly Tag[] | undefined,
    versionId?: string,
  ): DueAction | undefined {
    if (listed.hasCustomerKey) return undefined;
    const { key, etag, sizeBytes, lastModified } = listed;
    const isDue = (object: StoredObject) =>
      object.storageClass === "STANDARD" &&
      object.etag === etag &&
      object.lastModified.getTime() === lastModified.getTime() &&
      (tags === undefined || JSON.stringify(object.tags) === JSON.stringify(tags));
    const { objects } = this.#services.lifecycle;
    return {
      kind: "transition",
      key,
      ...(versionId !== undefined && { versionId }),
      etag,
      sizeBytes,
      calls: CALLS.transition,
      run: (change) => objects.transition(change, isDue, this.#budget),
    };
  }

  /** After a page. @throws Superseded */
  async #continueAt(position: PassPosition): Promise<void> {
    this.position = position;
    if (!this.#budget.take(1)) return;
    if (!(await this.#save(position, this.counts))) throw new Superseded("another run works on the bucket");
  }

  /** Does what is due for the rows, in groups. False if it had to stop before the last row. */
  async #doAll(rows: readonly Row[]): Promise<boolean> {
    let begun = 0;
    while (begun < rows.length) {
      const group: { readonly action: DueAction; readonly index: number }[] = [];
      let end = begun;
      for (; end < rows.length && group.length < GROUP; end++) {
        const action = rows[end]?.action;
        if (typeof action === "object") group.push({ action, index: end });
      }
      if (group.length > 0) {
        const affordable = this.#afford(group.map(({ action }) => action));
        const done = affordable === 0 ? 0 : await this.#doGroup(group.slice(0, affordable).map(({ action }) => action));
        const stoppedAt = group[done]?.index;
        if (stoppedAt !== undefined) {
          this.#reach(rows, begun, stoppedAt);
          return false;
        }
      }
      this.#reach(rows, begun, end);
      begun = end;
    }
    return true;
  }

  /** All rows before `end` are done. */
  #reach(rows: readonly Row[], begun: number, end: number): void {
    this.counts.seen += end - begun;
    this.counts.locked += rows.slice(begun, end).filter(({ action }) => action === "locked").length;
    this.position = rows[end - 1]?.position ?? this.position;
  }

  /** How many of the actions the calls that are left suffice for; their calls are taken. */
  #afford(actions: readonly DueAction[]): number {
    if (this.#bucket.documents.notification !== undefined && !this.#budget.take(EVENT_CALLS)) return 0;
    let count = 0;
    while (count < actions.length && this.#budget.take(actions[count]?.calls ?? 0)) count++;
    return count;
  }

  async #doGroup(actions: readonly DueAction[]): Promise<number> {
    const { count, tally, done } = await doAll(actions, { bucket: await this.#current(), journal: this.#journal });
    for (const name of COUNTED) this.counts[name] += tally[name];
    this.#log(done);
    return count;
  }

  /** Without a call to the queue: what is logged waits for more, and the run for what is logged. */
  #log(done: readonly LoggedAction[]): void {
    this.#services.accessLogs.noteActions(findLogged(this.#bucket), this.#journal.origin.requestId, done);
  }

  /** The bucket's row, which is read again when it is as old as rows may be. @throws Superseded */
  async #current(): Promise<GrantedBucket> {
    const { id, name, documents } = this.#bucket;
    const { buckets } = await this.#services.directory.load({ bucketName: name });
    const bucket = buckets.get(name);
    const isSame =
      bucket?.id === id &&
      bucket.documents.versioning === documents.versioning &&
      (bucket.documents.lifecycle === documents.lifecycle ||
        JSON.stringify(bucket.documents.lifecycle) === JSON.stringify(documents.lifecycle));
    if (!isSame) throw new Superseded("the bucket's configuration has changed");
    return authorizeLifecycle(bucket);
  }
}

/**
 * A delete marker at the end of a page may have older versions on the next one: it is left for that page, unless it is all that
 * there is.
 */
function withoutOpenEnd<
  Page extends {
    readonly versions: readonly ListedVersion[];
    readonly next: { key: string; token?: string | undefined } | undefined;
  },
>(
  page: Page,
): Pick<Page, "versions"> & {
  readonly next: { readonly key: string; readonly token?: string | undefined } | undefined;
} {
  const { versions, next } = page;
  const last = versions.at(-1);
  const before = versions.at(-2);
  if (next === undefined || last === undefined || before === undefined) return page;
  if (!last.isLatest || !last.isDeleteMarker) return page;
  return { versions: versions.slice(0, -1), next: { key: before.key, token: before.token } };
}

/** An upload that has ended in the meantime needs no abortion. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof S3Error) || error.status >= 500) throw error;
}
