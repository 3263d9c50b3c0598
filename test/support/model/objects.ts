/** PutObject, GetObject, HeadObject, GetObjectAttributes and CopyObject in the model. */
import { isAllowed, mayLearn } from "./access.ts";
import {
  type Answer,
  document,
  type ErrorCode,
  type Found,
  failure,
  findBucket,
  readFailure,
  versionHeader,
  writeFailure,
} from "./answers.ts";
import {
  type Attributes,
  bodyOf,
  type CallerName,
  type CopyObject,
  type GetAttributes,
  KEYS,
  type OnVersion,
  type PutObject,
  RETAIN_UNTIL,
  type ReadObject,
} from "./commands.ts";
import {
  addVersion,
  type Bucket,
  findVersion,
  md5,
  newestOf,
  newVersionId,
  type ObjectVersion,
  type VersionRetention,
  type World,
} from "./state.ts";

export const keyOf = (key: number): string => KEYS[key % KEYS.length] ?? "a";

export interface Resolved {
  readonly bucket: Bucket;
  readonly object: ObjectVersion;
}

export interface Request {
  readonly by: CallerName;
  readonly bucketName: string;
  readonly key: string;
  readonly versionId: string | undefined;
}

export function requestOf(world: World, { by, bucket, key, version }: OnVersion): Request {
  const bucketName = world.nameOf(bucket);
  return { by, bucketName, key: keyOf(key), versionId: world.versionIdOf(bucketName, keyOf(key), version) };
}

/**
 * The object or version that a request reads or changes.
 * @param actions permissions that it needs
 * @param refusesMarkers whether a delete marker that is current is 405, without its headers, as for requests about tags and for
 *   writing ACLs and locks (recorded on AWS)
 */
export function resolve(
  world: World,
  request: Request,
  { actions, refusesMarkers = false }: { readonly actions: readonly string[]; readonly refusesMarkers?: boolean },
): Found<Resolved> {
  const found = findBucket(world, request.bucketName);
  const refused = readRefusal(world, request, actions);
  if ("answer" in found || refused !== undefined) return { answer: refused ?? failure("NoSuchBucket") };
  const bucket = found.value;
  const { by, key, versionId } = request;
  const version = versionId === undefined ? newestOf(bucket, key) : findVersion(bucket, key, versionId);
  if (version?.isMarker === false) return { value: { bucket, object: version } };
  if (!mayLearn(bucket, by)) return { answer: failure("AccessDenied") };
  if (refusesMarkers && versionId === undefined && version !== undefined)
    return { answer: failure("MethodNotAllowed") };
  const headers = version === undefined ? {} : { ...versionHeader(bucket, version), "x-amz-delete-marker": "true" };
  return { answer: failure(absence(version, versionId), headers) };
}

/** The refusals that do not depend on whether the object exists. */
export function readRefusal(world: World, request: Request, actions: readonly string[]): Answer | undefined {
  const found = findBucket(world, request.bucketName);
  if ("answer" in found) return found.answer;
  const { by, key, versionId } = request;
  const isPermitted = actions.every((action) =>
    isAllowed(found.value, { caller: by, action, target: { key, versionId } }),
  );
  return isPermitted ? undefined : failure("AccessDenied");
}

/** "If the current version is a delete marker: 404; if the named version is one: 405". */
function absence(version: ObjectVersion | undefined, versionId: string | undefined): ErrorCode {
  if (versionId === undefined) return "NoSuchKey";
  return version === undefined ? "NoSuchVersion" : "MethodNotAllowed";
}

export function putObject(world: World, command: PutObject): Answer {
  const { by, attributes, condition } = command;
  const key = keyOf(command.key);
  const found = findBucket(world, world.nameOf(command.bucket));
  if ("answer" in found) return found.answer;
  const bucket = found.value;
  if (!mayWrite(bucket, { by, key, attributes, condition })) return failure("AccessDenied");
  const refused = lockRefusal(bucket, attributes) ?? writeFailure(condition, bucket, key);
  if (refused !== undefined) return refused;
  const body = bodyOf(command.body);
  const version = newVersion(world, bucket, { by, attributes, body, etag: md5(body) });
  addVersion(bucket, key, version);
  // "If versioning is suspended, … the response does not include a version id".
  const isNamed = bucket.versioning === "Enabled";
  return { status: 200, headers: { etag: `"${version.etag}"`, ...(isNamed && versionHeader(bucket, version)) } };
}

export interface Write {
  readonly by: CallerName;
  readonly key: string;
  readonly attributes: Attributes;
  readonly condition?: PutObject["condition"];
}

