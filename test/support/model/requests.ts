/** Commands as HTTP requests. A listing is the exception: its pages follow from answers (listing-requests.ts). */
import { createHash } from "node:crypto";
import { encode } from "../request.ts";
import type { Bindings } from "./bindings.ts";
import {
  type Attributes,
  bodyOf,
  type Command,
  type CompleteUpload,
  type CopyObject,
  type DateRef,
  type DeleteObjects,
  type EtagRef,
  type Listing,
  type Mode,
  RETAIN_UNTIL,
  type ReadCondition,
  type Tag,
  type WriteCondition,
} from "./commands.ts";
import { keyOf, requestOf } from "./objects.ts";
import { POLICIES, policyDocument } from "./policies.ts";
import { itemsOf } from "./removals.ts";
import { currentOf, md5, type World } from "./state.ts";
import { addressOf, completionOf } from "./uploads.ts";
import type { Callers, WireRequest } from "./wire.ts";

export interface RequestContext {
  readonly world: World;
  readonly bindings: Bindings;
  readonly callers: Callers;
}

type Headers = Record<string, string | undefined>;

/** @param context the world as it is before the command */
export function requestFor(command: Exclude<Command, Listing>, context: RequestContext): WireRequest {
  const { world, callers } = context;
  const { by } = command;
  switch (command.op) {
    case "PutObject": {
      const target = { by, bucket: world.nameOf(command.bucket), key: keyOf(command.key) };
      const body = bodyOf(command.body);
      const hasLock = command.attributes.lock !== undefined || world.buckets.get(target.bucket)?.hasLock === true;
      const headers = {
        ...attributeHeaders(command.attributes),
        ...writeConditionHeaders(command.condition, target, world),
        ...(hasLock && digestOf(body)),
      };
      return { ...target, method: "PUT", headers, body };
    }
    case "GetObject":
    case "HeadObject": {
      const { partNumber, range, condition } = command;
      return {
        ...onVersion(command, context, partNumber === undefined ? {} : { partNumber: String(partNumber) }),
        method: command.op === "GetObject" ? "GET" : "HEAD",
        headers: { range, ...readConditionHeaders("", condition, etagAt(command, context)) },
      };
    }
    case "DeleteObject":
      return {
        ...onVersion(command, context),
        method: "DELETE",
        headers: { "if-match": etagText(command.ifMatch, etagAt(command, context)), ...bypassHeader(command.bypass) },
      };
    case "DeleteObjects": {
      const body = deleteDocument(command, context);
      const headers = { ...digestOf(body), ...bypassHeader(command.bypass) };
      return { by, method: "POST", bucket: world.nameOf(command.bucket), query: { delete: "" }, headers, body };
    }
    case "CopyObject": {
      const target = { by, bucket: world.nameOf(command.bucket), key: keyOf(command.key) };
      const headers = {
        ...copyHeaders(command, context),
        ...attributeHeaders(command.attributes),
        ...writeConditionHeaders(command.condition, target, world),
      };
      return { ...target, method: "PUT", headers };
    }
    case "GetObjectTagging":
      return { ...onVersion(command, context, { tagging: "" }), method: "GET" };
    case "DeleteObjectTagging":
      return { ...onVersion(command, context, { tagging: "" }), method: "DELETE" };
    case "PutObjectTagging":
      return withDocument(onVersion(command, context, { tagging: "" }), taggingDocument(command.tags));
    case "GetObjectAcl":
      return { ...onVersion(command, context, { acl: "" }), method: "GET" };
    case "PutObjectAcl":
      return { ...onVersion(command, context, { acl: "" }), method: "PUT", headers: { "x-amz-acl": command.acl } };
    case "GetObjectRetention":
      return { ...onVersion(command, context, { retention: "" }), method: "GET" };
    case "GetObjectLegalHold":
      return { ...onVersion(command, context, { "legal-hold": "" }), method: "GET" };
    case "PutObjectRetention": {
      const { retention, bypass } = command;
      const until =
        retention &&
        `<Mode>${retention.mode}</Mode><RetainUntilDate>${RETAIN_UNTIL[retention.until]}</RetainUntilDate>`;
      const request = withDocument(
        onVersion(command, context, { retention: "" }),
        `<Retention>${until ?? ""}</Retention>`,
      );
      return { ...request, headers: { ...request.headers, ...bypassHeader(bypass) } };
    }
    case "PutObjectLegalHold": {
      const status = command.hold ? "ON" : "OFF";
      return withDocument(
        onVersion(command, context, { "legal-hold": "" }),
        `<LegalHold><Status>${status}</Status></LegalHold>`,
      );
    }
    case "GetObjectAttributes":
      return {
        ...onVersion(command, context, { attributes: "" }),
        method: "GET",
        headers: { "x-amz-object-attributes": "ETag,ObjectParts,StorageClass,ObjectSize" },
      };
    case "CreateMultipartUpload":
      return {
        by,
        method: "POST",
        bucket: world.nameOf(command.bucket),
        key: keyOf(command.key),
        query: { uploads: "" },
        headers: attributeHeaders(command.attributes),
      };
    case "UploadPart": {
      const body = bodyOf(command.body);
      return { ...onUpload(command, context, command.partNumber), method: "PUT", headers: digestOf(body), body };
    }
    case "UploadPartCopy": {
      const headers = { "x-amz-copy-source": sourceText(command.source, by, context) };
      return { ...onUpload(command, context, command.partNumber), method: "PUT", headers };
    }
    case "CompleteMultipartUpload": {
      const target = addressOf(world, command);
      const headers = writeConditionHeaders(command.condition, { bucket: target.bucketName, key: target.key }, world);
      return { ...onUpload(command, context), method: "POST", headers, body: completionDocument(command, context) };
    }
    case "AbortMultipartUpload":
      return { ...onUpload(command, context), method: "DELETE" };
    case "ListParts":
      return { ...onUpload(command, context), method: "GET" };
    case "ListMultipartUploads":
      return { by, method: "GET", bucket: world.nameOf(command.bucket), query: { uploads: "" } };
    case "CreateBucket": {
      const headers = {
        "x-amz-acl": command.acl,
        ...(command.hasLock && { "x-amz-bucket-object-lock-enabled": "true" }),
      };
      return { by, method: "PUT", bucket: world.nameOf(command.bucket), headers };
    }
    case "DeleteBucket":
      return { by, method: "DELETE", bucket: world.nameOf(command.bucket) };
    case "HeadBucket":
      return { by, method: "HEAD", bucket: world.nameOf(command.bucket) };
    case "GetBucketVersioning":
      return { by, method: "GET", bucket: world.nameOf(command.bucket), query: { versioning: "" } };
    case "GetBucketAcl":
      return { by, method: "GET", bucket: world.nameOf(command.bucket), query: { acl: "" } };
    case "DeleteBucketPolicy":
      return { by, method: "DELETE", bucket: world.nameOf(command.bucket), query: { policy: "" } };
    case "ListBuckets":
      return { by, method: "GET", query: { prefix: world.prefix } };
    case "PutBucketVersioning":
      return withDocument(
        { by, bucket: world.nameOf(command.bucket), query: { versioning: "" } },
        `<VersioningConfiguration><Status>${command.status}</Status></VersioningConfiguration>`,
      );
    case "PutBucketAcl":
      return {
        by,
        method: "PUT",
        bucket: world.nameOf(command.bucket),
        query: { acl: "" },
        headers: { "x-amz-acl": command.acl },
      };
    case "PutBucketPolicy": {
      const bucket = world.nameOf(command.bucket);
      const policy = POLICIES[command.policy % POLICIES.length] ?? [];
      return withDocument({ by, bucket, query: { policy: "" } }, policyDocument(policy, bucket, callers.accountIds));
    }
    case "PutObjectLockConfiguration":
      return withDocument(
        { by, bucket: world.nameOf(command.bucket), query: { "object-lock": "" } },
        lockConfiguration(command.mode),
      );
    default:
      return command satisfies never;
  }
}

