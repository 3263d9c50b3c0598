/**
 * Upload ids: the blob set's id and a MAC over it, the bucket and the key. So only an id this deployment gave out for this
 * very key reaches a Durable Object; any other one creates nothing and is told NoSuchUpload.
 */
import { S3Error } from "../../errors.ts";
import { newBlobSetId } from "../../model/random-ids.ts";

const BLOB_SET_ID_LENGTH = 27;
const MAC_BYTES = 16;
const SHAPE = /^[a-z0-9]{27}[A-Za-z0-9_-]{22}$/;

export interface UploadIds {
  /** Ids of one key sort by the time they were made. */
  create(bucketId: string, key: string, now: Date): Promise<string>;
  /** @returns the blob set's id. @throws S3Error `NoSuchUpload` */
  verify(bucketId: string, key: string, uploadId: string): Promise<string>;
}

export function uploadIds(signingKey: CryptoKey): UploadIds {
  const mac = async (bucketId: string, key: string, blobSetId: string) => {
    const text = new TextEncoder().encode(`${bucketId}\0${blobSetId}\0${key}`);
    const bytes = new Uint8Array(await crypto.subtle.sign("HMAC", signingKey, text)).subarray(0, MAC_BYTES);
    return btoa(String.fromCharCode(...bytes))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  };
  return {
    async create(bucketId, key, now) {
      const blobSetId = newBlobSetId(now.getTime());
      return blobSetId + (await mac(bucketId, key, blobSetId));
    },
    async verify(bucketId, key, uploadId) {
      const blobSetId = uploadId.slice(0, BLOB_SET_ID_LENGTH);
      if (!SHAPE.test(uploadId) || !isSame(uploadId.slice(BLOB_SET_ID_LENGTH), await mac(bucketId, key, blobSetId))) {
        throw noSuchUpload(uploadId);
      }
      return blobSetId;
    },
  };
}

export function noSuchUpload(uploadId: string): S3Error {
  return new S3Error("NoSuchUpload", { details: { UploadId: uploadId } });
}

/** In constant time. */
function isSame(left: string, right: string): boolean {
  let difference = left.length ^ right.length;
  for (let index = 0; index < right.length; index++) difference |= left.charCodeAt(index) ^ right.charCodeAt(index);
  return difference === 0;
}

/** The blob set of an upload id that has been verified before. */
export function blobSetOfUpload(uploadId: string): string {
  return uploadId.slice(0, BLOB_SET_ID_LENGTH);
}
