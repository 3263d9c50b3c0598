/** Multipart uploads in the model ("Uploading and copying objects using multipart upload"). */
import { isAllowed } from "./access.ts";
import { type Answer, document, type Found, failure, findBucket, versionHeader, writeFailure } from "./answers.ts";
import {
  bodyOf,
  type CompleteUpload,
  type CreateUpload,
  KEYS,
  type ListUploads,
  MIB,
  type OtherUploadCall,
  type UploadPart,
  type UploadPartCopy,
} from "./commands.ts";
import { findSource, keyOf, lockRefusal, mayWrite, readRefusal, requestOf, retentionOf } from "./objects.ts";
import {
  addVersion,
  type Bucket,
  currentOf,
  etagOfParts,
  md5,
  newVersionId,
  type Part,
  type Upload,
  type World,
} from "./state.ts";

export function createUpload(world: World, command: CreateUpload): Answer {
  const { by, attributes } = command;
  const key = keyOf(command.key);
  const found = findBucket(world, world.nameOf(command.bucket));
  if ("answer" in found) return found.answer;
  const bucket = found.value;
  if (!mayWrite(bucket, { by, key, attributes })) return failure("AccessDenied");
  const refused = lockRefusal(bucket, attributes);
  if (refused !== undefined) return refused;
  const upload: Upload = {
    id: world.newSymbol("u"),
    bucket,
    key,
    owner: by,
    attributes,
    parts: new Map(),
    before: currentOf(bucket, key)?.identity,
    state: "open",
    completion: undefined,
  };
  world.uploads.unshift(upload);
  return document({ BucketName: bucket.name, Key: key, UploadId: upload.id });
}

type UploadCall = UploadPart | UploadPartCopy | CompleteUpload | OtherUploadCall;

/** Bucket, key and upload id that a request names; an id that was never given out if there is no upload yet. */
export function addressOf(world: World, { upload: number, atOtherKey }: UploadCall) {
  const upload = world.uploadOf(number);
  if (upload === undefined) return { bucketName: world.nameOf(0), key: keyOf(0), uploadId: "absent", upload };
  const { bucket, key, id } = upload;
  const other = KEYS.find((each) => each !== key) ?? key;
  return { bucketName: bucket.name, key: atOtherKey === true ? other : key, uploadId: id, upload };
}

interface Addressed {
  readonly bucket: Bucket;
  readonly upload: Upload;
}

/** @param action permission on the key */
function resolveUpload(world: World, command: UploadCall, action: string): Found<Addressed> {
  const { bucketName, key, upload } = addressOf(world, command);
  const found = findBucket(world, bucketName);
  if ("answer" in found) return found;
  const bucket = found.value;
  if (!isAllowed(bucket, { caller: command.by, action, target: { key } })) return { answer: failure("AccessDenied") };
  const isKnown = upload !== undefined && upload.bucket === bucket && upload.key === key && upload.state !== "aborted";
  return isKnown ? { value: { bucket, upload } } : { answer: failure("NoSuchUpload") };
}

export function uploadPart(world: World, command: UploadPart): Answer {
  const found = resolveUpload(world, command, "s3:PutObject");
  if ("answer" in found) return found.answer;
  const { upload } = found.value;
  if (upload.state !== "open") return failure("NoSuchUpload");
  const body = bodyOf(command.body);
  upload.parts.set(command.partNumber, { number: command.partNumber, body });
  return { status: 200, headers: { etag: `"${md5(body)}"` } };
}

export function uploadPartCopy(world: World, command: UploadPartCopy): Answer {
  const { bucketName, key, upload: named } = addressOf(world, command);
  const target = findBucket(world, bucketName);
  if ("answer" in target) return target.answer;
  const isPermitted = isAllowed(target.value, { caller: command.by, action: "s3:PutObject", target: { key } });
  if (!isPermitted) return failure("AccessDenied");
  const found = resolveUpload(world, command, "s3:PutObject");
  const unreadable = readRefusal(world, requestOf(world, { by: command.by, ...command.source }), ["s3:GetObject"]);
  if (unreadable !== undefined) return unreadable;
  // What is no upload id of the key is noticed before the source is read.
  if ("answer" in found && (named === undefined || command.atOtherKey === true)) return found.answer;
  const source = findSource(world, command.by, command.source);
  if ("answer" in source) return source.answer;
  if ("answer" in found) return found.answer;
  const { upload } = found.value;
  if (upload.state !== "open") return failure("NoSuchUpload");
  const { bucket, object } = source.value;
  upload.parts.set(command.partNumber, { number: command.partNumber, body: object.body });
  const isNamed = bucket.versioning !== "never" && object.id !== "null";
  return document({ ETag: `"${md5(object.body)}"` }, isNamed ? { "x-amz-copy-source-version-id": object.id } : {});
}

/** The parts that a completion names. Of an upload without parts it names one that was not uploaded. */
export function completionOf(upload: Upload | undefined, command: CompleteUpload): readonly NamedPart[] {
  const uploaded = sortedParts(upload);
  const chosen =
    command.parts.length === 0
      ? uploaded
      : command.parts.flatMap((place) => uploaded[place % Math.max(1, uploaded.length)] ?? []);
  if (chosen.length === 0) return [{ number: 1, etag: md5("x") }];
  const named = chosen.map(({ number, body }) => ({ number, etag: md5(body) }));
  return named.map((part, index) =>
    index === 0 && command.hasWrongEtag === true ? { ...part, etag: md5("another part") } : part,
  );
}

export interface NamedPart {
  readonly number: number;
  readonly etag: string;
}

