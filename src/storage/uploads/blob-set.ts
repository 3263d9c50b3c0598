/**
 * The Durable Object of one blob set: it owns the parts of a multipart upload, and it alone decides that the set is dead.
 * Thin: it runs calls one after another and turns errors into values; what they do stands in `upload-coordinator.ts` and
 * `blob-set-sweep.ts`.
 */
import { DurableObject } from "cloudflare:workers";
import { type Env, findStores } from "../../env.ts";
import { S3Error } from "../../errors.ts";
import { fromPlatformError } from "../platform-errors.ts";
import { UploadRecords } from "./blob-set-records.ts";
import { sweepBlobSet } from "./blob-set-sweep.ts";
import {
  type Answer,
  type BlobSetReference,
  type CompleteCommand,
  type CompletionAnswer,
  MESSAGE_VERSION,
  type PartRecord,
  type PartsAnswer,
  refuse,
  type SweepCommand,
  type SweepOutcome,
  type UploadDescription,
} from "./messages.ts";
import { UploadCoordinator } from "./upload-coordinator.ts";

export class MultipartUpload extends DurableObject<Env> {
  readonly #stores: ReadonlyMap<string, R2Bucket>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    this.#stores = findStores(env);
  }

  create(description: UploadDescription, version?: number): Promise<Answer<undefined>> {
    return this.#inTurn(version, async () => {
      this.#coordinator().create(description);
      return { ok: true, value: undefined };
    });
  }

  recordPart(part: PartRecord, version?: number): Promise<Answer<{ replaced?: string }>> {
    return this.#inTurn(version, () => this.#coordinator().recordPart(part));
  }

  listParts(after: number, limit: number, version?: number): Promise<Answer<PartsAnswer>> {
    return this.#inTurn(version, () => this.#coordinator().listParts(after, limit));
  }

  complete(command: CompleteCommand, version?: number): Promise<Answer<CompletionAnswer>> {
    return this.#inTurn(version, () => this.#coordinator().complete(command));
  }

  abort(version?: number): Promise<Answer<undefined>> {
    return this.#inTurn(version, () => this.#coordinator().abort());
  }

  addReference(
    blobSetId: string,
    reference: BlobSetReference,
    now: number,
    version?: number,
  ): Promise<Answer<boolean>> {
    return this.#inTurn(version, async () => ({
      ok: true,
      value: await this.#coordinator().addReference(blobSetId, reference, now),
    }));
  }

  sweep(command: SweepCommand, version?: number): Promise<Answer<SweepOutcome>> {
    return this.#inTurn(version, async () => {
      await this.#coordinator().settle();
      return { ok: true, value: await sweepBlobSet(new UploadRecords(this.ctx.storage), this.#stores, command) };
    });
  }

  #coordinator(): UploadCoordinator {
    return new UploadCoordinator(this.ctx.storage, this.#stores);
  }

  /** Input gates hold back other calls during storage, not while R2 is awaited: this does. */
  #inTurn<Value>(version: number | undefined, call: () => Promise<Answer<Value>>): Promise<Answer<Value>> {
    if (version !== undefined && version > MESSAGE_VERSION) return Promise.resolve(refuse("ServiceUnavailable"));
    const turn = this.#last.then(async (): Promise<Answer<Value>> => {
      try {
        return await call();
      } catch (error) {
        const failure = error instanceof S3Error ? error : fromPlatformError(error);
        console.error(JSON.stringify({ durableObject: "MultipartUpload", code: failure.code, cause: String(error) }));
        return refuse(failure.code, { message: failure.message, details: failure.details });
      }
    });
    this.#last = turn;
    return turn;
  }
}
