/**
 * Upload ids: the blob set's id, a letter for the checksum, the class and the encryption the upload was created with, and a MAC
 * over both, the bucket and the key. So only an id that this deployment issued for this very key reaches a Durable Object; any other
 * id creates nothing and is answered with NoSuchUpload. From the letter the Worker knows which checksum to compute over a
 * part, in which class to put it and whether it needs a key, without a call to the Durable Object.
 */
import { S3Error } from "../../errors.ts";
import type { MacKey } from "../../model/mac-key.ts";
import type { StorageClass } from "../../model/object.ts";
import { blobSetTime, newBlobSetId } from "../../model/random-ids.ts";
import type { UploadChecksum } from "../../model/upload.ts";
import type { Refusal } from "./messages.ts";

const BLOB_SET_ID_LENGTH = 27;
const MAC_BYTES = 16;
const MAC_START = BLOB_SET_ID_LENGTH + 1;
const SHAPE = /^[a-z0-9]{27}[A-Za-z][A-Za-z0-9_-]{22}$/;

/** In the order of the letters, A for no checksum. Never reordered, since ids outlive a deployment. */
const CHECKSUMS: readonly (UploadChecksum | undefined)[] = [
  undefined,
  { algorithm: "CRC32", type: "COMPOSITE" },
  { algorithm: "CRC32", type: "FULL_OBJECT" },
  { algorithm: "CRC32C", type: "COMPOSITE" },
  { algorithm: "CRC32C", type: "FULL_OBJECT" },
  { algorithm: "CRC64NVME", type: "FULL_OBJECT" },
  { algorithm: "SHA1", type: "COMPOSITE" },
  { algorithm: "SHA256", type: "COMPOSITE" },
  { algorithm: "MD5", type: "COMPOSITE" },
  { algorithm: "SHA512", type: "COMPOSITE" },
  { algorithm: "XXHASH64", type: "COMPOSITE" },
  { algorithm: "XXHASH3", type: "COMPOSITE" },
  { algorithm: "XXHASH128", type: "COMPOSITE" },
];
const LETTER_A = 65;
/** Small letters mean the same for uploads whose parts are encrypted with a key. */
const SMALL_LETTER_A = 97;
/** Letters from N on mean the same for uploads whose parts are put in R2's infrequent access class. */
const LETTERS_PER_CLASS = 13;

/** What a verified id contains. */
export interface VerifiedUpload {
  readonly blobSetId: string;
  readonly checksum: UploadChecksum | undefined;
  /** STANDARD_IA: parts are put in R2's infrequent access class. All other classes share R2's standard class. */
  readonly storageClass: StorageClass;
  /** Whether its description names an encryption. */
  readonly isEncrypted: boolean;
}

/** What an id is to contain. */
type UploadKind = Omit<VerifiedUpload, "blobSetId">;

const encoder = new TextEncoder();

/** The object that an upload is to make. */
interface ObjectName {
  readonly bucketId: string;
  readonly key: string;
}

export interface UploadIds {
  /** Ids of one key sort by the time they were made. */
  create(object: ObjectName, upload: UploadKind, now: Date): Promise<string>;
  /** @throws S3Error `NoSuchUpload` */
  verify(object: ObjectName, uploadId: string): Promise<VerifiedUpload>;
}

export function uploadIds(signingKey: MacKey): UploadIds {
  const mac = async ({ bucketId, key }: ObjectName, head: string) => {
    const text = encoder.encode(`${bucketId}\0${head}\0${key}`);
    const bytes = (await signingKey.sign(text)).subarray(0, MAC_BYTES);
    return btoa(String.fromCharCode(...bytes))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  };
  return {
    async create(object, upload, now) {
      const head = newBlobSetId(now) + letterOf(upload);
      return head + (await mac(object, head));
    },
    async verify(object, uploadId) {
      if (!SHAPE.test(uploadId)) throw noSuchUpload(uploadId);
      // Compared as text, since several base64 texts can encode the same bytes.
      const [expected, claimed] = [await mac(object, uploadId.slice(0, MAC_START)), uploadId.slice(MAC_START)];
      const isGenuine = await signingKey.matches(encoder.encode(expected), encoder.encode(claimed));
      if (!isGenuine) throw noSuchUpload(uploadId);
      const code = uploadId.charCodeAt(BLOB_SET_ID_LENGTH);
      const isEncrypted = code >= SMALL_LETTER_A;
      const letter = code - (isEncrypted ? SMALL_LETTER_A : LETTER_A);
      return {
        blobSetId: blobSetOfUpload(uploadId),
        checksum: CHECKSUMS[letter % LETTERS_PER_CLASS],
        storageClass: letter < LETTERS_PER_CLASS ? "STANDARD" : "STANDARD_IA",
        isEncrypted,
      };
    },
  };
}

function noSuchUpload(uploadId: string): S3Error {
  return new S3Error("NoSuchUpload", { details: { UploadId: uploadId } });
}

function letterOf({ checksum, storageClass, isEncrypted }: UploadKind): string {
  const index = CHECKSUMS.findIndex(
    (known) => known?.algorithm === checksum?.algorithm && known?.type === checksum?.type,
  );
  if (index === -1)
    throw new S3Error("InvalidRequest", { message: "The checksum type cannot be used with the algorithm." });
  return String.fromCharCode(
    (isEncrypted ? SMALL_LETTER_A : LETTER_A) + index + (storageClass === "STANDARD_IA" ? LETTERS_PER_CLASS : 0),
  );
}

/** The blob set of an upload id that has been verified. */
export function blobSetOfUpload(uploadId: string): string {
  return uploadId.slice(0, BLOB_SET_ID_LENGTH);
}

/** Longer than a request takes that creates an upload, even if its calls hang. */
const CREATION_MS = 2 * 60 * 1000;

/**
 * Whether the refusal says that the row of the upload is left of one that has ended. An upload has a row before it has a Durable
 * Object: without the row, one that is created at this moment would be found by no sweep.
 */
export function isGone({ code }: Refusal, uploadId: string, now: Date): boolean {
  return code === "NoSuchUpload" && blobSetTime(blobSetOfUpload(uploadId)).getTime() + CREATION_MS < now.getTime();
}