/** "If-Match: you also need s3:GetObject", since the answer says what the ETag is. */
export function mayWrite(bucket: Bucket, { by, key, attributes, condition = {} }: Write): boolean {
  const target = { key };
  const { acl, tags = [], lock } = attributes;
  const needs = [
    "s3:PutObject",
    ...(acl === undefined ? [] : ["s3:PutObjectAcl"]),
    ...(tags.length === 0 ? [] : ["s3:PutObjectTagging"]),
    ...(lock?.retention === undefined ? [] : ["s3:PutObjectRetention"]),
    ...(lock?.hold === undefined ? [] : ["s3:PutObjectLegalHold"]),
  ];
  const isRevealing = condition.ifMatch !== undefined && condition.ifMatch !== "*";
  return (
    needs.every((action) => isAllowed(bucket, { caller: by, action, target, isNew: true })) &&
    (!isRevealing || isAllowed(bucket, { caller: by, action: "s3:GetObject", target }))
  );
}

export function lockRefusal(bucket: Bucket, { lock }: Attributes): Answer | undefined {
  const isAsked = lock?.retention !== undefined || lock?.hold !== undefined;
  return isAsked && !bucket.hasLock ? failure("InvalidRequest") : undefined;
}

export function retentionOf(bucket: Bucket, { lock }: Attributes): VersionRetention | undefined {
  if (lock?.retention !== undefined) return lock.retention;
  return bucket.defaultRetention === undefined ? undefined : { mode: bucket.defaultRetention, until: -1 };
}

interface Content {
  readonly by: CallerName;
  readonly attributes: Attributes;
  readonly body: string;
  readonly etag: string;
  readonly partSizes?: readonly number[] | undefined;
}

function newVersion(world: World, bucket: Bucket, { by, attributes, body, etag, partSizes }: Content): ObjectVersion {
  return {
    id: newVersionId(world, bucket),
    identity: world.newIdentity(),
    isMarker: false,
    owner: by,
    body,
    etag,
    contentType: attributes.contentType ?? "binary/octet-stream",
    meta: attributes.meta,
    isInfrequent: attributes.isInfrequent === true,
    partSizes,
    tags: attributes.tags ?? [],
    acl: attributes.acl ?? "private",
    retention: retentionOf(bucket, attributes),
    hold: attributes.lock?.hold,
  };
}

export function readObject(world: World, command: ReadObject): Answer {
  const request = requestOf(world, command);
  const found = resolve(world, request, { actions: ["s3:GetObject"] });
  if ("answer" in found) return found.answer;
  const { bucket, object } = found.value;
  const failed = readFailure(command.condition);
  if (failed === 304) return { status: 304, headers: { etag: `"${object.etag}"`, ...versionHeader(bucket, object) } };
  if (failed === 412) return failure("PreconditionFailed");
  const selected = select(command, object);
  if ("answer" in selected) return selected.answer;
  const { start, end, isPartial } = selected.value;
  const body = object.body.slice(start, end);
  const size = object.body.length;
  const isRange = isPartial && body.length > 0;
  const headers = {
    ...headersOf(bucket, object, request),
    "content-type": object.contentType,
    "content-length": String(body.length),
    ...(isRange && { "content-range": `bytes ${start}-${end - 1}/${size}` }),
    ...(command.partNumber !== undefined &&
      object.partSizes !== undefined && { "x-amz-mp-parts-count": String(object.partSizes.length) }),
  };
  const status = isRange || command.partNumber !== undefined ? 206 : 200;
  return { status, headers, body: command.op === "HeadObject" ? "" : body };
}

interface Slice {
  readonly start: number;
  readonly end: number;
  readonly isPartial: boolean;
}

function select({ range, partNumber }: ReadObject, { body, partSizes }: ObjectVersion): Found<Slice> {
  const size = body.length;
  if (partNumber !== undefined) {
    const sizes = partSizes ?? [size];
    const part = sizes[partNumber - 1];
    if (part === undefined) return { answer: failure("InvalidPartNumber") };
    const start = sizes.slice(0, partNumber - 1).reduce((sum, each) => sum + each, 0);
    return { value: { start, end: start + part, isPartial: true } };
  }
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(range ?? "") ?? [];
  const whole = { value: { start: 0, end: size, isPartial: false } };
  if (first === "" && last === "") return whole;
  if (first === "") {
    const length = Number(last);
    if (length === 0) return { answer: failure("InvalidRange", { "content-range": `bytes */${size}` }) };
    if (size === 0) return whole;
    return { value: { start: Math.max(0, size - length), end: size, isPartial: true } };
  }
  // "A first position behind the last one makes the header invalid", and it is ignored.
  if (last !== "" && Number(last) < Number(first)) return whole;
  if (Number(first) >= size) return { answer: failure("InvalidRange", { "content-range": `bytes */${size}` }) };
  const end = last === "" ? size : Math.min(size, Number(last) + 1);
  return { value: { start: Number(first), end, isPartial: true } };
}

/** What every read says about the object; the number of tags and the lock only to callers that may read them. */
function headersOf(bucket: Bucket, object: ObjectVersion, { by, key, versionId }: Request): Record<string, string> {
  const may = (action: string) => isAllowed(bucket, { caller: by, action, target: { key, versionId } });
  const { retention, hold, tags } = object;
  return {
    etag: `"${object.etag}"`,
    ...versionHeader(bucket, object),
    ...(object.meta !== undefined && { "x-amz-meta-a": object.meta }),
    ...(object.isInfrequent && { "x-amz-storage-class": "STANDARD_IA" }),
    ...(tags.length > 0 && may("s3:GetObjectTagging") && { "x-amz-tagging-count": String(tags.length) }),
    ...(retention !== undefined &&
      may("s3:GetObjectRetention") && {
        "x-amz-object-lock-mode": retention.mode,
        "x-amz-object-lock-retain-until-date": formatUntil(retention),
      }),
    ...(hold !== undefined && may("s3:GetObjectLegalHold") && { "x-amz-object-lock-legal-hold": hold ? "ON" : "OFF" }),
  };
}

