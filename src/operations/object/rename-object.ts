/**
 * RenameObject (API_RenameObject), in ordinary buckets an extension. The destination is put first, and then the source is
 * removed on condition that it has not changed since: at every moment at least one of them exists.
 *
 * In a bucket that is or was versioned the destination gets a new version and the source a delete marker.
 */

import { type Permission, type PermissionOnObject, permissionOn } from "../../access/actions.ts";
import type { GrantedBucket } from "../../access/authorize.ts";
import { carriedKeys } from "../../access/policy/carried-keys.ts";
import { digestHex } from "../../checksum/hasher.ts";
import { invalidRequest, noSuchKey, S3Error } from "../../errors.ts";
import type { WriteEncryption } from "../../model/encryption.ts";
import type { ObjectAttributes, StoredObject, WriteCondition } from "../../model/object.ts";
import { newWriteId } from "../../model/random-ids.ts";
import { evaluateReadConditions, type ReadConditions } from "../../protocol/conditions.ts";
import {
  parseClientToken,
  parseDestinationCondition,
  parseRenameSource,
  renameConditions,
  SOURCE_PREFIX,
} from "../../protocol/rename-headers.ts";
import type { ListedCondition } from "../../storage/r2/conditions.ts";
import type { RenameMark } from "../../storage/r2/entry-record.ts";
import type { OpenedObject } from "../../storage/r2/opened-object.ts";
import { noBody, type OperationContext, operation, requireWrittenObject } from "../operation.ts";
import { copyAnnotations } from "./carried-annotations.ts";
import { requireStatedEncryption, sealedWith } from "./encryption.ts";
import { decryptWithKms, encryptWithKms } from "./kms-encryption.ts";
import { reportRemoval } from "./removals.ts";
import { openOrExplain } from "./source-object.ts";
import { created, lockOfWrite, permissionsToTag, permissionsToWrite, permissionToCompare } from "./write-input.ts";

/** Changes of the source's tags, ACL or lock that may come between its copy and its removal. */
const MAX_ATTEMPTS = 4;

interface RenameInput {
  readonly bucket: string;
  readonly key: string;
  /** The key that the object has now. */
  readonly source: string;
  readonly condition: WriteCondition | undefined;
  readonly sourceConditions: ReadConditions;
  readonly token: string | undefined;
  readonly parameters: string;
  readonly now: Date;
}

export const RenameObject = operation({
  name: "RenameObject",
  body: noBody,
  parse(request): RenameInput {
    const { headers, now } = request;
    const target = requireWrittenObject(request);
    const source = parseRenameSource(headers);
    return {
      ...target,
      source,
      condition: parseDestinationCondition(headers),
      sourceConditions: { headers, now, prefix: SOURCE_PREFIX },
      token: parseClientToken(headers),
      parameters: digestOf([source, target.key, ...renameConditions(headers)]),
      now,
    };
  },
  requires: ({ bucket, key, source, condition }) => [
    ...permissionsToWrite({ bucket, key }, { tags: "later", acl: undefined, lock: undefined }).map(
      withCarried("later"),
    ),
    ...permissionToCompare({ bucket, key }, condition),
    permissionOn("s3:GetObject", { bucket, key: source }),
    permissionOn("s3:DeleteObject", { bucket, key: source }),
  ],
  async execute(input, context) {
    const bucket = context.grant.bucket(input.bucket);
    if (input.source === input.key) {
      throw invalidRequest("The source and the destination of a rename are the same object.");
    }
    const mark = [digestOf([input.token ?? newWriteId()]), input.parameters] as const;
    const rename: Rename = { input, context, bucket, mark };
    let copied = input.token === undefined ? undefined : await findCopy(rename);
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const source = await openSource(rename, copied);
      if (source === undefined) return copied === undefined ? undefined : requireNotTaken(rename, copied);
      copied = await copyUnlessCopied(rename, source, copied);
      const outcome = await removeSource(rename, source);
      if (outcome === "removed") return;
      if (outcome === "absent") return requireNotTaken(rename, copied);
    }
    throw new S3Error("ConditionalRequestConflict", { details: { Key: input.source } });
  },
  respond: () => ({ status: 200 }),
});

interface Rename {
  readonly input: RenameInput;
  readonly context: OperationContext;
  readonly bucket: GrantedBucket;
  /** Without a client token it belongs to this call only. */
  readonly mark: readonly [token: string, parameters: string];
}

/** What the rename has put at the destination. */
interface Copied {
  readonly of: NonNullable<RenameMark[2]>;
  /** While it is the entry. */
  readonly condition: ListedCondition;
}

/**
 * What an earlier call with the same client token has put.
 * @throws S3Error `IdempotencyParameterMismatch` if it had other parameters
 */
