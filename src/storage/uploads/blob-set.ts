/**
 * The Durable Object of one blob set, which works on its own storage and R2: it owns the parts of a multipart upload, and
 * only it decides that the set is dead.
 *
 * State `open` → `completing` → `completed`, or `open` → `aborted`. `completing` is written before the entry, so that after
 * a crash `settlement.ts` can find out whether it was committed. All calls run one after another, since other calls would
 * otherwise start while R2 is awaited.
 *
 * Blobs are removed here only while no completion has ever been begun: until then no entry can name them. After that only
 * the sweep removes them, after it has read every entry that may name the set and the grace period has passed.
 */
import { DurableObject } from "cloudflare:workers";
import { S3Error } from "../../errors.ts";
import type { WriteCondition } from "../../model/object.ts";
import { digestRequired } from "../../model/object-lock.ts";
import { versionIdOf } from "../../model/version.ts";
import { patientBindings } from "../platform/patient-bindings.ts";
import { callR2, toS3Error } from "../platform-errors.ts";
import { blobKey, blobSetPrefix, summarizeManifest } from "../r2/blobs.ts";
import { commitManifest } from "../r2/commit.ts";
import { conditionOf, requireCondition, requireKnownVersions } from "../r2/conditions.ts";
import { identityOf, isSameObject } from "../r2/entry.ts";
import { entryPlace, type RegionStores, regionStores, type StoreBindings, storeOf } from "../r2/entry-place.ts";
import { proposeToken } from "../versions/commit-version.ts";
import { BlobSetRecords, type CompletionRecord, type KnownUpload } from "./blob-set-records.ts";
import { sweepBlobSet } from "./blob-set-sweep.ts";
import {
  type AddReferenceCall,
  type Answer,
  type BlobSetReference,
  type BlobSetState,
  type CommittedObject,
  type CompleteCommand,
  MESSAGE_VERSION,
  type PartRecord,
  type PartsAnswer,
  refuse,
  type SweepCommand,
  type SweepOutcome,
  type UploadDescription,
} from "./messages.ts";
import { type CompletionPlan, completionFingerprint, planCompletion } from "./plan-completion.ts";
import { findVersion, keyOf, settle } from "./settlement.ts";

/** Keys one R2 delete call takes. */
const DELETE_BATCH = 1000;
/** Attempts to put the entry while other writes of the key keep coming first. */
const MAX_ATTEMPTS = 4;

export class BlobSet {
  readonly #records: BlobSetRecords;
  readonly #stores: RegionStores;

  constructor(storage: DurableObjectStorage, stores: RegionStores) {
    this.#records = new BlobSetRecords(storage);
    this.#stores = stores;
  }

  create(description: UploadDescription): void {
    this.#records.create(description);
  }

  /** Returns the name of the blob that this part replaces, if there is one and no entry can name it. */
  async recordPart(part: PartRecord): Promise<Answer<{ replaced?: string }>> {
    const upload = await this.#openUpload();
    if (upload === undefined) return refuse("NoSuchUpload");
    const expected = upload.checksum?.algorithm;
    if (expected !== undefined && part.checksum?.algorithm !== expected) {
      const actual = part.checksum?.algorithm.toLowerCase() ?? "null";
      const message = `Checksum Type mismatch occurred, expected checksum Type: ${expected.toLowerCase()}, actual checksum Type: ${actual}`;
      return refuse("InvalidRequest", { message });
    }
    if (upload.attributes.lock !== undefined && part.statesDigest === false) {
      const { code, message } = digestRequired("Put Part");
      return refuse(code, { message });
    }
    const mayBeNamed = this.#records.mayHaveTakenEffect();
    const replaced = this.#records.putPart(part);
    return { ok: true, value: replaced === undefined || mayBeNamed ? {} : { replaced } };
  }

  async listParts(after: number, limit: number): Promise<Answer<PartsAnswer>> {
    const description = await this.#openUpload();
    if (description === undefined) return refuse("NoSuchUpload");
    const found = this.#records.parts(after, limit + 1);
    return { ok: true, value: { description, parts: found.slice(0, limit), isTruncated: found.length > limit } };
  }

