/**
 * PutObjectAnnotation, GetObjectAnnotation, ListObjectAnnotations, DeleteObjectAnnotation. ETag and Last-Modified of the object do
 * not change. Annotations belong to one version and are deleted with it.
 */
import { type Permission, permissionOn, type VersionTarget } from "../../access/actions.ts";
import { noSuchKey, S3Error } from "../../errors.ts";
import { type Annotation, MAX_ANNOTATIONS, requireAnnotationName } from "../../model/annotation.ts";
import { checksumHeader } from "../../model/checksum.ts";
import type { ContentKey } from "../../model/encryption.ts";
import type { StoredObject } from "../../model/object.ts";
import { isProtected, protectedByLock } from "../../model/object-lock.ts";
import { formatContinuationToken, parseContinuationToken } from "../../protocol/continuation-token.ts";
import { formatHttpDate } from "../../protocol/dates.ts";
import { formatETag, parseETag } from "../../protocol/header-values.ts";
import { encryptionHeaders } from "../../protocol/object-headers.ts";
import { parseBypassGovernance } from "../../protocol/object-lock-headers.ts";
import { parseIntegerParameter } from "../../protocol/query-parameters.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import { formatAnnotationList, formatPutObjectAnnotation } from "../../protocol/xml/object-annotations.ts";
import { noBody, type OperationContext, objectBody, operation, requireVersion } from "../operation.ts";
import { refusingMarkers } from "./delete-markers.ts";
import { decryptWithKms } from "./kms-encryption.ts";
import { requireBypassable } from "./removals.ts";

const OBJECT_IF_MATCH = "x-amz-object-if-match";

export const PutObjectAnnotation = operation({
  name: "PutObjectAnnotation",
  body: objectBody({ md5ShownIn: "base64" }),
  parse: parseChange,
  requires: ({ target, bypass }) => [
    permissionOn("s3:PutObjectAnnotation", target),
    ...permissionToBypass(target, bypass),
  ],
  async execute(input, context, body) {
    const { target, name } = input;
    const { grant, stores, journal } = context;
    const bucket = grant.bucket(target.bucket);
    requireBypassable(bucket, input.bypass);
    const { key, versionId } = target;
    const put = await refusingMarkers(() =>
      journal.write(
        bucket,
        { key, ...(versionId !== undefined && { versionId }), event: "ObjectAnnotation" },
        {
          adds: { bytes: body.sizeBytes },
          commit: (ticket) =>
            stores.annotations.put(
              { bucket, key, versionId, ticket },
              {
                name,
                body,
                check: (object, isReplaced) => requireChangeable(object, input, isReplaced),
                keyOf: (object) => keyOf(object, target, context),
              },
            ),
          describe: () => undefined,
        },
      ),
    );
    if (put === undefined) throw noSuchKey(key);
    return put;
  },
  respond: ({ object, annotation }, { target, name }) => ({
    status: 200,
    headers: {
      ...versionHeader(object),
      etag: formatETag(annotation.etag),
      ...checksumHeaders(annotation),
      ...encryptionHeaders(object.encryption),
    },
    body: formatPutObjectAnnotation(target.key, name),
  }),
});

export const GetObjectAnnotation = operation({
  name: "GetObjectAnnotation",
  body: noBody,
  parse: (request) => ({
    target: requireVersion(request),
    name: parseName(request),
    showsChecksum: request.headers.get("x-amz-checksum-mode")?.toUpperCase() === "ENABLED",
  }),
  requires: ({ target }) => [permissionOn("s3:GetObjectAnnotation", target)],
  async execute({ target, name }, context) {
    const { object, set } = await setOf(target, context);
    const contentKey = await keyOf(object, target, context);
    return { object, ...(await context.stores.annotations.open({ ...set, contentKey }, name)) };
  },
  respond: ({ object, annotation, body }, { showsChecksum }) => ({
    status: 200,
    headers: {
      ...versionHeader(object),
      "content-type": "binary/octet-stream",
      "content-length": String(annotation.sizeBytes),
      etag: formatETag(annotation.etag),
      "last-modified": formatHttpDate(annotation.lastModified),
      ...encryptionHeaders(object.encryption),
      ...(showsChecksum && checksumHeaders(annotation)),
    },
    body,
  }),
});