type OnVersion = Parameters<typeof requestOf>[1];

function onVersion(command: OnVersion, { world, bindings }: RequestContext, query: Record<string, string> = {}) {
  const { by, bucketName, key, versionId } = requestOf(world, command);
  const named = versionId === undefined ? {} : { versionId: bindings.realOf(versionId) };
  return { by, bucket: bucketName, key, query: { ...query, ...named } };
}

function onUpload(command: Parameters<typeof addressOf>[1], { world, bindings }: RequestContext, partNumber?: number) {
  const { bucketName, key, uploadId } = addressOf(world, command);
  const part = partNumber === undefined ? {} : { partNumber: String(partNumber) };
  return { by: command.by, bucket: bucketName, key, query: { ...part, uploadId: bindings.realOf(uploadId) } };
}

function withDocument(request: Omit<WireRequest, "method" | "body" | "headers">, body: string): WireRequest {
  return { ...request, method: "PUT", headers: digestOf(body), body };
}

function digestOf(body: string): Record<string, string> {
  return { "content-md5": createHash("md5").update(body).digest("base64") };
}

function attributeHeaders({ contentType, meta, tags, acl, isInfrequent, lock }: Attributes): Headers {
  const until = lock?.retention && RETAIN_UNTIL[lock.retention.until];
  return {
    "content-type": contentType,
    "x-amz-meta-a": meta,
    "x-amz-tagging": tags?.map(({ key, value }) => `${encode(key)}=${encode(value)}`).join("&"),
    "x-amz-acl": acl,
    "x-amz-storage-class": isInfrequent === undefined ? undefined : isInfrequent ? "STANDARD_IA" : "STANDARD",
    "x-amz-object-lock-mode": lock?.retention?.mode,
    "x-amz-object-lock-retain-until-date": until,
    "x-amz-object-lock-legal-hold": lock?.hold === undefined ? undefined : lock.hold ? "ON" : "OFF",
  };
}

