/** The Worker's side of the Durable Objects, of which each blob set has one, found by the set's id. */
import { S3Error } from "../../errors.ts";
import type { MultipartUpload } from "./blob-set.ts";
import {
  type Answer,
  type BlobSetReference,
  type BlobSetState,
  type CommittedObject,
  type CompleteCommand,
  FIRST_MESSAGE_VERSION,
  type PartRecord,
  type PartsAnswer,
  type SweepCommand,
  type SweepOutcome,
  type UploadDescription,
  VERSIONED_MESSAGE_VERSION,
  versionOfCompletion,
} from "./messages.ts";

/** Parts with greater numbers than `after`. */
export interface PartsQuery {
  readonly after: number;
  readonly limit: number;
}

export class BlobSets {
  readonly #namespace: DurableObjectNamespace<MultipartUpload>;

  readonly #clock: () => number;

  /** @param clock must be the sweep's, which judges references by their age */
  constructor(namespace: DurableObjectNamespace<MultipartUpload>, clock: () => number = Date.now) {
    this.#namespace = namespace;
    this.#clock = clock;
  }

  of(blobSetId: string): DurableObjectStub<MultipartUpload> {
    return this.#namespace.getByName(blobSetId);
  }

  create(description: UploadDescription): Promise<Answer<undefined>> {
    return this.of(description.blobSetId).create(description, FIRST_MESSAGE_VERSION);
  }

  recordPart(blobSetId: string, part: PartRecord): Promise<Answer<{ replaced?: string }>> {
    return this.of(blobSetId).recordPart(part, FIRST_MESSAGE_VERSION);
  }

  /** Parts after a number, ascending. */
  listParts(blobSetId: string, page: PartsQuery): Promise<Answer<PartsAnswer>> {
    return this.of(blobSetId).listParts(page.after, page.limit, FIRST_MESSAGE_VERSION);
  }

  complete(blobSetId: string, command: CompleteCommand): Promise<Answer<CommittedObject>> {
    return this.of(blobSetId).complete(command, versionOfCompletion(command));
  }

  abort(blobSetId: string): Promise<Answer<undefined>> {
    return this.of(blobSetId).abort(FIRST_MESSAGE_VERSION);
  }

  /** False if the set is already being removed. */
  async addReference(blobSetId: string, reference: BlobSetReference): Promise<boolean> {
    return unwrap(await this.of(blobSetId).addReference(blobSetId, reference, this.#clock(), FIRST_MESSAGE_VERSION));
  }

  /** What the set's Durable Object has recorded; nothing is changed by it. @param page of the parts of an open upload */
  async inspect(blobSetId: string, page: PartsQuery): Promise<BlobSetState> {
    return unwrap(await this.of(blobSetId).inspect(page.after, page.limit, FIRST_MESSAGE_VERSION));
  }

  async sweep(command: SweepCommand): Promise<SweepOutcome> {
    // Code from before versions would take a set for dead that only a noncurrent version names.
    return unwrap(await this.of(command.blobSetId).sweep(command, VERSIONED_MESSAGE_VERSION));
  }
}

/** @throws S3Error for a refusal */
export function unwrap<Value>(answer: Answer<Value>, uploadId?: string): Value {
  if (answer.ok) return answer.value;
  const { code, message, details } = answer;
  throw new S3Error(code, {
    ...(message !== undefined && { message }),
    details: { ...details, ...(code === "NoSuchUpload" && uploadId !== undefined && { UploadId: uploadId }) },
  });
}
