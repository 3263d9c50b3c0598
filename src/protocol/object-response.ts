/** The headers of an answer that is about one object: GetObject, HeadObject and what shares them. */
import { checksumHeader } from "../model/checksum.ts";
import type { ResolvedRange, StoredObject } from "../model/object.ts";
import { formatHttpDate } from "./dates.ts";
import { formatETag } from "./etag.ts";
import { formatUserMetadata } from "./metadata.ts";

/** Said of every object, upload and part: R2 encrypts everything at rest. */
export const ENCRYPTED_AT_REST = { "x-amz-server-side-encryption": "AES256" } as const;

/** ETag and Last-Modified: what 304 carries, and the start of everything else. */
export function validatorHeaders(object: StoredObject): Record<string, string> {
  return { etag: formatETag(object.etag), "last-modified": formatHttpDate(object.lastModified) };
}

/** @param showChecksum `x-amz-checksum-mode: ENABLED`, and the answer's bytes are all of the object's. */
export function objectHeaders(object: StoredObject, showChecksum: boolean): Record<string, string> {
  const { content, checksum } = object;
  return {
    ...validatorHeaders(object),
    "accept-ranges": "bytes",
    ...ENCRYPTED_AT_REST,
    "content-type": content.contentType,
    ...optional("cache-control", content.cacheControl),
    ...optional("content-disposition", content.contentDisposition),
    ...optional("content-encoding", content.contentEncoding),
    ...optional("content-language", content.contentLanguage),
    ...optional("expires", content.expires),
    ...formatUserMetadata(object.userMetadata),
    ...(object.storageClass !== "STANDARD" && { "x-amz-storage-class": object.storageClass }),
    ...optional("x-amz-website-redirect-location", object.websiteRedirectLocation),
    ...(showChecksum &&
      checksum !== undefined && {
        [checksumHeader(checksum.algorithm)]: checksum.value,
        "x-amz-checksum-type": checksum.type,
      }),
  };
}

/** `Content-Range` of a 206. */
export function formatContentRange(range: ResolvedRange, sizeBytes: number): string {
  return `bytes ${range.offset}-${range.offset + range.length - 1}/${sizeBytes}`;
}

function optional(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value };
}