/** The ETag of the version that a request is about; that of no object if there is none. */
function etagAt(command: OnVersion, { world }: RequestContext): string {
  const { bucketName, key, versionId } = requestOf(world, command);
  const versions = world.buckets.get(bucketName)?.versions.get(key) ?? [];
  const version = versionId === undefined ? versions[0] : versions.find(({ id }) => id === versionId);
  return version === undefined || version.isMarker ? md5("no object") : version.etag;
}

function etagText(ref: EtagRef | undefined, current: string): string | undefined {
  if (ref === undefined || ref === "*") return ref;
  return `"${ref === "current" ? current : md5("another object")}"`;
}

function writeConditionHeaders(
  { ifMatch, ifNoneMatch }: WriteCondition,
  { bucket, key }: { readonly bucket: string; readonly key: string },
  world: World,
): Headers {
  const found = world.buckets.get(bucket);
  const current = found === undefined ? undefined : currentOf(found, key);
  return { "if-match": etagText(ifMatch, current?.etag ?? md5("no object")), "if-none-match": ifNoneMatch };
}

const DATES: Readonly<Record<DateRef, string>> = {
  past: "Mon, 01 Jan 2001 00:00:00 GMT",
  future: "Sun, 01 Jan 2090 00:00:00 GMT",
};

function readConditionHeaders(prefix: string, condition: ReadCondition, current: string): Headers {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = condition;
  return {
    [`${prefix}if-match`]: etagText(ifMatch, current),
    [`${prefix}if-none-match`]: etagText(ifNoneMatch, current),
    [`${prefix}if-modified-since`]: ifModifiedSince && DATES[ifModifiedSince],
    [`${prefix}if-unmodified-since`]: ifUnmodifiedSince && DATES[ifUnmodifiedSince],
  };
}

function bypassHeader(bypass: boolean | undefined): Headers {
  return bypass === undefined ? {} : { "x-amz-bypass-governance-retention": String(bypass) };
}

function copyHeaders(command: CopyObject, context: RequestContext): Headers {
  const { by, source, replacesMetadata, replacesTags, sourceCondition } = command;
  const current = etagAt({ by, ...source }, context);
  return {
    "x-amz-copy-source": sourceText(source, by, context),
    "x-amz-metadata-directive": replacesMetadata ? "REPLACE" : undefined,
    "x-amz-tagging-directive": replacesTags ? "REPLACE" : undefined,
    ...readConditionHeaders("x-amz-copy-source-", sourceCondition, current),
  };
}

function sourceText(source: CopyObject["source"], by: Command["by"], { world, bindings }: RequestContext): string {
  const { bucketName, key, versionId } = requestOf(world, { by, ...source });
  const version = versionId === undefined ? "" : `?versionId=${encode(bindings.realOf(versionId))}`;
  return `/${bucketName}/${encode(key)}${version}`;
}

function taggingDocument(tags: readonly Tag[]): string {
  const elements = tags.map(({ key, value }) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`);
  return `<Tagging><TagSet>${elements.join("")}</TagSet></Tagging>`;
}

function deleteDocument(command: DeleteObjects, context: RequestContext): string {
  const { world, bindings } = context;
  const objects = itemsOf(world, command).map(({ key, versionId, ifMatch }) => {
    const bucket = world.buckets.get(world.nameOf(command.bucket));
    const versions = bucket?.versions.get(key) ?? [];
    const named = versionId === undefined ? versions[0] : versions.find(({ id }) => id === versionId);
    const etag = etagText(ifMatch, named === undefined || named.isMarker ? md5("no object") : named.etag);
    const version = versionId === undefined ? "" : `<VersionId>${bindings.realOf(versionId)}</VersionId>`;
    return `<Object><Key>${escaped(key)}</Key>${version}${etag === undefined ? "" : `<ETag>${etag}</ETag>`}</Object>`;
  });
  return `<Delete>${objects.join("")}<Quiet>${command.isQuiet}</Quiet></Delete>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function completionDocument(command: CompleteUpload, { world }: RequestContext): string {
  const { upload } = addressOf(world, command);
  const parts = completionOf(upload, command).map(
    ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>"${etag}"</ETag></Part>`,
  );
  return `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
}

function lockConfiguration(mode: Mode | undefined): string {
  const rule = mode && `<Rule><DefaultRetention><Mode>${mode}</Mode><Days>1</Days></DefaultRetention></Rule>`;
  return `<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>${rule ?? ""}</ObjectLockConfiguration>`;
}
