/**
 * Which rows of one key are versions, and what is said about them.
 *
 * The entry is read before the records, so a key is shown as it was when its entry was read, without the versions deleted
 * since. Whatever was current then is the entry; whatever was noncurrent then has had its record since before, because a
 * version's record is put before the entry is replaced, and a record is never removed while the version exists. A version that
 * is replaced between the two reads has a record too, with the token of the entry: the entry is shown, and the record is not. A
 * record with a later token than the entry's is of a version that was written after the entry was read.
 * In the other order, a version that is replaced between the two reads would be in neither.
 */
import { isNullToken, timeOf, type VersionToken } from "../../model/version.ts";
import { type Entry, lastModifiedOf } from "../r2/entry.ts";
import { coveredRevision } from "./keep.ts";
import type { VersionRow } from "./version-rows.ts";

/** A row that is a version. */
export interface FoundVersion {
  readonly row: VersionRow;
  readonly token: VersionToken;
  readonly isLatest: boolean;
  /** Absent for the latest one. */
  readonly noncurrentSince?: Date;
}

/** Clocks of Workers differ by less. */
const CLOCK_DIFFERENCE_MS = 60_000;

/** Takes the rows of a key in order: its entry, if there is one, then its records. */
export class KeyVersions {
  readonly key: string;
  readonly #entry: VersionRow | undefined;
  readonly #after: VersionToken | undefined;
  readonly #readAt: number;
  /** The entry is shown only if its record shows that the version still exists. */
  #isUnverified: boolean;
  #hasLatest: boolean;
  #hasNull = false;
  /** When the version before was written. */
  #newerAt: Date | undefined;

  /**
   * @param about.after only older versions are shown
   * @param about.readAt when the entries were read, in milliseconds since 1970
   */
  constructor(
    key: string,
    about: {
      readonly entry: VersionRow | undefined;
      readonly after: VersionToken | undefined;
      readonly readAt: number;
    },
  ) {
    const { entry, after, readAt } = about;
    this.key = key;
    this.#entry = entry;
    this.#after = after;
    this.#readAt = readAt;
    this.#isUnverified = entry?.entry.record.U === 1;
    if (after !== undefined) this.#newerAt = timeOf(after);
    // The versions up to a marker have been shown.
    this.#hasLatest = after !== undefined && (entry === undefined || entry.entry.isTombstone || !this.#isShown(entry));
  }

  /** The entry, if it is certainly a version. */
  takeEntry(): FoundVersion | undefined {
    return this.#isUnverified ? undefined : this.#takeCurrent(this.#entry);
  }

  /** The version that a record shows, which is that of an unverified entry if it is its own record. */
  takeRecord(row: VersionRow): FoundVersion | undefined {
    const { token, entry } = row;
    const current = this.#entry?.token;
    if (token === undefined || (current !== undefined && token < current)) return undefined;
    if (token === current) {
      const isRestored = this.#isUnverified && !this.#isDeletedBy(entry);
      this.#isUnverified = false;
      if (!isRestored) return undefined;
      // It may have been changed while it was restored.
      const isLater = !entry.isTombstone && coveredRevision(entry.record) > this.#revision;
      return this.#takeCurrent(isLater ? row : this.#entry);
    }
    this.#isUnverified = false;
    const isVersion = !entry.isTombstone && this.#isAlive(row, token);
    if (isNullToken(token)) this.#hasNull = true;
    if (!isVersion) return undefined;
    return this.#take(row, token);
  }

  #takeCurrent(row: VersionRow | undefined): FoundVersion | undefined {
    if (row?.token === undefined || row.entry.isTombstone) return undefined;
    return this.#take(row, row.token);
  }

  #take(row: VersionRow, token: VersionToken): FoundVersion | undefined {
    if (!this.#isShown(row)) return undefined;
    const isLatest = !this.#hasLatest;
    const noncurrentSince = latestOf(this.#newerAt, row.entry.record.S);
    this.#hasLatest = true;
    this.#newerAt = lastModifiedOf(row.found, row.entry.record);
    return { row, token, isLatest, ...(!isLatest && noncurrentSince !== undefined && { noncurrentSince }) };
  }

  #isShown({ token }: VersionRow): boolean {
    return this.#after === undefined || (token !== undefined && token > this.#after);
  }

  #isDeletedBy({ record, isTombstone }: Entry): boolean {
    return isTombstone && coveredRevision(record) >= this.#revision;
  }

  /** Of the entry. */
  get #revision(): number {
    return this.#entry?.entry.record.R ?? 0;
  }

  /** A key has one null version: the newest, deleted or not. Its token is that of the entry, or in it. */
  #isAlive({ entry }: VersionRow, token: VersionToken): boolean {
    const current = this.#entry;
    if (current === undefined || current.token === undefined) {
      // Records of a key that was written after the entries were read. Others are left by writers that did not know yet that
      // the bucket is versioned.
      if ((entry.record.S ?? 0) > this.#readAt - CLOCK_DIFFERENCE_MS) return false;
    }
    if (!isNullToken(token)) return true;
    return current?.token === undefined ? !this.#hasNull : current.entry.record.N === token;
  }
}

/**
 * When a version stopped being current: not before the next one was written, nor before its own record was put. A replica, which
 * takes its place with the earlier date of its source, would else make it look as if it had been kept for long.
 */
function latestOf(newerAt: Date | undefined, keptAt: number | undefined): Date | undefined {
  if (newerAt === undefined || keptAt === undefined || keptAt <= newerAt.getTime()) return newerAt;
  return new Date(keptAt);
}
