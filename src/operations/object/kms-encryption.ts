/** Encryption with a data key of the object (SSE-KMS): which key seals it, and the permission to use that key. */
import type { GrantedBucket } from "../../access/authorize.ts";
import type { KeyGrant } from "../../access/authorize-kms.ts";
import { invalidArgument, S3Error } from "../../errors.ts";
import type { BucketEncryption } from "../../model/bucket.ts";
import type { ContentKey, DataKeyEncryption, WriteEncryption } from "../../model/encryption.ts";
import {
  DEFAULT_ALIAS,
  type KmsAction,
  type KmsKey,
  keyNameOfArn,
  kmsKeyArn,
  parseKmsKeyName,
} from "../../model/kms-key.ts";
import {
  ENCRYPTION_HEADER,
  parseEncryptionContext,
  type RequestedEncryption,
} from "../../protocol/encryption-headers.ts";
import type { NewEncryption } from "../../storage/r2/reencryption.ts";
import type { OperationContext } from "../operation.ts";

export type KeyContext = Pick<OperationContext, "grant" | "stores" | "deployment" | "request">;

export interface NamedObject {
  readonly bucket: GrantedBucket;
  readonly key: string;
}

export interface KmsChoice {
  /** As the request or the bucket's configuration names it; undefined: the default key of the caller's account. */
  readonly keyName: string | undefined;
  readonly usesBucketKey: boolean;
  readonly context: string | undefined;
}

/**
 * What the headers choose, or else the bucket's default. Undefined: R2's own encryption (SSE-S3).
 * @throws S3Error `InvalidArgument`; `NotImplemented` for dual-layer encryption
 */
export function chooseKms(
  requested: RequestedEncryption,
  byDefault: BucketEncryption | undefined,
): KmsChoice | undefined {
  const { method, keyName, context } = requested;
  if (method !== null && method !== "AES256" && method !== "aws:kms") {
    if (method === "aws:kms:dsse" || method === "aws:fsx") {
      throw new S3Error("NotImplemented", { message: `Encryption with ${method} is not implemented.` });
    }
    throw invalidArgument("The encryption method specified is not supported", ENCRYPTION_HEADER, method);
  }
  if (method !== "aws:kms" && (keyName !== null || context !== null)) {
    const message = `Server Side Encryption with AWS KMS managed key requires HTTP header ${ENCRYPTION_HEADER} : aws:kms`;
    throw invalidArgument(message, ENCRYPTION_HEADER, method);
  }
  const usesBucketKey = parseFlag(requested.bucketKey) ?? byDefault?.bucketKeyEnabled ?? false;
  // "If you specify aws:kms but do not provide the key id, Amazon S3 uses the AWS managed key" (API_PutObject).
  if (method === "aws:kms") return { keyName: keyName ?? undefined, usesBucketKey, context: context ?? undefined };
  if (method === "AES256" || byDefault?.algorithm !== "aws:kms") return undefined;
  return { keyName: byDefault.keyName, usesBucketKey, context: undefined };
}

/** Like other flags of S3, `true` in any case; everything else is false. */
function parseFlag(header: string | null): boolean | undefined {
  return header === null ? undefined : header.toLowerCase() === "true";
}

/**
 * A data key for a new object, sealed.
 * @param shared the data key of the source whose bytes a copy shares: it is sealed once more, for the copy
 * @throws S3Error `AccessDenied`, `InvalidArgument`, `InvalidRequest`, `KMS.NotFoundException`, `KMS.DisabledException`,
 *   `KMS.KMSInvalidStateException`
 */
export async function encryptWithKms(
  object: NamedObject,
  choice: KmsChoice,
  { keys, shared }: { readonly keys: KeyContext; readonly shared?: ContentKey | undefined },
): Promise<WriteEncryption> {
  const { kmsKeys } = keys.stores;
  const { keyName, usesBucketKey, context } = choice;
  const key = await findKey(keyName, keys);
  const keyGrant = useKey(key, "kms:GenerateDataKey", { object, context, keys });
  const binding = { bucketId: object.bucket.id, key: object.key, context };
  const { contentKey, sealed } =
    shared === undefined
      ? await kmsKeys.generate(keyGrant, binding)
      : { contentKey: shared, sealed: await kmsKeys.seal(keyGrant, shared, binding) };
  const encryption: DataKeyEncryption = {
    kind: "data-key",
    sealed,
    keyArn: kmsKeyArn(key),
    ...(usesBucketKey && { usesBucketKey }),
    ...(context !== undefined && { context }),
  };
  return { encryption, contentKey };
}

/** The data key of an object or upload. @throws S3Error as `encryptWithKms` */
export async function decryptWithKms(
  object: NamedObject,
  { keyArn, sealed, context }: DataKeyEncryption,
  keys: KeyContext,
): Promise<ContentKey> {
  const keyGrant = useKey(await keyOfObject(keyArn, keys), "kms:Decrypt", { object, context, keys });
  return keys.stores.kmsKeys.unseal(keyGrant, sealed, { bucketId: object.bucket.id, key: object.key, context });
}

