/**
 * The tables of one blob set's Durable Object. They are created by the first write, so that a read of an empty object
 * stores nothing.
 */
import type { VersionToken } from "../../model/version.ts";
import type { ObjectIdentity } from "../r2/entry-record.ts";
import type { BlobSetReference, BlobSetState, CompletedObject, PartRecord, UploadDescription } from "./messages.ts";

export type UploadState = "open" | "completing" | "completed" | "aborted";

export interface CompletionRecord {
  readonly fingerprint: string;
  readonly writeId: string;
  /**
   * In a bucket that is or was versioned: the token of the version. Before `committedAt` is set, the one that it has unless a
   * version with a later one is at the key.
   */
  readonly version?: VersionToken;
  readonly answer: CompletedObject;
  /** When the entry was put, milliseconds since 1970; absent until it has been. */
  readonly committedAt?: number;
  /** Names of the blobs the object is made of. */
  readonly blobs: readonly string[];
  /** Names of blobs that only earlier attempts would have joined. */
  readonly earlier?: readonly string[];
  /** The object at the key when it was begun; null for none. Absent: a release that did not record it has begun it. */
  readonly before?: ObjectIdentity | null;
  /** Whether the client set a condition on what was there. */
  readonly isConditional?: boolean;
}

/** As the Durable Object stores it. */
export interface KnownUpload extends UploadDescription {
  /** Whether every completion that was begun is recorded. Absent: created by a release that forgot them. */
  readonly isFullyRecorded?: true;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS upload (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    state TEXT NOT NULL,
    description TEXT NOT NULL
  ) STRICT;
  -- In pieces: a row holds at most 2 MB, and 10,000 names of blobs come near that.
  CREATE TABLE IF NOT EXISTS completion (piece INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS parts (
    number INTEGER PRIMARY KEY,
    blob TEXT NOT NULL,
    size INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    algorithm TEXT,
    checksum TEXT,
    uploaded_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS entries (
    entry TEXT NOT NULL,
    region TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (entry, region)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS fate (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    dead_since INTEGER,
    is_dying INTEGER NOT NULL DEFAULT 0,
    is_tidy INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  INSERT OR IGNORE INTO fate (id) VALUES (1);`;

export const PIECE_LENGTH = 500_000;

interface PartRow extends Record<string, SqlStorageValue> {
  readonly number: number;
  readonly blob: string;
  readonly size: number;
  readonly md5: string;
  readonly algorithm: string | null;
  readonly checksum: string | null;
  readonly uploaded_at: number;
}

export class BlobSetRecords {
  readonly #storage: DurableObjectStorage;
  #hasTables: boolean;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#hasTables = this.#sql("SELECT 1 FROM sqlite_master WHERE name = 'upload'").length > 0;
  }

  /** Whether an upload or a copy is recorded to use the set, and no sweep has found it dead since. */
  isInUse(): boolean {
    return this.deadSince() === undefined && (this.description() !== undefined || this.references().length > 0);
  }

  /** Whether there is no record of this set, or not any more. */
  isEmpty(): boolean {
    return !this.#hasTables;
  }

  create(description: UploadDescription): void {
    this.#prepare();
    const known: KnownUpload = { ...description, isFullyRecorded: true };
    this.#sql("INSERT OR IGNORE INTO upload (id, state, description) VALUES (1, 'open', ?)", JSON.stringify(known));
  }

  description(): KnownUpload | undefined {
    const row = this.#read("SELECT description FROM upload")[0];
    return row === undefined ? undefined : (JSON.parse(String(row.description)) as KnownUpload);
  }

  /** Whether an entry that names the blobs may have been put. */
  mayHaveTakenEffect(): boolean {
    return this.description()?.isFullyRecorded !== true || this.completion() !== undefined;
  }

  state(): UploadState | undefined {
    return this.#read("SELECT state FROM upload")[0]?.state as UploadState | undefined;
  }

  /** @param completion the latest one that was begun, whatever its state; undefined only if there was none */
  setState(state: UploadState, completion?: CompletionRecord): void {
    this.#storage.transactionSync(() => {
      this.#sql("UPDATE upload SET state = ?", state);
      this.#sql("DELETE FROM completion");
      const json = completion === undefined ? "" : JSON.stringify(completion);
      for (let start = 0; start < json.length; start += PIECE_LENGTH) {
        this.#sql("INSERT INTO completion (piece, json) VALUES (?, ?)", start, json.slice(start, start + PIECE_LENGTH));
      }
    });
  }

  completion(): CompletionRecord | undefined {
    const json = this.#read("SELECT json FROM completion ORDER BY piece")
      .map((row) => String(row.json))
      .join("");
    return json === "" ? undefined : (JSON.parse(json) as CompletionRecord);
  }

  /** The last one recorded counts; returns the blob that was recorded before. */
  putPart(part: PartRecord): string | undefined {
    const before = this.#read("SELECT blob FROM parts WHERE number = ?", part.partNumber)[0];
    this.#sql(
      "INSERT OR REPLACE INTO parts (number, blob, size, md5, algorithm, checksum, uploaded_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
      part.partNumber,
      part.blobName,
      part.sizeBytes,
      part.md5,
      part.checksum?.algorithm ?? null,
      part.checksum?.value ?? null,
      part.uploadedAt,
    );
    const replaced = before === undefined ? undefined : String(before.blob);
    return replaced === part.blobName ? undefined : replaced;
  }

  /** Ascending, from after a part number. */
  parts(after: number, limit: number): PartRecord[] {
    const rows = this.#read("SELECT * FROM parts WHERE number > ? ORDER BY number LIMIT ?", after, limit);
    return rows.map((row) => toPart(row as PartRow));
  }

  partMap(): ReadonlyMap<number, PartRecord> {
    return new Map(this.parts(0, Number.MAX_SAFE_INTEGER).map((part) => [part.partNumber, part]));
  }

  dropParts(): void {
    this.#sql("DELETE FROM parts");
  }

  addReference({ entry, region }: BlobSetReference, now: number): void {
    this.#prepare();
    this.#sql("INSERT OR REPLACE INTO entries (entry, region, added_at) VALUES (?, ?, ?)", entry, region, now);
    this.#sql("UPDATE fate SET dead_since = NULL");
  }

  references(): (BlobSetReference & { readonly addedAt: number })[] {
    return this.#read("SELECT entry, region, added_at FROM entries").map((row) => ({
      entry: String(row.entry),
      region: String(row.region),
      addedAt: Number(row.added_at),
    }));
  }

  dropReference({ entry, region }: BlobSetReference): void {
    this.#sql("DELETE FROM entries WHERE entry = ? AND region = ?", entry, region);
  }

  deadSince(): number | undefined {
    const value = this.#read("SELECT dead_since FROM fate")[0]?.dead_since;
    return typeof value === "number" ? value : undefined;
  }

  setDeadSince(now: number | undefined): void {
    if (now === undefined && !this.#hasTables) return;
    this.#prepare();
    this.#sql("UPDATE fate SET dead_since = ?", now ?? null);
  }

  isDying(): boolean {
    return this.#read("SELECT is_dying FROM fate")[0]?.is_dying === 1;
  }

  setDying(): void {
    this.#prepare();
    this.#sql("UPDATE fate SET is_dying = 1");
  }

  isTidy(): boolean {
    return this.#read("SELECT is_tidy FROM fate")[0]?.is_tidy === 1;
  }

  setTidy(): void {
    this.#sql("UPDATE fate SET is_tidy = 1");
  }

  /** All of it, with a page of the parts. */
  inspect(after: number, limit: number): BlobSetState {
    const [state, description] = [this.state(), this.description()];
    const deadSince = this.deadSince();
    return {
      ...(state !== undefined &&
        description !== undefined && {
          upload: {
            state,
            bucketId: description.bucketId,
            region: description.region,
            key: description.key,
            uploadId: description.uploadId,
            initiatedAt: description.initiatedAt,
            parts: this.parts(after, limit),
            partBytes: Number(this.#read("SELECT coalesce(sum(size), 0) AS bytes FROM parts")[0]?.bytes ?? 0),
          },
        }),
      references: this.references(),
      ...(deadSince !== undefined && { deadSince }),
      isDying: this.isDying(),
    };
  }

  async forgetAll(): Promise<void> {
    this.#hasTables = false;
    await this.#storage.deleteAll();
  }

  #prepare(): void {
    if (this.#hasTables) return;
    this.#storage.sql.exec(SCHEMA);
    this.#hasTables = true;
  }

  #read(query: string, ...values: SqlStorageValue[]): Record<string, SqlStorageValue>[] {
    return this.#hasTables ? this.#sql(query, ...values) : [];
  }

  #sql(query: string, ...values: SqlStorageValue[]): Record<string, SqlStorageValue>[] {
    return this.#storage.sql.exec(query, ...values).toArray();
  }
}

function toPart(row: PartRow): PartRecord {
  const { algorithm, checksum } = row;
  return {
    partNumber: row.number,
    blobName: row.blob,
    sizeBytes: row.size,
    md5: row.md5,
    ...(algorithm !== null &&
      checksum !== null && {
        checksum: { algorithm: algorithm as NonNullable<PartRecord["checksum"]>["algorithm"], value: checksum },
      }),
    uploadedAt: row.uploaded_at,
  };
}
