/** With which key an object's bytes are written and read, and the errors of a missing or wrong key. */
import type { GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import { type ContentKey, keyMissing, type ObjectEncryption, type WriteEncryption } from "../../model/encryption.ts";
import type { StoredObject } from "../../model/object.ts";
import type { UploadChecksum } from "../../model/upload.ts";
import { readCustomerKeyHeaders } from "../../protocol/customer-key-headers.ts";
import { type RequestedEncryption, readRequestedEncryption } from "../../protocol/encryption-headers.ts";
import type { OpenedObject } from "../../storage/r2/opened-object.ts";
import type { Stores } from "../../storage/stores.ts";
import type { GrantedUpload } from "../../storage/uploads/uploads.ts";
import { type PresentedKey, presentedForWrite } from "./customer-key.ts";
import { chooseKms, decryptWithKms, encryptWithKms, type KeyContext, type NamedObject } from "./kms-encryption.ts";

type Keys = Pick<Stores, "customerKeys">;

/** What a request says about the encryption of the object that it writes. */
export interface WrittenEncryption {
  readonly customerKey: PresentedKey | undefined;
  readonly requested: RequestedEncryption;
}

export function parseWrittenEncryption(headers: Headers): WrittenEncryption {
  return { customerKey: presentedForWrite(headers), requested: readRequestedEncryption(headers) };
}

/**
 * The encryption of a new object. No call unless it is encrypted with KMS.
 * @param source of a copy: with its data key, the copy can share its bytes
 * @throws S3Error as `PresentedKey.read`, `chooseKms` and `encryptWithKms`
 */
export async function encryptionOfWrite(
  object: NamedObject,
  { customerKey, requested }: WrittenEncryption,
  { keys, source }: { readonly keys: KeyContext; readonly source?: OpenedObject },
): Promise<WriteEncryption> {
  if (customerKey !== undefined) {
    const { key } = customerKey.read();
    return { encryption: await keys.stores.customerKeys.describe(key), contentKey: key };
  }
  const choice = chooseKms(requested, object.bucket.documents.encryption);
  if (choice === undefined) return {};
  const shared = source?.object.encryption?.kind === "data-key" ? source.contentKey : undefined;
  return encryptWithKms(object, choice, { keys, shared });
}

/** The attribute that says so. */
export function sealedWith({ encryption }: WriteEncryption): { readonly encryption?: ObjectEncryption } {
  return encryption === undefined ? {} : { encryption };
}

/**
 * Checks the key of an object that is about to be read; undefined for one that only R2 encrypts.
 * @throws S3Error `InvalidRequest` without a key, or for a key that does not apply; `AccessDenied` for a wrong one (recorded)
 */
export async function requireReadKey(
  { encryption }: Pick<StoredObject, "encryption">,
  presented: PresentedKey | undefined,
  { customerKeys }: Keys,
): Promise<ContentKey | undefined> {
  if (encryption?.kind !== "customer-key") {
    if (presented === undefined) return undefined;
    throw new S3Error("InvalidRequest", {
      message: "The encryption parameters are not applicable to this object.",
    });
  }
  if (presented === undefined) throw keyMissing();
  const { key, md5 } = presented.read();
  if (md5 !== undefined && (await customerKeys.isKeyOf(encryption.proof, key))) return key;
  throw new S3Error("AccessDenied", {
    message:
      "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.",
  });
}

/**
 * The same for an opened object, whose bytes can then be read.
 * @throws S3Error as `requireReadKey` and `decryptWithKms`
 */
export async function unlock(
  opened: OpenedObject,
  { bucket, customerKey }: { readonly bucket: GrantedBucket; readonly customerKey: PresentedKey | undefined },
  keys: KeyContext,
): Promise<void> {
  const { encryption, key } = opened.object;
  // The common object needs no promise.
  if (encryption === undefined && customerKey === undefined) return;
  const presented = await requireReadKey(opened.object, customerKey, keys.stores);
  const isSealed = encryption?.kind === "data-key";
  opened.unlock(isSealed ? await decryptWithKms({ bucket, key }, encryption, keys) : presented);
}

/**
 * "If you enable x-amz-checksum-mode and the object is encrypted with AWS KMS, you must also have the kms:Decrypt permission"
 * (API_HeadObject). Nothing else that HeadObject answers needs the key.
 * @throws S3Error as `decryptWithKms`
 */
export async function requireDecryption(
  { bucket, object }: { readonly bucket: GrantedBucket; readonly object: StoredObject },
  keys: KeyContext,
): Promise<void> {
  const { encryption, key } = object;
  if (encryption?.kind === "data-key") await decryptWithKms({ bucket, key }, encryption, keys);
}

/**
 * A rename keeps the encryption. A client that asks for another one must not believe that it has it.
 * @throws S3Error `InvalidArgument`
 */
export function requireStatedEncryption(headers: Headers, { encryption }: Pick<StoredObject, "encryption">): void {
  const { method, keyName } = readRequestedEncryption(headers);
  const keyArn = encryption?.kind === "data-key" ? encryption.keyArn : undefined;
  const actual = encryption === undefined ? "AES256" : keyArn && "aws:kms";
  const hasOtherKey = keyName !== null && keyName !== keyArn;
  const isOtherKind = encryption?.kind !== "customer-key" && readCustomerKeyHeaders(headers, "target") !== undefined;
  if ((method === null || method === actual) && !hasOtherKey && !isOtherKind) return;
  throw new S3Error("InvalidArgument", { message: "The object is encrypted otherwise, and a rename keeps that." });
}

/**
 * The encryption of a part: the upload's.
 * @throws S3Error `InvalidRequest` if the key is missing, is not the upload's or the upload has none (recorded);
 *   `NoSuchUpload`; as `PresentedKey.read` and `decryptWithKms`
 */
export async function encryptionOfPart(
  upload: GrantedUpload,
  presented: PresentedKey | undefined,
  keys: KeyContext,
): Promise<WriteEncryption> {
  presented?.read();
  const { encryption } = await keys.stores.uploads.encryptionOf(upload);
  await requireUploadKey(encryption, presented, keys.stores);
  const isSealed = encryption?.kind === "data-key";
  return { encryption, contentKey: isSealed ? await decryptWithKms(upload, encryption, keys) : presented?.read().key };
}

/**
 * Completing an upload needs its key only if the object gets a checksum ("required only when the object was created using a
 * checksum algorithm"; "if you provide an additional checksum value […] and the object is encrypted with AWS KMS, you must have
 * permission to use the kms:Decrypt action", API_CompleteMultipartUpload). A key that is sent without need is checked too.
 * @throws S3Error as `encryptionOfPart`
 */
export async function requireCompletionKey(
  upload: GrantedUpload,
  presented: PresentedKey | undefined,
  keys: KeyContext,
): Promise<void> {
  const found = await keys.stores.uploads.encryptionOf(upload).catch(orUnknown);
  if (found === undefined) return;
  const { encryption, checksum } = found;
  const isNeeded = encryption?.kind === "customer-key" && checksum !== undefined;
  if (isNeeded || presented !== undefined) await requireUploadKey(encryption, presented, keys.stores);
  if (encryption?.kind === "data-key" && checksum !== undefined) await decryptWithKms(upload, encryption, keys);
}

/**
 * Listing parts shows their checksums: a customer's key is "needed only when the object was created using a checksum algorithm",
 * and for SSE-KMS "you must have permission to the kms:Decrypt action" (API_ListParts). A key that is sent without need is checked
 * too. No call for an upload without an encryption.
 * @throws S3Error as `encryptionOfPart`
 */
export async function requireListingKey(
  upload: GrantedUpload,
  presented: PresentedKey | undefined,
  keys: KeyContext,
): Promise<void> {
  presented?.read();
  const { encryption, checksum } = await keys.stores.uploads.encryptionOf(upload);
  const isNeeded = encryption?.kind === "customer-key" && checksum !== undefined;
  if (isNeeded || presented !== undefined) await requireUploadKey(encryption, presented, keys.stores);
  if (encryption?.kind === "data-key") await decryptWithKms(upload, encryption, keys);
}

/** A completion that is repeated has the answer of the first one, which has checked the key. */
function orUnknown(
  error: unknown,
): { readonly encryption?: ObjectEncryption; readonly checksum: UploadChecksum | undefined } | undefined {
  if (error instanceof S3Error && error.code === "NoSuchUpload") return undefined;
  throw error;
}

async function requireUploadKey(
  encryption: ObjectEncryption | undefined,
  presented: PresentedKey | undefined,
  { customerKeys }: Keys,
): Promise<void> {
  if (encryption?.kind !== "customer-key" && presented === undefined) return;
  if (encryption?.kind !== "customer-key" || presented === undefined) {
    throw new S3Error("InvalidRequest", {
      message:
        "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.",
    });
  }
  if (await customerKeys.isKeyOf(encryption.proof, presented.read().key)) return;
  throw new S3Error("InvalidRequest", {
    message: "The provided encryption parameters did not match the ones used originally.",
  });
}
