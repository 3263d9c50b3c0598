/**
 * A request of every operation that has no effect even if it is allowed, as far as there is one: what is behind the permission then
 * fails, so that the buckets of the access matrix stay as they are described.
 */
import type { OperationName } from "../../src/protocol/operation-name.ts";
import { KEY, type MatrixBucket, type MatrixCaller, SOURCE_KEY } from "./access-world.ts";
import type { AttackExample, AttackWorld } from "./attack-examples.ts";
import { contextOf, type Sent } from "./second-authorizer/context.ts";
import { AS_HERE } from "./second-authorizer/deviations.ts";
import { callerEffects, identityOf, type S3Question, s3Allows } from "./second-authorizer/s3.ts";

/** No object has this ETag. */
const NO_ETAG = '"00000000000000000000000000000000"';

const HEADERS: Partial<Readonly<Record<OperationName, Readonly<Record<string, string>>>>> = {
  PutObject: { "if-match": NO_ETAG },
  CopyObject: { "x-amz-copy-source-if-match": NO_ETAG },
  RenameObject: { "x-amz-rename-source-if-match": NO_ETAG },
  DeleteObject: { "if-match": NO_ETAG },
};

/** Operations whose permission is asked for before the body is read, so that a body that cannot be read is enough. */
const READS_BODY_LATE = /^(?:Put(?!Object$|ObjectAnnotation$)|CompleteMultipartUpload$)/;

/** Operations that remove a source of permission, which has to be set again. */
export const REMOVES_SOURCE: readonly string[] = [
  "DeleteBucketPolicy",
  "DeletePublicAccessBlock",
  "DeleteBucketOwnershipControls",
];

/** @param name as in the matrix: `GetObject of a version` */
export function withoutEffect(name: string, example: AttackExample): AttackExample {
  const operation = name.split(" ")[0] as OperationName;
  const headers = { ...HEADERS[operation] };
  const changed = { ...example, headers: (world: AttackWorld) => ({ ...example.headers?.(world), ...headers }) };
  if (operation === "DeleteObjects") {
    const version = name.includes("version") ? "<VersionId>null</VersionId>" : "";
    const body = `<Delete><Object><Key>${KEY}</Key>${version}<ETag>${NO_ETAG}</ETag></Object></Delete>`;
    return { ...changed, body: () => body };
  }
  return example.body !== undefined && READS_BODY_LATE.test(operation) ? { ...changed, body: () => "<" } : changed;
}

export function worldOf({ bucket }: MatrixBucket): AttackWorld {
  const { name, ownerId } = bucket;
  return {
    bucket: name,
    // It has objects, and it exists: it can be neither deleted nor created.
    emptyBucket: name,
    newBucket: name,
    source: { bucket: name, key: SOURCE_KEY },
    key: KEY,
    // There is no such upload.
    uploadId: "AAAAAAAAAAAAAAAAAAAAAAAA",
    partEtag: "0".repeat(32),
    ownerId,
  };
}

/** What the request is, as far as the policies of the matrix can depend on it. */
export const SENT: Sent = {
  sourceIp: undefined,
  isSecure: false,
  headers: new Headers(),
  query: { get: () => undefined },
  now: new Date(),
  authType: "REST-HEADER",
};

/** Whether the second authorizer allows all that the operation needs. */
export function isExpectedToBeAllowed(
  { needs }: AttackExample,
  { caller }: MatrixCaller,
  { bucket, object }: MatrixBucket,
): boolean {
  const isWrite = needs.some(({ action }) => action === "s3:PutObject");
  return needs.every(({ action, on }) => {
    const asked = { caller, action, bucket, sent: SENT };
    switch (on) {
      case "service":
      case "new bucket":
        return accountAllows(asked, on === "service" ? "arn:aws:s3:::*" : `arn:aws:s3:::${bucket.name}`);
      case "bucket":
      case "empty bucket":
        return s3Allows(asked);
      case "object": {
        const isNew = isWrite && action.startsWith("s3:PutObject");
        const version = action.includes("Version") ? { versionId: "null" } : {};
        return s3Allows({ ...asked, key: KEY, object, isNew, ...version });
      }
      case "neighbour":
      case "source":
        return s3Allows({ ...asked, key: SOURCE_KEY, object });
      case "all objects":
      case "all sources":
        return s3Allows({ ...asked, key: "any/key", isNew: isWrite && action.startsWith("s3:PutObject") });
      default:
        return on satisfies never;
    }
  });
}

/** What is not on an existing bucket is decided by the policies of the caller. */
function accountAllows({ caller, action, sent }: Omit<S3Question, "bucket">, resource: string): boolean {
  if (caller.kind === "anonymous") return false;
  const valuesFor = (name: string) => contextOf(caller, sent, { action: name });
  const query = {
    identity: identityOf(caller),
    userIds: {},
    action,
    resource,
    values: valuesFor(action),
    valuesFor,
    deviations: AS_HERE,
  };
  const { isDenied, isAllowed } = callerEffects(caller, query);
  return isAllowed && !isDenied;
}
