/**
 * One step of a report: lists the bucket from the report's position on and writes data files, until the bucket has been listed
 * or the run's calls or time are used up; then the manifests.
 *
 * A data file is written first, and then the row names it together with the position behind its last version. So after a crash at
 * any call the report continues behind the last file that it names, and a file that was written for nothing is in no manifest: its
 * name is random. The manifests contain only what the row says, so writing them again changes nothing.
 */
import { authorizeInventory, type InventoryGrant } from "../access/authorize.ts";
import { digestHex } from "../checksum/hasher.ts";
import { S3Error } from "../errors.ts";
import type { CallBudget } from "../lifecycle/call-budget.ts";
import { S3_ITSELF } from "../model/event.ts";
import { inventoryColumns, nextReportAt } from "../model/inventory.ts";
import type { InventoriedVersion, InventoryPosition, InventoryReport } from "../model/inventory-report.ts";
import { lockOfNewVersion } from "../model/object-lock.ts";
import { newRequestId, newUuid } from "../model/random-ids.ts";
import type { InventoryServices } from "../services.ts";
import type { DueInventory } from "../storage/d1/inventories.ts";
import type { RequestJournal } from "../storage/journal/journal.ts";
import { formatRow } from "./csv.ts";
import { DataFile } from "./data-file.ts";
import { dataFileKey, manifestsOf } from "./manifest.ts";

/** A listing makes at most so many calls in most cases, and reading the status of replication one. */
const CALLS_OF_A_PAGE = 3;
/** The rows of both buckets, the journal's, those to R2, and that of the row afterwards. */
const CALLS_OF_AN_OBJECT = 10;
const MANIFESTS = 3;
/** How long a report waits that its destination refuses, in parts of a day. */
const REFUSALS_PER_DAY = 24;

/** The configuration or the bucket is another one than when the step began. */
class Superseded extends Error {}

export interface StepMeans {
  readonly services: InventoryServices;
  readonly now: Date;
  readonly budget: CallBudget;
}

export type StepOutcome = "completed" | "unfinished" | "refused" | "superseded";

export class ReportStep {
  readonly #services: InventoryServices;
  readonly #now: Date;
  readonly #budget: CallBudget;
  readonly #journal: RequestJournal;
  readonly #columns: readonly string[];
  #due: DueInventory;
  #report: InventoryReport | undefined;
  /** Versions that are in data files of this step. */
  rows = 0;