/** `§date`: any. */
export function formatUntil({ until }: VersionRetention): string {
  return RETAIN_UNTIL[until] ?? "§date";
}

export function getAttributes(world: World, command: GetAttributes): Answer {
  const found = resolve(world, requestOf(world, command), { actions: ["s3:GetObject", "s3:GetObjectAttributes"] });
  if ("answer" in found) return found.answer;
  const { bucket, object } = found.value;
  const { etag, partSizes, body, isInfrequent } = object;
  return document(
    {
      ETag: etag,
      ...(partSizes !== undefined && { ObjectParts: { PartsCount: String(partSizes.length) } }),
      StorageClass: isInfrequent ? "STANDARD_IA" : "STANDARD",
      ObjectSize: String(body.length),
    },
    versionHeader(bucket, object),
  );
}

export interface CopySource {
  readonly bucket: number;
  readonly key: number;
  readonly version?: OnVersion["version"];
}

/** The version that is copied. A named delete marker is no source: 400. */
export function findSource(world: World, by: CallerName, source: CopySource): Found<Resolved> {
  const found = resolve(world, requestOf(world, { by, ...source }), { actions: ["s3:GetObject"] });
  if (!("answer" in found)) return found;
  return { answer: found.answer.code === "MethodNotAllowed" ? failure("InvalidRequest") : found.answer };
}

export function copyObject(world: World, command: CopyObject): Answer {
  const { by, attributes, condition, replacesMetadata, replacesTags } = command;
  const key = keyOf(command.key);
  const isAtSource = command.source.bucket === command.bucket && keyOf(command.source.key) === key;
  const found = findBucket(world, world.nameOf(command.bucket));
  if ("answer" in found) return found.answer;
  const bucket = found.value;
  const asked = { ...attributes, tags: replacesTags ? attributes.tags : [] };
  if (!mayWrite(bucket, { by, key, attributes: asked, condition })) return failure("AccessDenied");
  const sourceRequest = requestOf(world, { by, ...command.source });
  const unreadable = readRefusal(world, sourceRequest, ["s3:GetObject"]) ?? lockRefusal(bucket, attributes);
  if (unreadable !== undefined) return unreadable;
  const source = findSource(world, by, command.source);
  if ("answer" in source) return source.answer;
  const { object } = source.value;
  if (readFailure(command.sourceCondition) !== undefined) return failure("PreconditionFailed");
  const namesVersion = sourceRequest.versionId !== undefined && bucket.versioning !== "never";
  const changes = replacesMetadata || attributes.isInfrequent !== undefined;
  if (isAtSource && !namesVersion && !changes) return failure("InvalidRequest");
  if (!replacesTags && object.tags.length > 0 && !mayCarryTags(source.value, bucket, { by, key, sourceRequest })) {
    return failure("AccessDenied");
  }
  const refused = writeFailure(condition, bucket, key);
  if (refused !== undefined) return refused;
  const { contentType, meta } = replacesMetadata ? attributes : object;
  // An object uploaded in parts keeps them, unless its class changes (docs/compatibility.md).
  const keepsParts = object.partSizes !== undefined && object.isInfrequent === (attributes.isInfrequent === true);
  const version = newVersion(world, bucket, {
    by,
    attributes: { ...attributes, contentType, meta, tags: replacesTags ? attributes.tags : object.tags },
    body: object.body,
    etag: keepsParts ? object.etag : md5(object.body),
    partSizes: keepsParts ? object.partSizes : undefined,
  });
  const keepsIdentity = isAtSource && !replacesMetadata && version.etag === object.etag;
  addVersion(bucket, key, keepsIdentity ? { ...version, identity: object.identity } : version);
  const isSourceNamed = source.value.bucket.versioning !== "never" && object.id !== "null";
  return document(
    { ETag: `"${version.etag}"` },
    { ...versionHeader(bucket, version), ...(isSourceNamed && { "x-amz-copy-source-version-id": object.id }) },
  );
}

interface Carrying {
  readonly by: CallerName;
  readonly key: string;
  readonly sourceRequest: Request;
}

function mayCarryTags(source: Resolved, bucket: Bucket, { by, key, sourceRequest }: Carrying): boolean {
  const { key: sourceKey, versionId } = sourceRequest;
  return (
    isAllowed(source.bucket, { caller: by, action: "s3:GetObjectTagging", target: { key: sourceKey, versionId } }) &&
    isAllowed(bucket, { caller: by, action: "s3:PutObjectTagging", target: { key }, isNew: true })
  );
}
