/**
 * What a blob set's Durable Object does, on its storage and the R2 bindings handed in.
 *
 * State `open` → `completing` → `completed`, or `open` → `aborted`. `completing` is written before the entry and names
 * the write, so that after a crash the entry itself tells whether it was committed (`#settle`). All of these calls run
 * one after another (the Durable Object sees to that), since awaiting R2 lets other calls in.
 */
import { S3Error } from "../../errors.ts";
import { blobKey, blobSetPrefix } from "../r2/blobs.ts";
import { commitManifest } from "../r2/commit.ts";
import { describeEntry } from "../r2/entry.ts";
import { entryKey } from "../r2/entry-key.ts";
import { manifestFacts } from "../r2/manifest.ts";
import { callR2 } from "../r2/platform-errors.ts";
import { type RegionStores, storeOf } from "../r2/region-stores.ts";
import { conditionOf } from "../r2/write.ts";
import type {
  Answer,
  BlobSetReference,
  CompleteCommand,
  CompletionAnswer,
  PartRecord,
  PartsAnswer,
  UploadDescription,
} from "./messages.ts";
import { refuse } from "./messages.ts";
import { type Completion, UploadRecords } from "./upload-records.ts";
import { type CompletionPlan, completionFingerprint, planCompletion } from "./upload-state.ts";

/** Keys one R2 delete call takes. */
const DELETE_BATCH = 1000;

export class UploadCoordinator {
  readonly #records: UploadRecords;
  readonly #stores: RegionStores;

  constructor(storage: DurableObjectStorage, stores: RegionStores) {
    this.#records = new UploadRecords(storage);
    this.#stores = stores;
  }

  create(description: UploadDescription): void {
    this.#records.create(description);
  }

  /** The name of the blob this part replaces, if it replaces one: nothing names that blob any more. */
  async recordPart(part: PartRecord): Promise<Answer<{ replaced?: string }>> {
    const upload = await this.#openUpload();
    if (upload === undefined) return refuse("NoSuchUpload");
    const expected = upload.checksum?.algorithm;
    if (expected !== undefined && part.checksum?.algorithm !== expected) {
      const actual = part.checksum?.algorithm.toLowerCase() ?? "null";
      const message = `Checksum Type mismatch occurred, expected checksum Type: ${expected.toLowerCase()}, actual checksum Type: ${actual}`;
      return refuse("InvalidRequest", { message });
    }
    const replaced = this.#records.putPart(part);
    return { ok: true, value: replaced === undefined ? {} : { replaced } };
  }

  async listParts(after: number, limit: number): Promise<Answer<PartsAnswer>> {
    const description = await this.#openUpload();
    if (description === undefined) return refuse("NoSuchUpload");
    const found = this.#records.parts(after, limit + 1);
    return { ok: true, value: { description, parts: found.slice(0, limit), isTruncated: found.length > limit } };
  }