  constructor({ services, now, budget }: StepMeans, due: DueInventory) {
    this.#services = services;
    this.#now = now;
    this.#budget = budget;
    this.#due = due;
    this.#report = due.report;
    this.#columns = inventoryColumns(due.configuration);
    this.#journal = services.journal.of({
      time: now,
      principalId: S3_ITSELF,
      sourceIp: S3_ITSELF,
      requestId: newRequestId(),
      endpoint: services.config.publicOrigin ?? "",
      callbackVariables: {},
    });
  }

  /** @throws whatever the platform throws; the report then continues behind the last data file */
  async run(): Promise<StepOutcome> {
    try {
      const report = await this.#writeData();
      if (report === undefined || !this.#budget.take(MANIFESTS * CALLS_OF_AN_OBJECT)) return await this.#pause();
      await this.#writeManifests(report);
      return "completed";
    } catch (error) {
      if (error instanceof Superseded) return "superseded";
      const isRefused = error instanceof S3Error && error.status < 500;
      // Others have their turn before it is tried again.
      await this.#advance(this.#report, isRefused ? this.#later() : undefined).catch(() => {});
      if (!isRefused) throw error;
      console.error(JSON.stringify({ inventory: this.#name, refused: error.message }));
      return "refused";
    }
  }

  get #name(): string {
    return `${this.#due.bucketName}/${this.#due.configuration.id}`;
  }

  /** The report once all of the bucket is in data files; undefined if that needs another step. */
  async #writeData(): Promise<InventoryReport | undefined> {
    // Whether anything can be delivered is found out before anything is listed.
    const { source } = await this.#grant(dataFileKey(this.#scope, newUuid()));
    let report = this.#report;
    if (report?.position !== undefined && !isOf(report.position, this.#services.inventory.objects.first(source))) {
      // Versioning has been enabled since: positions of the two kinds do not compare, so the report begins again.
      report = undefined;
    }
    report ??= {
      startedAt: this.#now.getTime(),
      position: this.#services.inventory.objects.first(source),
      files: [],
    };
    while (report.position !== undefined) {
      if (this.#budget.left < CALLS_OF_A_PAGE + CALLS_OF_AN_OBJECT) return undefined;
      report = await this.#writeFile(report, report.position);
      await this.#advance(report);
    }
    return report;
  }

  async #writeFile(report: InventoryReport, from: InventoryPosition): Promise<InventoryReport> {
    const file = new DataFile();
    let position: InventoryPosition | undefined = from;
    let rows = 0;
    try {
      do {
        const page = await this.#readPage(position);
        await file.add(page.lines);
        rows += page.rows;
        position = page.next;
      } while (position !== undefined && !file.isFull && this.#budget.left >= CALLS_OF_A_PAGE + CALLS_OF_AN_OBJECT);
    } catch (error) {
      await file.abandon();
      throw error;
    }
    const { startedAt, files } = report;
    const rest = position === undefined ? {} : { position };
    if (file.isEmpty) {
      await file.abandon();
      return { startedAt, files, ...rest };
    }
    const bytes = await file.end();
    const name = newUuid();
    this.#budget.spend(CALLS_OF_AN_OBJECT);
    await this.#put(dataFileKey(this.#scope, name), bytes, "application/gzip");
    this.rows += rows;
    return { startedAt, files: [...files, [name, bytes.byteLength, digestHex("md5", bytes)]], ...rest };
  }

  async #readPage(position: InventoryPosition) {
    const { configuration } = this.#due;
    const { source } = await this.#grant(dataFileKey(this.#scope, newUuid()));
    const { objects } = this.#services.inventory;
    if (!isOf(position, objects.first(source))) throw new Superseded("versioning has been enabled");
    const page = await objects.page(source, configuration.filterPrefix ?? "", position);
    this.#budget.spend(page.calls);
    const chosen =
      configuration.versions === "All"
        ? page.versions
        : page.versions.filter(({ isLatest, isDeleteMarker }) => isLatest && !isDeleteMarker);
    const context = { source, replication: await this.#replicationOf(chosen) };
    let lines = "";
    for (const version of chosen) lines += formatRow(this.#columns, version, context);
    return { lines, rows: chosen.length, next: page.next };
  }

  async #replicationOf(versions: readonly InventoriedVersion[]): Promise<ReadonlyMap<string, string>> {
    if (!this.#due.configuration.fields.includes("ReplicationStatus")) return new Map();
    const ids = versions.flatMap(({ replication }) => (replication?.state === "source" ? [replication.writeId] : []));
    if (ids.length === 0) return new Map();
    this.#budget.spend(1);
    return this.#services.replicationTasks.statusesOf(ids);
  }

  async #writeManifests(report: InventoryReport): Promise<void> {
    const encoder = new TextEncoder();
    for (const { key, text, contentType } of manifestsOf(this.#scope, report)) {
      await this.#put(key, new Uint8Array(encoder.encode(text)), contentType);
    }
    const { frequency } = this.#due.configuration;
    const clock = { now: new Date(report.startedAt), dayMs: this.#services.config.lifecycleDayMs };
    await this.#advance(undefined, nextReportAt(frequency, clock));
  }

  async #put(key: string, bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<void> {
    const { destination: bucket } = await this.#grant(key);
    const lock = lockOfNewVersion(undefined, bucket.documents.objectLock, this.#now);
    const attributes = {
      content: { contentType },
      userMetadata: {},
      storageClass: "STANDARD",
      ownerId: bucket.ownerId,
      tags: [],
      ...(lock !== undefined && { lock }),
    } as const;
    await this.#journal.write(
      bucket,
      { key, event: "ObjectCreated:Put" },
      {
        adds: { objects: 1, bytes: bytes.byteLength },
        commit: (ticket) => this.#services.inventory.objects.put({ bucket, key, attributes, ticket }, bytes),
        describe: ({ etag, sizeBytes, lastModified: at, versionId }) => ({
          etag,
          sizeBytes,
          at,
          ...(versionId !== undefined && { versionId }),
        }),
      },
    );
  }

  get #scope() {
    return { sourceBucket: this.#due.bucketName, configuration: this.#due.configuration };
  }

  /**
   * Both buckets, whose rows are read again when they are as old as rows may be.
   * @throws S3Error `AccessDenied`; Superseded
   */
  async #grant(key: string): Promise<InventoryGrant> {
    const { bucketName, bucketId, configuration } = this.#due;
    const { bucket: destinationName } = configuration.destination;
    const { buckets } = await this.#services.directory.load({ bucketName, sourceName: destinationName });
    const source = buckets.get(bucketName);
    if (source?.id !== bucketId) throw new Superseded("the bucket has been deleted");
    return authorizeInventory({ configuration, key }, { source, destination: buckets.get(destinationName) }, this.#now);
  }

  /** @throws Superseded */
  async #advance(report: InventoryReport | undefined, dueAt?: Date): Promise<void> {
    const step = { report, now: this.#now, ...(dueAt !== undefined && { dueAt }) };
    const next = await this.#services.inventory.reports.advance(this.#due, step);
    if (next === undefined) throw new Superseded("the configuration has changed");
    this.#due = next;
    this.#report = report;
  }

  /** Another configuration comes first in the next run. */
  async #pause(): Promise<StepOutcome> {
    await this.#advance(this.#report);
    return "unfinished";
  }

  #later(): Date {
    return new Date(this.#now.getTime() + this.#services.config.lifecycleDayMs / REFUSALS_PER_DAY);
  }
}

function isOf(position: InventoryPosition, first: InventoryPosition): boolean {
  return position.stage === first.stage;
}