/** "kms:Encrypt, kms:Decrypt, kms:GenerateDataKey, kms:ReEncrypt*" (API_UpdateObjectEncryption): of the key that is to be used. */
const TO_TAKE_UP = ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptTo"] as const;
/** Of the key that was used. */
const TO_GIVE_UP = ["kms:Decrypt", "kms:ReEncryptFrom"] as const;

export interface NewKey {
  readonly keyArn: string;
  readonly usesBucketKey: boolean;
}

/**
 * The encryption of an existing object under another key: its data key is sealed again, or it gets one. The encryption context
 * stays, as all metadata does.
 * @param present undefined: only R2 encrypts the object
 * @throws S3Error as `encryptWithKms`
 */
export async function reencryptWithKms(
  object: NamedObject,
  present: DataKeyEncryption | undefined,
  { keyArn, usesBucketKey, keys }: NewKey & { readonly keys: KeyContext },
): Promise<NewEncryption> {
  const { kmsKeys } = keys.stores;
  const { context } = present ?? {};
  const use = { object, context, keys, isUpdate: true };
  const binding = { bucketId: object.bucket.id, key: object.key, context };
  const key = await keyOfObject(keyArn, keys);
  const takenUp = useKeyFor(key, TO_TAKE_UP, use);
  const described = { kind: "data-key", keyArn: kmsKeyArn(key), ...(usesBucketKey && { usesBucketKey }) } as const;
  if (present === undefined) {
    const { contentKey, sealed } = await kmsKeys.generate(takenUp, binding);
    return { encryption: { ...described, sealed }, contentKey, isSameKey: false };
  }
  const givenUp = useKeyFor(await keyOfObject(present.keyArn, keys), TO_GIVE_UP, use);
  const contentKey = await kmsKeys.unseal(givenUp, present.sealed, binding);
  const sealed = await kmsKeys.seal(takenUp, contentKey, binding);
  const { since } = present;
  const encryption = {
    ...described,
    sealed,
    ...(context !== undefined && { context }),
    ...(since !== undefined && { since }),
  };
  return { encryption, contentKey, isSameKey: true };
}

/** The key that an ARN names. What the key of another account is called is not looked up. */
async function keyOfObject(keyArn: string, keys: KeyContext): Promise<UsedKey> {
  const name = keyNameOfArn(keyArn);
  return isOwn(name.accountId, keys) ? keys.stores.kmsKeys.require(name) : foreignKey(name);
}

type UsedKey = Pick<KmsKey, "id" | "accountId" | "region" | "alias">;

/** Names without an ARN are names of the caller's account. */
async function findKey(keyName: string | undefined, keys: KeyContext): Promise<UsedKey> {
  const { caller } = keys.grant;
  const accountId = caller.kind === "anonymous" ? undefined : caller.account.id;
  if (accountId === undefined) return foreignKey({ accountId: "", id: "" });
  const name = keyName === undefined ? { accountId, alias: DEFAULT_ALIAS } : parseKmsKeyName(keyName, accountId);
  return isOwn(name.accountId, keys) ? keys.stores.kmsKeys.require(name) : foreignKey(name);
}

function isOwn(accountId: string, { grant: { caller } }: KeyContext): boolean {
  return caller.kind === "account" && caller.account.id === accountId;
}

/** For the authorizer, which denies it. */
function foreignKey({ accountId, region = "", id = "" }: { accountId: string; region?: string; id?: string }): UsedKey {
  return { accountId, region, id, alias: "" };
}

interface IntendedUse {
  readonly object: NamedObject;
  readonly context: string | undefined;
  readonly keys: KeyContext;
  readonly isUpdate?: boolean;
}

/** With each of several permissions. */
function useKeyFor(key: UsedKey, actions: readonly [KmsAction, ...KmsAction[]], use: IntendedUse): KeyGrant {
  const [first, ...others] = actions;
  for (const action of others) useKey(key, action, use);
  return useKey(key, first, use);
}

function useKey(key: UsedKey, action: KmsAction, { object, context, keys, isUpdate = false }: IntendedUse): KeyGrant {
  const { grant, deployment, request } = keys;
  if (request.url.scheme !== "https" && !deployment.acceptsKeysOverHttp) {
    throw new S3Error("InvalidRequest", {
      message:
        "Requests specifying Server Side Encryption with AWS KMS managed keys must be made over a secure connection.",
    });
  }
  const objectArn = `arn:aws:s3:::${object.bucket.name}/${object.key}`;
  return grant.key({ action, key, objectArn, context: parseEncryptionContext(context) ?? {}, isUpdate });
}
