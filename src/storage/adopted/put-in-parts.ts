/**
 * Writing a body whose length is known only at its end, although R2 needs it first: as an upload of two parts, the bytes that are
 * certain to come and the few that are left. R2 shows the object once everything has been verified.
 */
import type { ObjectBody, UnmeasuredBody } from "../../model/object-body.ts";
import { waitsFor } from "../platform/waits.ts";
import { callR2 } from "../platform-errors.ts";
import type { ObjectWrite } from "../r2/objects.ts";
import type { PutOutcome } from "../r2/put.ts";
import { beginning, measureBody, readRest, repeatable } from "../r2/unmeasured.ts";
import { BUFFERED_BYTES, streamTo } from "../r2/write.ts";
import { MIN_PART_BYTES } from "../uploads/plan-completion.ts";
import type { AdoptedPlace } from "./adopted-stores.ts";
import type { MetadataRecords } from "./metadata-record.ts";
import { putOptions } from "./put-options.ts";

/** Larger bodies have a first part that R2 accepts. */
const MEASURED_BYTES = MIN_PART_BYTES + BUFFERED_BYTES;

export interface UnmeasuredPut {
  readonly place: AdoptedPlace;
  readonly records: MetadataRecords;
  readonly write: Omit<ObjectWrite, "condition">;
  putMeasured(body: ObjectBody): Promise<PutOutcome>;
}

/** @throws S3Error whatever the body's verification found */
export async function putInParts(
  { place, records, write, putMeasured }: UnmeasuredPut,
  body: UnmeasuredBody,
): Promise<PutOutcome> {
  if (body.maxBytes <= MEASURED_BYTES) return putMeasured(await measureBody(body));
  if (body.maxBytes - body.minBytes > BUFFERED_BYTES) throw new Error("the body's length is too uncertain");
  const { attributes, ticket } = write;
  const facts = { place, attributes, writeId: ticket.writeId, isTraced: false };
  const options = await putOptions(records, facts);
  const { store, r2Key } = place;
  const upload = await callR2(store.createMultipartUpload(r2Key, options));
  try {
    const pieces = repeatable(body.content);
    const first = await streamTo(beginning(pieces, body), {
      callMs: waitsFor(store).callMs,
      put: (bytes) => upload.uploadPart(1, bytes),
    });
    const rest = await readRest(pieces, body);
    const parts = [...(first === null ? [] : [first])];
    if (rest.byteLength > 0) parts.push(await callR2(upload.uploadPart(2, rest)));
    const stored = await callR2(upload.complete(parts));
    const checksum = body.checksum.when === "never" ? undefined : body.checksum.checksum;
    return { etag: stored.etag, sizeBytes: stored.size, checksum, lastModified: stored.uploaded };
  } catch (error) {
    // If this fails too, R2 itself ends the upload after some days.
    await callR2(upload.abort()).catch(() => undefined);
    throw error;
  }
}