  /**
   * Commits the object. Asked again with the same parts it gives the same answer; asked by two at once, one commits and
   * the other gets that answer.
   */
  async complete(command: CompleteCommand): Promise<Answer<CompletionAnswer>> {
    const description = this.#records.description();
    if (description === undefined) return refuse("NoSuchUpload");
    await this.#settle(description);
    const fingerprint = completionFingerprint(command.request);
    if (this.#records.state() === "completed") {
      const done = this.#records.completion();
      return done?.fingerprint === fingerprint ? { ok: true, value: answerOf(done) } : refuse("NoSuchUpload");
    }
    if (this.#records.state() !== "open") return refuse("NoSuchUpload");
    const plan = planCompletion(this.#records.partMap(), command.request, description);
    if (!plan.ok) return plan;
    const answer = {
      etag: plan.etag,
      sizeBytes: plan.sizeBytes,
      ...(plan.checksum && { checksum: plan.checksum }),
    };
    const completion: Completion = {
      fingerprint,
      writeId: command.ticket.writeId,
      answer,
      blobs: plan.parts.map(([name]) => name),
    };
    this.#records.setState("completing", completion);
    const committed = await this.#commit(description, plan, command);
    if (!committed.ok) return committed;
    const completed = { ...completion, committedAt: committed.value.getTime() };
    this.#records.setState("completed", completed);
    await this.#dropUnused(description, completed);
    return { ok: true, value: answerOf(completed) };
  }

  async abort(): Promise<Answer<undefined>> {
    const description = await this.#openUpload();
    if (description === undefined) return refuse("NoSuchUpload");
    this.#records.setState("aborted");
    const names = this.#records.parts(0, Number.MAX_SAFE_INTEGER).map((part) => part.blobName);
    this.#records.dropParts();
    await this.#removeBlobs(description, names);
    return { ok: true, value: undefined };
  }

  /** False if the blobs are being removed or have been. */
  async addReference(blobSetId: string, reference: BlobSetReference, now: number): Promise<boolean> {
    if (this.#records.isDying()) return false;
    // A set in use is known to be. Of any other one only the blobs tell it from a set that has been removed.
    if (!this.#records.isInUse() && !(await this.#hasBlobs(blobSetId, reference))) return false;
    this.#records.addReference(reference, now);
    return true;
  }

  async #hasBlobs(blobSetId: string, reference: BlobSetReference): Promise<boolean> {
    const page = await callR2(storeOf(this.#stores, reference).list({ prefix: blobSetPrefix(blobSetId), limit: 1 }));
    return page.objects.length > 0;
  }

  /** The upload, if it can still take parts. */
  async #openUpload(): Promise<UploadDescription | undefined> {
    const description = this.#records.description();
    if (description === undefined) return undefined;
    await this.#settle(description);
    return this.#records.state() === "open" ? description : undefined;
  }

  /** After a crash in the middle of a completion: the entry tells how far it came. */
  async #settle(description: UploadDescription): Promise<void> {
    if (this.#records.state() !== "completing") return;
    const completion = this.#records.completion();
    const found = await callR2(
      storeOf(this.#stores, description).head(entryKey(description.bucketId, description.key)),
    );
    const landed = found !== null && describeEntry(found).record.w === completion?.writeId;
    // If it landed and was overwritten since, nobody was told of it: to complete again is the client's to ask.
    const completed = landed && completion && { ...completion, committedAt: found.uploaded.getTime() };
    this.#records.setState(completed ? "completed" : "open", completed || undefined);
  }

  async #commit(description: UploadDescription, plan: CompletionPlan, command: CompleteCommand): Promise<Answer<Date>> {
    const { blobSetId, attributes } = description;
    const manifest = { v: 1, b: blobSetId, p: plan.parts } as const;
    const facts = manifestFacts(manifest, { sizeBytes: plan.sizeBytes, etag: plan.etag, isUpload: true });
    const object = {
      attributes,
      manifest,
      facts: { checksum: plan.checksum, manifest: facts, ticket: command.ticket },
    };
    try {
      const { uploaded } = await commitManifest(storeOf(this.#stores, description), description, object, {
        condition: conditionOf(command.ticket, command.condition),
      });
      return { ok: true, value: uploaded };
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      // A condition that failed is certain. After any other failure the write may have landed: `completing` stays.
      if (error.status >= 500) return refuse(error.code, { message: error.message });
      this.#records.setState("open");
      return refuse(error.code, { message: error.message, details: error.details });
    }
  }

  /** Parts the completed object does not name. */
  async #dropUnused(description: UploadDescription, completion: Completion): Promise<void> {
    const used = new Set(completion.blobs);
    const all = this.#records.parts(0, Number.MAX_SAFE_INTEGER).map((part) => part.blobName);
    this.#records.dropParts();
    // The object is there, whatever becomes of this; the sweep finds what stays.
    await this.#removeBlobs(
      description,
      all.filter((name) => !used.has(name)),
    ).catch(() => {});
  }

  async #removeBlobs(description: UploadDescription, names: readonly string[]): Promise<void> {
    const keys = names.map((name) => blobKey(description.blobSetId, name));
    for (let start = 0; start < keys.length; start += DELETE_BATCH) {
      await callR2(storeOf(this.#stores, description).delete(keys.slice(start, start + DELETE_BATCH)));
    }
  }
}

/** With write id and time of the call that committed, which need not be this one. */
function answerOf({ answer, writeId, committedAt = 0 }: Completion): CompletionAnswer {
  return { ...answer, writeId, committedAt };
}
