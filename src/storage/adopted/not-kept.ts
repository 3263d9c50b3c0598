/** What an ordinary R2 object cannot keep. Nothing is dropped silently: such a write is refused. */
import { invalidArgument } from "../../errors.ts";
import { notInAdopted, RESERVED_METADATA } from "../../model/adopted.ts";
import type { ObjectAttributes } from "../../model/object.ts";
import type { WriteTicket } from "../journal/ticket.ts";

/** @throws S3Error `NotImplemented`; `InvalidArgument` for metadata under the reserved name */
export function requireKept({
  attributes,
  ticket,
}: {
  readonly attributes: ObjectAttributes;
  readonly ticket?: WriteTicket;
}): void {
  if (attributes.encryption !== undefined) throw notInAdopted("Encryption with keys (SSE-C, SSE-KMS) is");
  if (attributes.lock !== undefined) throw notInAdopted("Object lock is");
  if (attributes.annotations !== undefined) throw notInAdopted("Annotations are");
  if (attributes.storageClass === "REDUCED_REDUNDANCY") throw notInAdopted("The storage class REDUCED_REDUNDANCY is");
  if (ticket?.replicaOf !== undefined) throw notInAdopted("Replication is");
  if (Object.hasOwn(attributes.userMetadata, RESERVED_METADATA)) {
    const header = `x-amz-meta-${RESERVED_METADATA}`;
    throw invalidArgument(`The metadata name ${RESERVED_METADATA} is reserved in this bucket.`, header, "");
  }
}
