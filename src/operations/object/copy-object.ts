/** CopyObject (API_CopyObject). A copy of a manifest object shares its blobs; everything else streams. */
import { type Permission, permissionOn } from "../../access/actions.ts";
import { invalidArgument, S3Error } from "../../errors.ts";
import type { Bucket } from "../../model/bucket.ts";
import type { ObjectAttributes, StorageClass, StoredObject, Tag } from "../../model/object.ts";
import type { ObjectLock } from "../../model/object-lock.ts";
import { parseAclHeaders } from "../../protocol/acl-headers.ts";
import { parseChecksumAlgorithm } from "../../protocol/checksum-algorithm.ts";
import { parseWriteCondition } from "../../protocol/conditions.ts";
import { parseUserMetadata } from "../../protocol/metadata.ts";
import {
  parseContentHeaders,
  parseStorageClass,
  parseWebsiteRedirectLocation,
  versionHeader,
  writtenEncryptionHeaders,
} from "../../protocol/object-headers.ts";
import { parseLockHeaders } from "../../protocol/object-lock-headers.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import { parseTaggingHeader } from "../../protocol/tags.ts";
import { formatCopyObjectResult } from "../../protocol/xml/object-results.ts";
import type { CopyPlan } from "../../storage/r2/copy.ts";
import { noBody, type OperationContext, operation, requireWrittenObject } from "../operation.ts";
import { copyAnnotations } from "./carried-annotations.ts";
import { encryptionOfWrite, parseWrittenEncryption, sealedWith } from "./encryption.ts";
import { expirationHeader } from "./lifecycle-headers.ts";
import {
  openCopySource,
  parseCopySourceInput,
  permissionToCopy,
  requireCopyableSize,
  sourceVersionHeader,
} from "./source-object.ts";
import {
  created,
  lockOfWrite,
  ownerAndAcl,
  permissionsToTag,
  permissionsToWrite,
  permissionToCompare,
} from "./write-input.ts";

/** Headers that count as a change when an object is copied onto itself, even if they set the current value. */
const CHANGES = [
  "x-amz-storage-class",
  "x-amz-website-redirect-location",
  "x-amz-server-side-encryption",
  "x-amz-server-side-encryption-customer-algorithm",
];

interface CopyInput {
  readonly bucket: string;
  readonly key: string;
  readonly source: ReturnType<typeof parseCopySourceInput>;
  /** Undefined: as the source has them. */
  readonly metadata: Pick<ObjectAttributes, "content" | "userMetadata"> | undefined;
  /** Undefined: as the source has them. */
  readonly tags: readonly Tag[] | undefined;
  readonly lock: ObjectLock | undefined;
}

export const CopyObject = operation({
  name: "CopyObject",
  body: noBody,
  parse(request) {
    const { headers, now } = request;
    const replacesMetadata = parseDirective(headers, "metadata") === "REPLACE";
    const replacesTags = parseDirective(headers, "tagging") === "REPLACE";
    return {
      ...requireWrittenObject(request),
      source: parseCopySourceInput(request),
      metadata: replacesMetadata
        ? { content: parseContentHeaders(headers), userMetadata: parseUserMetadata(headers) }
        : undefined,
      copiesAnnotations: parseAnnotationDirective(request) === "COPY",
      tags: replacesTags ? parseTaggingHeader(headers.get("x-amz-tagging")) : undefined,
      // These are never copied from the source (API_CopyObject, "x-amz-acl", "x-amz-storage-class", and so on).
      acl: parseAclHeaders(headers, "object"),
      lock: parseLockHeaders(headers, now),
      ...parseWrittenEncryption(headers),
      now,
      storageClass: parseStorageClass(headers),
      redirect: parseWebsiteRedirectLocation(headers),
      checksumAlgorithm: parseChecksumAlgorithm(headers),
      condition: parseWriteCondition(headers),
      isChange: replacesMetadata || CHANGES.some((name) => headers.has(name)),
    };
  },
  requires: ({ bucket, key, source, tags, acl, lock, condition }) => [
    ...permissionsToWrite({ bucket, key }, { tags: tags ?? "later", acl, lock }),
    ...permissionToCompare({ bucket, key }, condition),
    permissionToCopy(source),
  ],
  async execute(input, context) {
    const { grant, stores, journal } = context;
    const { objects, documents } = stores;
    const { source, checksumAlgorithm, condition } = input;
    const bucket = grant.bucket(input.bucket);
    // If the bucket has an encryption configuration, the copy counts as a change of encryption (recorded on AWS).
    const changesNothing =
      !input.isChange && isSame(source, input, bucket) && (await documents.get(bucket, "encryption")) === undefined;
    input.customerKey?.read();
    const owned = { ...ownerAndAcl(grant.caller, bucket, input.acl), ...lockOfWrite(input.lock, bucket, input.now) };
    let copied: StoredObject | undefined;
    const addsOf = ({ object }: CopyPlan["source"]) =>
      replacesItself(source, input, bucket) ? undefined : { objects: 1, bytes: object.sizeBytes };
    const plan = async (): Promise<CopyPlan> => {
      const opened = await openCopySource(context, source, undefined);
      copied = opened.object;
      try {
        // The copy of an object that is encrypted otherwise has another encryption (recorded on AWS).
        if (changesNothing && opened.object.encryption === undefined) throw copyOntoItself();
        const copy = await attributesOfCopy(opened.object, input, grant);
        const named = { bucket, key: input.key };
        const sealing = await encryptionOfWrite(named, input, { keys: context, source: opened });
        const annotations = input.copiesAnnotations
          ? await copyAnnotations(opened, { source, target: named, sealing, adds: addsOf(opened) }, context)
          : undefined;
        const attributes = { ...copy, ...owned, ...sealedWith(sealing), ...(annotations && { annotations }) };
        return { source: opened, attributes, contentKey: sealing.contentKey };
      } catch (error) {
        await opened.discard().catch(() => {});
        throw error;
      }
    };
    const first = await plan();
    try {
      const outcome = await journal.write(
        bucket,
        { key: input.key, event: "ObjectCreated:Copy" },
        {
          adds: addsOf(first.source),
          commit(ticket) {
            const { source, ...written } = first;
            const write = { bucket, key: input.key, ...written, ticket, condition };
            return objects.copy(source, write, { checksumAlgorithm, again: plan });
          },
          describe: created,
        },
      );
      const { tags, encryption } = first.attributes;
      const expiration = expirationHeader(bucket, { ...outcome, key: input.key, tags });
      return { ...outcome, encryption, expiration, source: copied ?? first.source.object };
    } catch (error) {
      await first.source.discard().catch(() => {});
      throw error;
    }
  },
  respond: ({ source, encryption, expiration, ...copied }, { customerKey }) => ({
    status: 200,
    // Unlike PutObject, a copy names the null version too (LocalStack's recordings of AWS, 2026-02).
    headers: {
      ...writtenEncryptionHeaders(encryption, customerKey?.read().md5),
      ...versionHeader(copied.versionId),
      ...sourceVersionHeader(source),
      ...expiration,
    },
    body: formatCopyObjectResult(copied),
    detail: { objectSizeBytes: copied.sizeBytes },
  }),
});

