/**
 * Changing what R2 has no field for. R2 cannot change metadata in place, so the object is streamed onto itself, on condition
 * that it is unchanged. Everything that R2 says of it stays, but its time, and its ETag if it was uploaded in parts.
 */
import { S3Error } from "../../errors.ts";
import { RESERVED_METADATA } from "../../model/adopted.ts";
import type { StoredObject } from "../../model/object.ts";
import type { OpenedObject } from "../r2/opened-object.ts";
import type { Rewritten } from "../r2/rewrite.ts";
import { storedBody } from "../r2/stored-body.ts";
import { repeatIfBeaten } from "../r2/unchanged.ts";
import { BUFFERED_BYTES, putBytes, readBody, streamBody } from "../r2/write.ts";
import type { AdoptedPlace } from "./adopted-stores.ts";
import { putIf } from "./conditional-put.ts";
import type { MetadataRecords } from "./metadata-record.ts";
import { putOptions } from "./put-options.ts";

/** What one put takes. */
const MAX_BYTES = 5 * 1024 ** 3;
/** Larger objects are streamed once: if another write comes first, the client repeats the call. */
const MAX_REPEATED_BYTES = 16 * 1024 * 1024;

export interface AdoptedRewrite {
  readonly place: AdoptedPlace;
  readonly records: MetadataRecords;
  readonly writeId: string;
  /** Undefined if there is no such object. */
  open(): Promise<OpenedObject | undefined>;
}

/**
 * Undefined if there is no such object.
 * @param change may be called again, with another state of the object; undefined: nothing is to be changed
 * @throws S3Error whatever `change` throws; `NotImplemented` above 5 GiB; `ConditionalRequestConflict`
 */
export async function rewriteAdopted(
  rewrite: AdoptedRewrite,
  change: (object: StoredObject) => StoredObject | undefined,
): Promise<Rewritten | undefined> {
  let conflict: unknown;
  const rewritten = await repeatIfBeaten(async () => {
    const opened = await rewrite.open();
    if (opened === undefined) return undefined;
    const { object } = opened;
    try {
      const changed = change(object);
      if (changed !== undefined) await putAgain(rewrite, opened, changed);
      return { object, isChanged: changed !== undefined };
    } catch (error) {
      if (object.sizeBytes <= MAX_REPEATED_BYTES) throw error;
      conflict = error;
      return undefined;
    } finally {
      await opened.discard().catch(() => {});
    }
  });
  if (conflict !== undefined) throw conflict;
  return rewritten;
}

async function putAgain(
  { place, records, writeId }: AdoptedRewrite,
  opened: OpenedObject,
  changed: StoredObject,
): Promise<void> {
  const { found } = opened.origin;
  const { sizeBytes, etag, checksum } = changed;
  if (sizeBytes > MAX_BYTES) {
    throw new S3Error("NotImplemented", {
      message: "In an adopted R2 bucket, tags and ACLs of objects above 5 GiB cannot be changed.",
    });
  }
  // As R2 has them: also names in upper case, and fields that this endpoint does not show.
  const { [RESERVED_METADATA]: _before, ...userMetadata } = found.customMetadata ?? {};
  const facts = { writeId, sizeBytes, checksum, isTraced: true, ...(isDigest(etag) && { etag }) };
  const { customMetadata } = await putOptions(records, {
    place,
    attributes: { ...changed, userMetadata },
    ...facts,
  });
  const isInfrequent = found.storageClass === "InfrequentAccess";
  const options = {
    customMetadata,
    ...(found.httpMetadata !== undefined && { httpMetadata: found.httpMetadata }),
    ...(isInfrequent && { storageClass: found.storageClass }),
  };
  const body = storedBody(await opened.content(), sizeBytes);
  const isOwn = async (now: R2Object) => (await records.find(place, now))?.w === writeId;
  const guard = { condition: undefined, madeOf: found, isOwn };
  if (sizeBytes <= BUFFERED_BYTES) {
    const bytes = await readBody(body);
    await putIf(place, guard, {
      isRepeatable: true,
      put: (onlyIf) => putBytes(place, { bytes }, { ...options, ...onlyIf }),
    });
    return;
  }
  await putIf(place, guard, {
    isRepeatable: false,
    put: (onlyIf) => streamBody(place, body, { ...options, ...onlyIf }),
  });
}

/** The ETag of an object that was put at once is the MD5 of its bytes, and stays. */
function isDigest(etag: string): boolean {
  return /^[0-9a-f]{32}$/.test(etag);
}