function sortedParts(upload: Upload | undefined): readonly Part[] {
  return [...(upload?.parts.values() ?? [])].sort((left, right) => left.number - right.number);
}

export function completeUpload(world: World, command: CompleteUpload): Answer {
  const { by, condition } = command;
  const found = resolveUpload(world, command, "s3:PutObject");
  if ("answer" in found) return found.answer;
  const { bucket, upload } = found.value;
  const { key, attributes } = upload;
  if (!mayWrite(bucket, { by, key, attributes: {}, condition })) return failure("AccessDenied");
  const named = completionOf(upload, command);
  const request = JSON.stringify(named);
  const { completion } = upload;
  if (completion !== undefined) {
    if (completion.request !== request) return failure("NoSuchUpload");
    return completed(bucket, upload, completion);
  }
  const parts: Part[] = [];
  for (const { number, etag } of named) {
    if (number <= (parts.at(-1)?.number ?? 0)) return failure("InvalidPartOrder");
    const part = upload.parts.get(number);
    if (part === undefined || md5(part.body) !== etag) return failure("InvalidPart");
    parts.push(part);
  }
  if (parts.slice(0, -1).some(({ body }) => body.length < 5 * MIB)) return failure("EntityTooSmall");
  const unmet = writeFailure(condition, bucket, key);
  // Unlike other writes, a completion does not say that a delete marker is the reason.
  const refused = unmet === undefined ? changedSince(upload, command) : { ...unmet, headers: {} };
  if (refused !== undefined) return refused;
  const etag = etagOfParts(parts);
  const id = newVersionId(world, bucket);
  addVersion(bucket, key, {
    id,
    identity: world.newIdentity(),
    isMarker: false,
    owner: upload.owner,
    body: parts.map(({ body }) => body).join(""),
    etag,
    contentType: attributes.contentType ?? "binary/octet-stream",
    meta: attributes.meta,
    isInfrequent: attributes.isInfrequent === true,
    partSizes: parts.map(({ body }) => body.length),
    tags: attributes.tags ?? [],
    acl: attributes.acl ?? "private",
    retention: retentionOf(bucket, attributes),
    hold: attributes.lock?.hold,
  });
  upload.state = "completed";
  upload.completion = { request, etag, versionId: bucket.versioning === "Enabled" ? id : undefined };
  return completed(bucket, upload, upload.completion);
}

/**
 * A conditional completion fails if the key was written or deleted after the upload began (recorded on AWS). Here that shows only
 * if another object is at the key than then, or none any more.
 */
function changedSince({ bucket, key, before }: Upload, { condition }: CompleteUpload): Answer | undefined {
  const isConditional = condition.ifMatch !== undefined || condition.ifNoneMatch !== undefined;
  const isChanged = currentOf(bucket, key)?.identity !== before;
  return isConditional && isChanged ? failure("ConditionalRequestConflict") : undefined;
}

type Completion = NonNullable<Upload["completion"]>;

function completed(bucket: Bucket, { key }: Upload, { etag, versionId }: Completion): Answer {
  const content = { Location: "§any", BucketName: bucket.name, Key: key, ETag: `"${etag}"` };
  return document(content, versionId === undefined ? {} : versionHeader(bucket, { id: versionId }));
}

export function abortOrListParts(world: World, command: OtherUploadCall): Answer {
  const isAbort = command.op === "AbortMultipartUpload";
  const action = isAbort ? "s3:AbortMultipartUpload" : "s3:ListMultipartUploadParts";
  const found = resolveUpload(world, command, action);
  if ("answer" in found) return found.answer;
  const { bucket, upload } = found.value;
  if (upload.state !== "open") return failure("NoSuchUpload");
  if (isAbort) {
    upload.state = "aborted";
    return { status: 204 };
  }
  const parts = sortedParts(upload);
  return document({
    BucketName: bucket.name,
    Key: upload.key,
    UploadId: upload.id,
    Initiator: upload.owner,
    Owner: upload.owner,
    StorageClass: upload.attributes.isInfrequent === true ? "STANDARD_IA" : "STANDARD",
    PartNumberMarker: "0",
    NextPartNumberMarker: String(parts.at(-1)?.number ?? 0),
    MaxParts: "1000",
    IsTruncated: "false",
    Part: parts.map(({ number, body }) => ({
      PartNumber: String(number),
      ETag: `"${md5(body)}"`,
      Size: String(body.length),
    })),
  });
}

export function listUploads(world: World, command: ListUploads): Answer {
  const found = findBucket(world, world.nameOf(command.bucket));
  if ("answer" in found) return found.answer;
  const bucket = found.value;
  if (!isAllowed(bucket, { caller: command.by, action: "s3:ListBucketMultipartUploads" }))
    return failure("AccessDenied");
  return document(uploadsDocument(world, bucket));
}

/** By key, and for each key in the order in which they began. */
export function uploadsDocument(world: World, bucket: Bucket) {
  const open = world.uploads
    .filter((upload) => upload.bucket === bucket && upload.state === "open")
    .reverse()
    .sort((left, right) => (left.key < right.key ? -1 : Number(left.key > right.key)));
  return {
    BucketName: bucket.name,
    KeyMarker: "",
    UploadIdMarker: "",
    NextKeyMarker: open.at(-1)?.key ?? "",
    NextUploadIdMarker: open.at(-1)?.id ?? "",
    MaxUploads: "1000",
    IsTruncated: "false",
    Upload: open.map(({ key, id, owner, attributes }) => ({
      Key: key,
      UploadId: id,
      Initiator: owner,
      Owner: owner,
      StorageClass: attributes.isInfrequent === true ? "STANDARD_IA" : "STANDARD",
    })),
  };
}