async function findCopy({ input, context, bucket, mark }: Rename): Promise<Copied | undefined> {
  const found = await context.stores.objects.renamedAt(bucket, input.key);
  if (found === undefined || !isOf(mark, found.mark)) return undefined;
  const [, , of] = found.mark;
  if (of === undefined) return undefined;
  return { of, condition: { kind: "if-listed", writeId: found.writeId, etag: found.etag } };
}

/** @throws S3Error `IdempotencyParameterMismatch` */
function isOf([token, parameters]: Rename["mark"], found: RenameMark): boolean {
  if (found[0] !== token) return false;
  if (found[1] !== parameters) throw new S3Error("IdempotencyParameterMismatch");
  return true;
}

/**
 * Undefined if the object has been renamed already: it is gone, or another one has taken its place.
 * @throws S3Error `NoSuchKey`, or `AccessDenied` instead of it; `PreconditionFailed`
 */
async function openSource(rename: Rename, copied: Copied | undefined): Promise<OpenedObject | undefined> {
  const { input, context, bucket, mark } = rename;
  const { objects } = context.stores;
  const target = { bucket: input.bucket, key: input.source };
  let opened: OpenedObject;
  try {
    opened = await openOrExplain(objects.open(bucket, target, undefined), target, context.grant);
  } catch (error) {
    if (!(error instanceof S3Error) || error.status >= 500) throw error;
    if (copied !== undefined) return undefined;
    const taken = input.token === undefined ? undefined : await objects.renamedAt(bucket, input.source);
    if (taken !== undefined && isOf(mark, taken.mark)) return undefined;
    throw error;
  }
  const { etag, lastModified } = opened.object;
  if (copied === undefined) {
    const refusal = refusalOf(opened.object, input.sourceConditions);
    if (refusal === undefined) return opened;
    await opened.discard();
    throw refusal;
  }
  if (copied.of[0] === etag && copied.of[1] === lastModified.getTime()) return opened;
  await opened.discard();
  return undefined;
}

function refusalOf(object: StoredObject, conditions: ReadConditions): S3Error | undefined {
  const decision = evaluateReadConditions(conditions, object);
  if (decision !== "proceed") {
    const names =
      decision === "precondition-failed" ? ["If-Match", "If-Unmodified-Since"] : ["If-None-Match", "If-Modified-Since"];
    const name = names.find((each) => conditions.headers.has(`${SOURCE_PREFIX}${each}`)) ?? "";
    return new S3Error("PreconditionFailed", { details: { Condition: `${SOURCE_PREFIX}${name}` } });
  }
  return undefined;
}

/** Puts the object at its new key, with all it has except its time and lock, unless that has been done. */
async function copyUnlessCopied(rename: Rename, source: OpenedObject, copied: Copied | undefined): Promise<Copied> {
  const { input, context, bucket, mark } = rename;
  const { object } = source;
  if (copied?.of[2] === source.writeId) {
    await source.discard();
    return copied;
  }
  try {
    requireStatedEncryption(context.request.headers, object);
    await requireCarried(object, rename);
    const named = { bucket, key: input.key };
    const sealing = await sealedAgain(rename, source);
    const from = { bucket: input.bucket, key: input.source };
    // Where versions are kept, the source stays as a noncurrent one.
    const isKept = bucket.documents.versioning !== undefined;
    const adds = isKept ? { objects: 1, bytes: object.sizeBytes } : undefined;
    const annotations = await copyAnnotations(source, { source: from, target: named, sealing, adds }, context);
    const attributes = {
      ...attributesOf(object),
      ...lockOfWrite(undefined, bucket, input.now),
      ...sealedWith(sealing),
      ...(annotations && { annotations }),
    };
    const of = [object.etag, object.lastModified.getTime(), source.writeId] as const;
    let writeId = "";
    const { etag } = await context.journal.write(
      bucket,
      { key: input.key, event: "ObjectCreated:Copy" },
      {
        adds,
        commit(ticket) {
          writeId = ticket.writeId;
          const condition = copied === undefined ? input.condition : copied.condition;
          const renamed: RenameMark = [...mark, of];
          const { contentKey } = sealing;
          return context.stores.objects.copy(source, { ...named, attributes, contentKey, ticket, condition, renamed });
        },
        describe: created,
      },
    );
    return { of, condition: { kind: "if-listed", writeId, etag } };
  } catch (error) {
    const isReplaced = error instanceof S3Error && (error.code === "PreconditionFailed" || error.code === "NoSuchKey");
    if (copied === undefined || !isReplaced) throw error;
    // The client's condition held when the copy was put, which another write has replaced since.
    throw new S3Error("ConditionalRequestConflict", { details: { Key: input.key } });
  } finally {
    await source.discard().catch(() => {});
  }
}