/** The attributes of the copy, without owner, ACL, lock and encryption. @throws S3Error `InvalidRequest` above 5 GiB, `AccessDenied` */
async function attributesOfCopy(
  object: StoredObject,
  input: CopyInput & { readonly storageClass: StorageClass; readonly redirect: string | undefined },
  grant: OperationContext["grant"],
): Promise<Omit<ObjectAttributes, "ownerId" | "acl" | "lock" | "encryption">> {
  requireCopyableSize(object.sizeBytes);
  const { storageClass, redirect } = input;
  const { content, userMetadata } = input.metadata ?? object;
  const tags = input.tags ?? (await tagsToCarry(object, input, grant));
  return {
    content,
    userMetadata,
    storageClass,
    tags,
    ...(redirect !== undefined && { websiteRedirectLocation: redirect }),
  };
}

/** `x-amz-metadata-directive` and `x-amz-tagging-directive`. */
function parseDirective(headers: Headers, subject: "metadata" | "tagging"): "COPY" | "REPLACE" {
  const name = `x-amz-${subject}-directive`;
  const directive = headers.get(name) || "COPY";
  if (directive === "COPY" || directive === "REPLACE") return directive;
  throw invalidArgument(`Unknown ${subject} directive.`, name, directive);
}

/** A header or, for presigned URLs, a parameter (API_CopyObject, "x-amz-object-annotation-directive"). */
function parseAnnotationDirective({ headers, query }: S3Request): "COPY" | "EXCLUDE" {
  const name = "x-amz-object-annotation-directive";
  const directive = headers.get(name) || query.get(name) || "COPY";
  if (directive === "COPY" || directive === "EXCLUDE") return directive;
  throw invalidArgument("Unknown annotation directive.", name, directive);
}

/**
 * The tags to copy are known only once the source is read, and so are the permissions for them ("Object tagging and
 * access control policies"). Policy conditions on written tags apply to them as well.
 */
async function tagsToCarry(
  { tags }: StoredObject,
  { bucket, key, source, lock }: CopyInput,
  grant: OperationContext["grant"],
): Promise<readonly Tag[]> {
  const permissions: Permission[] = [...permissionsToTag({ bucket, key }, { tags, lock })];
  if (tags.length > 0) permissions.push(permissionOn("s3:GetObjectTagging", source));
  for (const permission of permissions) if (!(await grant.allows(permission))) throw new S3Error("AccessDenied");
  return tags;
}

/**
 * Whether the copy would change nothing. In a versioned bucket a copy of a version makes that version current again
 * ("Restoring previous versions").
 */
function isSame(source: CopyInput["source"], target: CopyInput, { documents }: Bucket): boolean {
  if (source.versionId !== undefined && documents.versioning !== undefined) return false;
  return source.bucket === target.bucket && source.key === target.key;
}

/** Where versions are kept, a copy of an object onto itself is another version. */
function replacesItself(source: CopyInput["source"], target: CopyInput, bucket: Bucket): boolean {
  return bucket.documents.versioning === undefined && isSame(source, target, bucket);
}

function copyOntoItself(): S3Error {
  return new S3Error("InvalidRequest", {
    message:
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
  });
}
