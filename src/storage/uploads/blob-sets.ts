/** The Worker's side of the Durable Objects: one for each blob set, found by the set's id. */
import { S3Error } from "../../errors.ts";
import type { MultipartUpload } from "./blob-set.ts";
import {
  type Answer,
  type BlobSetReference,
  MESSAGE_VERSION,
  type SweepCommand,
  type SweepOutcome,
} from "./messages.ts";

export type MultipartUploadStub = DurableObjectStub<MultipartUpload>;

export class BlobSets {
  readonly #namespace: DurableObjectNamespace<MultipartUpload>;

  readonly #clock: () => number;

  /** @param clock the sweep judges references by their age: both must go by one clock */
  constructor(namespace: DurableObjectNamespace<MultipartUpload>, clock: () => number = Date.now) {
    this.#namespace = namespace;
    this.#clock = clock;
  }

  of(blobSetId: string): MultipartUploadStub {
    return this.#namespace.getByName(blobSetId);
  }

  /** False if the set is already being removed. */
  async addReference(blobSetId: string, reference: BlobSetReference): Promise<boolean> {
    return unwrap(await this.of(blobSetId).addReference(blobSetId, reference, this.#clock(), MESSAGE_VERSION));
  }

  async sweep(command: SweepCommand): Promise<SweepOutcome> {
    return unwrap(await this.of(command.blobSetId).sweep(command, MESSAGE_VERSION));
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