/**
 * The encryption at the new key. A data key is bound to the object's key, so it is sealed once more.
 * @throws S3Error as `decryptWithKms` and `encryptWithKms`
 */
async function sealedAgain({ input, context, bucket }: Rename, source: OpenedObject): Promise<WriteEncryption> {
  const { encryption } = source.object;
  if (encryption?.kind !== "data-key") return { encryption };
  const { keyArn: keyName, context: about, usesBucketKey = false } = encryption;
  const shared = await decryptWithKms({ bucket, key: input.source }, encryption, context);
  source.unlock(shared);
  const choice = { keyName, usesBucketKey, context: about };
  return encryptWithKms({ bucket, key: input.key }, choice, { keys: context, shared });
}

function attributesOf(object: StoredObject): Omit<ObjectAttributes, "lock" | "encryption" | "annotations"> {
  const { content, userMetadata, storageClass, ownerId, websiteRedirectLocation, tags, acl } = object;
  return {
    content,
    userMetadata,
    storageClass,
    ownerId,
    tags,
    ...(websiteRedirectLocation !== undefined && { websiteRedirectLocation }),
    ...(acl !== undefined && { acl }),
  };
}

/** The permissions for tags and an ACL are known only once the source is read. @throws S3Error `AccessDenied` */
async function requireCarried(object: StoredObject, { input, context, bucket: { ownerId } }: Rename): Promise<void> {
  const { bucket, key } = input;
  const { tags, acl } = object;
  const source = { bucket, key: input.source };
  const toWrite: Permission[] = [...permissionsToTag({ bucket, key }, { tags, lock: undefined })];
  const permissions: Permission[] = [];
  if (tags.length > 0) permissions.push(permissionOn("s3:GetObjectTagging", source));
  if (acl !== undefined) {
    permissions.push(permissionOn("s3:GetObjectAcl", source));
    toWrite.push({ action: "s3:PutObjectAcl", on: "object", bucket, key, isNew: true, requestTags: tags });
  }
  const statedAcl = context.request.headers.get("x-amz-acl");
  const carried = carriedKeys(object, { bucketOwnerId: ownerId, statedAcl });
  permissions.push(...toWrite.map(withCarried(carried)));
  for (const permission of permissions) {
    if (!(await context.grant.allows(permission))) throw new S3Error("AccessDenied");
  }
}

/** Conditions on headers of writes look at the object that is renamed. */
function withCarried(carried: PermissionOnObject["carried"]): (permission: Permission) => Permission {
  return (permission) => (permission.on === "object" ? { ...permission, carried } : permission);
}

/** Removes the source if it is still the object that was copied. */
async function removeSource(rename: Rename, source: OpenedObject): Promise<"removed" | "changed" | "absent"> {
  const { writeId, object } = source;
  try {
    await removeListed(rename, rename.input.source, { kind: "if-listed", writeId, etag: object.etag });
    return "removed";
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    if (error.code === "NoSuchKey") return "absent";
    if (error.code === "PreconditionFailed" || error.code === "ConditionalRequestConflict") return "changed";
    throw error;
  }
}

async function removeListed(rename: Rename, key: string, condition: ListedCondition): Promise<void> {
  const { context, bucket, mark } = rename;
  await context.journal.removeEach(bucket, [{ key }], {
    async commit([ticket]) {
      if (ticket === undefined) throw new Error("one removal has one ticket");
      return [await context.stores.objects.remove({ bucket, key, ticket, renamed: mark }, condition)];
    },
    describe: reportRemoval,
  });
}

/**
 * The source was removed in the meantime. If that was a deletion, it came after the rename. If it was another rename, only one
 * of them may succeed, where the client relies on that (`If-None-Match: *`): the copy is removed, which replaced nothing.
 * @throws S3Error `NoSuchKey`
 */
async function requireNotTaken(rename: Rename, { condition }: Copied): Promise<void> {
  const { input, context, bucket, mark } = rename;
  const taken = await context.stores.objects.renamedAt(bucket, input.source);
  const isTaken = taken !== undefined && taken.mark[2] === undefined && !isOf(mark, taken.mark);
  if (!isTaken || input.condition?.kind !== "if-none-match-any") return;
  try {
    await removeListed(rename, input.key, condition);
  } catch (error) {
    // Another write has replaced it since.
    if (!(error instanceof S3Error) || error.status >= 500) throw error;
  }
  throw noSuchKey(input.source);
}

function digestOf(values: readonly (string | null)[]): string {
  return digestHex("sha256", new TextEncoder().encode(JSON.stringify(values))).slice(0, 32);
}
