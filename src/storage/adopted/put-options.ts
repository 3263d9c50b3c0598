/** What a put in an adopted bucket sends to R2 besides its bytes. */
import type { Checksum } from "../../model/checksum.ts";
import type { ObjectAttributes } from "../../model/object.ts";
import { r2StorageClass } from "../r2/entry-options.ts";
import { toR2Headers } from "./adopted-object.ts";
import type { AdoptedPlace } from "./adopted-stores.ts";
import { type MetadataRecords, recordOf } from "./metadata-record.ts";

export interface PutFacts {
  readonly place: AdoptedPlace;
  readonly attributes: ObjectAttributes;
  readonly writeId: string;
  /** Absent: it is not known yet. */
  readonly sizeBytes?: number | undefined;
  readonly etag?: string | undefined;
  readonly checksum?: Checksum | undefined;
  /** Id of the multipart upload. */
  readonly uploadId?: string | undefined;
  readonly isTraced: boolean;
}

export interface R2Description {
  readonly httpMetadata: R2HTTPMetadata;
  readonly customMetadata: Record<string, string>;
  readonly storageClass?: string;
}

export async function putOptions(records: MetadataRecords, facts: PutFacts): Promise<R2Description> {
  const { place, attributes, checksum } = facts;
  const record = recordOf(place, attributes, {
    w: facts.writeId,
    isTraced: facts.isTraced,
    ...(facts.sizeBytes !== undefined && { z: facts.sizeBytes }),
    ...(facts.etag !== undefined && { e: facts.etag }),
    ...(facts.uploadId !== undefined && { u: facts.uploadId }),
    ...(checksum !== undefined && { c: [checksum.algorithm, checksum.value, checksum.type] as const }),
  });
  return {
    httpMetadata: toR2Headers(attributes.content),
    customMetadata: await records.encode(place, attributes.userMetadata, record),
    ...r2StorageClass(attributes),
  };
}