export const ListObjectAnnotations = operation({
  name: "ListObjectAnnotations",
  body: noBody,
  parse: (request) => ({
    target: requireVersion(request),
    prefix: request.query.get("annotation-prefix"),
    limit: parseIntegerParameter(request.query, "max-annotation-results", {
      min: 1,
      max: MAX_ANNOTATIONS,
      fallback: MAX_ANNOTATIONS,
    }),
    continuationToken: request.query.get("continuation-token"),
  }),
  requires: ({ target }) => [permissionOn("s3:ListObjectAnnotations", target)],
  async execute({ target, prefix = "", limit, continuationToken }, context) {
    const { object, set } = await setOf(target, context);
    const { tokenKey } = context.deployment;
    const scope = `annotations/${set.bucket.id}/${set.id ?? ""}`;
    const after =
      continuationToken === undefined ? "" : await parseContinuationToken(tokenKey, scope, continuationToken);
    const { annotations, next } = await context.stores.annotations.list(set, { prefix, after, limit });
    return { object, annotations, next: next && (await formatContinuationToken(tokenKey, scope, next)) };
  },
  respond: ({ object, annotations, next }, { target, ...input }) => ({
    status: 200,
    headers: versionHeader(object),
    body: formatAnnotationList({ ...target, ...input, annotations, nextContinuationToken: next }),
  }),
});

export const DeleteObjectAnnotation = operation({
  name: "DeleteObjectAnnotation",
  body: noBody,
  parse: parseChange,
  requires: ({ target, bypass }) => [
    permissionOn("s3:DeleteObjectAnnotation", target),
    ...permissionToBypass(target, bypass),
  ],
  async execute(input, { grant, stores, journal }) {
    const { target, name } = input;
    const bucket = grant.bucket(target.bucket);
    requireBypassable(bucket, input.bypass);
    const { key, versionId } = target;
    const object = await refusingMarkers(() =>
      journal.write(
        bucket,
        { key, ...(versionId !== undefined && { versionId }), event: "ObjectAnnotation" },
        {
          adds: undefined,
          commit: (ticket) =>
            stores.annotations.delete(
              { bucket, key, versionId, ticket },
              { name, check: (found) => requireChangeable(found, input, true) },
            ),
          describe: () => undefined,
        },
      ),
    );
    if (object === undefined) throw noSuchKey(key);
    return object;
  },
  respond: (object) => ({ status: 204, headers: versionHeader(object) }),
});

interface AnnotationChange {
  readonly target: VersionTarget;
  readonly name: string;
  /** The ETag that the object must have. */
  readonly objectEtag: string | undefined;
  readonly bypass: boolean | undefined;
}

function parseChange(request: S3Request): AnnotationChange {
  const objectEtag = request.headers.get(OBJECT_IF_MATCH);
  return {
    target: requireVersion(request),
    name: parseName(request),
    objectEtag: objectEtag === null ? undefined : parseETag(objectEtag),
    bypass: parseBypassGovernance(request.headers),
  };
}

function parseName(request: S3Request): string {
  return requireAnnotationName(request.query.get("annotationName"));
}

/** "You must also include the x-amz-bypass-governance-retention header" (API_DeleteObjectAnnotation). */
function permissionToBypass({ bucket, key }: VersionTarget, bypass: boolean | undefined): readonly Permission[] {
  return bypass === true ? [{ action: "s3:BypassGovernanceRetention", on: "object", bucket, key }] : [];
}

/**
 * An annotation of a locked version is neither deleted nor replaced; others may be added.
 * @throws S3Error `PreconditionFailed`, `AccessDenied`, `InvalidRequest`
 */
function requireChangeable(object: StoredObject, { objectEtag, bypass }: AnnotationChange, isRemoved: boolean): void {
  if (objectEtag !== undefined && objectEtag !== "*" && objectEtag !== object.etag) {
    throw new S3Error("PreconditionFailed", { details: { Condition: OBJECT_IF_MATCH } });
  }
  if (object.encryption?.kind === "customer-key") {
    throw new S3Error("InvalidRequest", {
      message: "Objects encrypted with customer-provided keys (SSE-C) cannot have annotations.",
    });
  }
  if (isRemoved && object.lock !== undefined && isProtected(object.lock, new Date(), bypass === true)) {
    throw protectedByLock();
  }
}

async function setOf(target: VersionTarget, { grant, stores }: OperationContext) {
  const bucket = grant.bucket(target.bucket);
  const object = await refusingMarkers(() => stores.objects.head(bucket, target));
  if (object === undefined) throw noSuchKey(target.key);
  return { object, set: { bucket, id: object.annotations } };
}

/** "Annotations inherit the encryption of their parent object." @throws S3Error as `decryptWithKms` */
async function keyOf(
  { encryption }: StoredObject,
  { bucket, key }: VersionTarget,
  context: OperationContext,
): Promise<ContentKey | undefined> {
  if (encryption?.kind !== "data-key") return undefined;
  return decryptWithKms({ bucket: context.grant.bucket(bucket), key }, encryption, context);
}

function versionHeader({ versionId }: StoredObject): Record<string, string> {
  return versionId === undefined ? {} : { "x-amz-object-version-id": versionId };
}

function checksumHeaders({ checksum }: Annotation): Record<string, string> {
  if (checksum === undefined) return {};
  return { [checksumHeader(checksum.algorithm)]: checksum.value, "x-amz-checksum-type": checksum.type };
}