  /**
   * Commits the object. A repeated call with the same parts has the same answer; of two calls at once, one commits and the
   * other has that answer.
   */
  async complete(command: CompleteCommand): Promise<Answer<CommittedObject>> {
    const description = this.#records.description();
    if (description === undefined) return refuse("NoSuchUpload");
    await settle(this.#records, this.#stores, description);
    const fingerprint = completionFingerprint(command.request);
    if (this.#records.state() === "completed") {
      const done = this.#records.completion();
      return done?.fingerprint === fingerprint
        ? { ok: true, value: answerOf(done, description) }
        : refuse("NoSuchUpload");
    }
    if (this.#records.state() !== "open") return refuse("NoSuchUpload");
    const plan = planCompletion(this.#records.partMap(), command.request, description);
    if (!plan.ok) return plan;
    const isFirst = !this.#records.mayHaveTakenEffect();
    const completed = await this.#commit(description, command, { ...plan.value, fingerprint });
    if (!completed.ok) return completed;
    this.#records.setState("completed", completed.value);
    await this.#dropUnused(description, completed.value, isFirst);
    return { ok: true, value: answerOf(completed.value, description) };
  }

  async abort(): Promise<Answer<undefined>> {
    const description = await this.#openUpload();
    if (description === undefined) return refuse("NoSuchUpload");
    const mayBeNamed = this.#records.mayHaveTakenEffect();
    this.#records.setState("aborted", this.#records.completion());
    const names = this.#records.parts(0, Number.MAX_SAFE_INTEGER).map((part) => part.blobName);
    this.#records.dropParts();
    if (mayBeNamed) return { ok: true, value: undefined };
    await this.#removeBlobs(description, names);
    // Sweeps do not visit a set without blobs. A part that is still being uploaded will leave a set without records.
    await this.#records.forgetAll();
    return { ok: true, value: undefined };
  }

  /** False if the blobs are being removed or have been. */
  async addReference(blobSetId: string, reference: BlobSetReference, now: number): Promise<boolean> {
    if (this.#records.isDying()) return false;
    // The records say whether a set is in use. If it is not, only its blobs show that it has not been removed.
    if (!this.#records.isInUse() && !(await this.#hasBlobs(blobSetId, reference))) return false;
    this.#records.addReference(reference, now);
    return true;
  }

  async #hasBlobs(blobSetId: string, reference: BlobSetReference): Promise<boolean> {
    const page = await callR2(storeOf(this.#stores, reference).list({ prefix: blobSetPrefix(blobSetId), limit: 1 }));
    return page.objects.length > 0;
  }

  /** Reads only. */
  inspect(after: number, limit: number): BlobSetState {
    return this.#records.inspect(after, limit);
  }

  async sweep(command: SweepCommand): Promise<SweepOutcome> {
    await this.#settle();
    return sweepBlobSet(this.#records, this.#stores, command);
  }

  /** Settles a completion that a crash has interrupted. */
  async #settle(): Promise<void> {
    const description = this.#records.description();
    if (description !== undefined) await settle(this.#records, this.#stores, description);
  }

  /** The upload, if it can still take parts. */
  async #openUpload(): Promise<KnownUpload | undefined> {
    await this.#settle();
    const description = this.#records.description();
    return this.#records.state() === "open" ? description : undefined;
  }

  /**
   * Puts the entry. Each attempt first reads the entry at the key, which decides the conditions and is recorded for
   * `settle`, and then puts on condition that it has not changed. Where versions are kept, an earlier attempt of which R2 gave
   * no clear answer may have taken effect late: its version is looked for, so that there is only one.
   */
  async #commit(
    description: KnownUpload,
    command: CompleteCommand,
    { object, parts, fingerprint }: CompletionPlan & { readonly fingerprint: string },
  ): Promise<Answer<CompletionRecord>> {
    const { blobSetId, key } = description;
    const { ticket, versioning, defaultLock } = command;
    const lock = { ...defaultLock, ...description.attributes.lock };
    const isLocked = Object.keys(lock).length > 0;
    const attributes = { ...description.attributes, ...(isLocked && { lock }) };
    const { etag, sizeBytes, checksum } = object;
    const place = entryPlace(storeOf(this.#stores, description), { ...description, versioning });
    const token = proposeToken(place);
    const condition = conditionOf(ticket, command.condition);
    const isConditional = condition !== undefined;
    const manifest = { v: 1, b: blobSetId, p: parts } as const;
    const facts = {
      checksum,
      manifest: summarizeManifest(manifest, { sizeBytes, etag, isUpload: true }),
      ticket,
      isConditional,
    };
    let last = this.#records.completion();
    const earlier = last && [...new Set([...last.blobs, ...(last.earlier ?? [])])];
    try {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const found = await callR2(place.store.head(place.r2Key));
        const effect = last?.version && (await findVersion(keyOf(this.#stores, description), last.version, found));
        if (last && effect) return this.#isDone({ ...last, ...effect }, fingerprint);
        requireKnownVersions(found, place);
        if (condition !== undefined) requireCondition(found, key, condition);
        if (command.condition !== undefined && ticket.replicaOf === undefined) {
          requireUntouched(found, description, command.condition);
        }
        const begun: CompletionRecord = {
          fingerprint,
          writeId: ticket.writeId,
          ...(token !== undefined && { version: token }),
          answer: object,
          blobs: parts.map(([name]) => name),
          // The blobs of completions that were begun before this one and found not to have taken effect.
          ...(earlier !== undefined && { earlier }),
          before: identityOf(found),
          ...(isConditional && { isConditional }),
        };
        this.#records.setState("completing", begun);
        try {
          const upload = { attributes, manifest, facts };
          const { object: stored, token: version } = await commitManifest(place, upload, { madeOf: found, token });
          const committedAt = stored.uploaded.getTime();
          return { ok: true, value: { ...begun, committedAt, ...(version !== undefined && { version }) } };
        } catch (error) {
          if (!isDeclined(error)) throw error;
          last = begun;
        }
      }
      // R2 declined each attempt, so nothing was put.
      this.#records.setState("open", this.#records.completion());
      return refuse("SlowDown");
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      // After a refusal nothing was put. After any other failure the put may have taken effect: `completing` stays.
      if (error.status < 500) this.#records.setState("open", this.#records.completion());
      return refuse(error.code, { message: error.message, details: error.details });
    }
  }

  /** The answer if a completion has taken effect that was begun earlier. */
  #isDone(done: CompletionRecord, fingerprint: string): Answer<CompletionRecord> {
    this.#records.setState("completed", done);
    return done.fingerprint === fingerprint ? { ok: true, value: done } : refuse("NoSuchUpload");
  }

  /** Removes parts that the object does not contain. Blobs that an earlier attempt may have named are left to the sweep. */
  async #dropUnused(description: KnownUpload, completion: CompletionRecord, isFirst: boolean): Promise<void> {
    const used = new Set(completion.blobs);
    const all = this.#records.parts(0, Number.MAX_SAFE_INTEGER).map((part) => part.blobName);
    this.#records.dropParts();
    if (!isFirst) return;
    // The object exists, even if this fails; the sweep then removes the blobs.
    await this.#removeBlobs(
      description,
      all.filter((name) => !used.has(name)),
    ).catch(() => {});
  }

  async #removeBlobs(description: KnownUpload, names: readonly string[]): Promise<void> {
    const keys = names.map((name) => blobKey(description.blobSetId, name));
    for (let start = 0; start < keys.length; start += DELETE_BATCH) {
      await callR2(storeOf(this.#stores, description).delete(keys.slice(start, start + DELETE_BATCH)));
    }
  }
}

/** With write id and time of the call that committed, which may be an earlier one. */
function answerOf(
  { answer, writeId, committedAt = 0, version }: CompletionRecord,
  { attributes: { encryption } }: UploadDescription,
): CommittedObject {
  return {
    ...answer,
    writeId,
    committedAt,
    ...(version !== undefined && { versionId: versionIdOf(version) }),
    ...(encryption !== undefined && { encryption }),
  };
}

/** @throws S3Error `ConditionalRequestConflict` if the object was written or deleted since the upload was created */
function requireUntouched(found: R2Object | null, { before, key }: KnownUpload, condition: WriteCondition): void {
  // A release that did not record it has created the upload.
  if (before === undefined || isSameObject(identityOf(found), before)) return;
  const header = condition.kind === "if-none-match-any" ? "If-None-Match" : "If-Match";
  throw new S3Error("ConditionalRequestConflict", { details: { Condition: header, Key: key } });
}

function isDeclined(error: unknown): boolean {
  return error instanceof S3Error && error.code === "ConditionalRequestConflict";
}

/**
 * The class that the platform makes: it runs calls to `BlobSet` one after another and turns errors into values. Its name is
 * part of `wrangler.toml`'s migrations and cannot change; the set may be one of a copied object.
 */
export class MultipartUpload extends DurableObject<StoreBindings> {
  readonly #stores: RegionStores;
  #last: Promise<unknown> = Promise.resolve();

  constructor(state: DurableObjectState, env: StoreBindings) {
    super(state, env);
    this.#stores = regionStores(patientBindings(env));
  }

  create(description: UploadDescription, version?: number): Promise<Answer<undefined>> {
    return this.#inTurn(version, async () => {
      this.#blobSet().create(description);
      return { ok: true, value: undefined };
    });
  }

  recordPart(part: PartRecord, version?: number): Promise<Answer<{ replaced?: string }>> {
    return this.#inTurn(version, () => this.#blobSet().recordPart(part));
  }

  listParts(after: number, limit: number, version?: number): Promise<Answer<PartsAnswer>> {
    return this.#inTurn(version, () => this.#blobSet().listParts(after, limit));
  }

  complete(command: CompleteCommand, version?: number): Promise<Answer<CommittedObject>> {
    return this.#inTurn(version, () => this.#blobSet().complete(command));
  }

  abort(version?: number): Promise<Answer<undefined>> {
    return this.#inTurn(version, () => this.#blobSet().abort());
  }

  addReference(...[blobSetId, reference, now, version]: AddReferenceCall): Promise<Answer<boolean>> {
    return this.#inTurn(version, async () => ({
      ok: true,
      value: await this.#blobSet().addReference(blobSetId, reference, now),
    }));
  }

  inspect(after: number, limit: number, version?: number): Promise<Answer<BlobSetState>> {
    return this.#inTurn(version, async () => ({ ok: true, value: this.#blobSet().inspect(after, limit) }));
  }

  sweep(command: SweepCommand, version?: number): Promise<Answer<SweepOutcome>> {
    return this.#inTurn(version, async () => {
      return { ok: true, value: await this.#blobSet().sweep(command) };
    });
  }

  #blobSet(): BlobSet {
    return new BlobSet(this.ctx.storage, this.#stores);
  }

  /** The platform's input gates hold back other calls while storage is awaited, but not while R2 is: this does. */
  #inTurn<Value>(version: number | undefined, call: () => Promise<Answer<Value>>): Promise<Answer<Value>> {
    if (version !== undefined && version > MESSAGE_VERSION) return Promise.resolve(refuse("ServiceUnavailable"));
    const turn = this.#last.then(async (): Promise<Answer<Value>> => {
      try {
        return await call();
      } catch (error) {
        const failure = toS3Error(error);
        console.error(JSON.stringify({ durableObject: "MultipartUpload", code: failure.code, cause: String(error) }));
        return refuse(failure.code, { message: failure.message, details: failure.details });
      }
    });
    this.#last = turn;
    return turn;
  }
}
