/** Keys of SSE-KMS, and how requests name them ("Key identifiers (KeyId)" of the AWS KMS developer guide). */
import { S3Error } from "../errors.ts";

export interface KmsKey {
  /** UUID. */
  readonly id: string;
  readonly accountId: string;
  readonly region: string;
  /** Without `alias/`. */
  readonly alias: string;
  readonly status: KmsKeyStatus;
  readonly createdAt: Date;
}

export type KmsKeyStatus = "Enabled" | "Disabled";

export type KmsAction = "kms:GenerateDataKey" | "kms:Decrypt" | "kms:Encrypt" | "kms:ReEncryptFrom" | "kms:ReEncryptTo";

/** The key that an account has without creating one. */
export const DEFAULT_ALIAS = "aws/s3";

/** What the data key of an object is bound to. */
export interface KeyBinding {
  readonly bucketId: string;
  readonly key: string;
  /** The encryption context, in the form in which it is sent. */
  readonly context?: string | undefined;
}

/** A key by its id or its alias. */
export interface KmsKeyName {
  /** The account that an ARN names; otherwise the caller's. */
  readonly accountId: string;
  /** The region that an ARN names. */
  readonly region?: string;
  readonly id?: string;
  readonly alias?: string;
}

export function kmsKeyArn({ region, accountId, id }: Pick<KmsKey, "region" | "accountId" | "id">): string {
  return `arn:aws:kms:${region}:${accountId}:key/${id}`;
}

const ARN = /^arn:aws:kms:([a-z0-9-]{1,64}):(\d{12}):(key|alias)\/(.+)$/;
const KEY_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ALIAS = /^[a-zA-Z0-9/_-]{1,250}$/;

export function isKmsKeyId(text: string): boolean {
  return KEY_ID.test(text);
}

export function isKmsAlias(text: string): boolean {
  return ALIAS.test(text);
}

/**
 * @param text a key's id or ARN, `alias/<name>` or the alias's ARN
 * @param callerAccountId whose keys ids and aliases without an ARN name
 * @throws S3Error `KMS.NotFoundException` for anything else
 */
export function parseKmsKeyName(text: string, callerAccountId: string): KmsKeyName {
  const [, region, accountId, kind, rest] = ARN.exec(text) ?? [];
  if (region !== undefined && accountId !== undefined && rest !== undefined) {
    if (kind === "alias" && isKmsAlias(rest)) return { accountId, region, alias: rest };
    if (kind === "key" && isKmsKeyId(rest)) return { accountId, region, id: rest };
  }
  if (isKmsKeyId(text)) return { accountId: callerAccountId, id: text };
  const alias = /^alias\/(.*)$/s.exec(text)?.[1];
  if (alias !== undefined && isKmsAlias(alias)) return { accountId: callerAccountId, alias };
  throw new S3Error("KMS.NotFoundException", { message: `Invalid keyId '${text}'` });
}

/** The name of the key that an object names. @throws Error for what is no ARN of a key */
export function keyNameOfArn(arn: string): KmsKeyName & { readonly id: string } {
  const { id, ...name } = parseKmsKeyName(arn, "");
  if (id === undefined) throw new Error("an object names no key");
  return { ...name, id };
}

/** @param region of the deployment, for a name without one */
export function kmsKeyNotFound({ accountId, region, id, alias }: KmsKeyName, ownRegion: string): S3Error {
  if (region !== undefined && region !== ownRegion) {
    return new S3Error("KMS.NotFoundException", { message: `Invalid arn ${region}` });
  }
  const prefix = `arn:aws:kms:${ownRegion}:${accountId}`;
  const message =
    id === undefined ? `Alias ${prefix}:alias/${alias} is not found.` : `Key '${prefix}:key/${id}' does not exist`;
  return new S3Error("KMS.NotFoundException", { message });
}

/** The error of a key that exists and cannot be used (texts recorded on AWS). @param arn of the key */
export function kmsKeyUnusable(reason: "disabled" | "unavailable" | "ciphertext", arn = ""): S3Error {
  switch (reason) {
    case "disabled":
      return new S3Error("KMS.DisabledException", { message: `${arn} is disabled.` });
    case "unavailable":
      return new S3Error("KMS.KMSInvalidStateException", { message: `${arn} is unavailable.` });
    case "ciphertext":
      return new S3Error("KMS.InvalidCiphertextException");
  }
}
