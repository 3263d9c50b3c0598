/**
 * GetObjectRetention, PutObjectRetention, GetObjectLegalHold, PutObjectLegalHold (API_GetObjectRetention and so on): the lock
 * of an object or of one version. Its ETag and Last-Modified do not change. Whether a retention may be replaced is decided
 * about the very state that is replaced.
 *
 * AWS reads the document first, then looks at the bucket's object lock, then for the object (LocalStack's recordings, 2026-02).
 */
import type { PermissionOnObject, S3Action, VersionTarget } from "../../access/actions.ts";
import type { GrantedBucket } from "../../access/authorize.ts";
import { noSuchKey, S3Error } from "../../errors.ts";
import type { StoredObject } from "../../model/object.ts";
import { mayReplaceRetention, type ObjectLock, protectedByLock } from "../../model/object-lock.ts";
import { parseBypassGovernance } from "../../protocol/object-lock-headers.ts";
import {
  formatLegalHold,
  formatRetention,
  MAX_OBJECT_LOCK_BYTES,
  parseLegalHold,
  parseRetention,
} from "../../protocol/xml/object-lock.ts";
import { documentBody, noBody, type OperationContext, operation, requireVersion } from "../operation.ts";
import { refusingMarkers } from "./delete-markers.ts";
import { rewritten } from "./object-tagging.ts";

const BODY = documentBody({ maxBytes: MAX_OBJECT_LOCK_BYTES, digest: "required" });

export const GetObjectRetention = operation({
  name: "GetObjectRetention",
  body: noBody,
  parse: requireVersion,
  requires: (target) => [permissionOnLock("s3:GetObjectRetention", target)],
  execute: async (target, context) => requireLock((await lockOf(target, context)).retention),
  respond: (retention) => ({ status: 200, body: formatRetention(retention) }),
});

export const PutObjectRetention = operation({
  name: "PutObjectRetention",
  body: BODY,
  parse: (request) => ({
    target: requireVersion(request),
    bypassesGovernance: parseBypassGovernance(request.headers) === true,
    now: request.now,
  }),
  requires: (input) => permissionsToRetain(input, "later"),
  async execute(input, context, body) {
    const { target, bypassesGovernance, now } = input;
    const retention = parseRetention(body, now);
    const asked = retention === undefined ? {} : { retention };
    await requireAll(permissionsToRetain(input, asked), context);
    await setLock(target, context, ({ retention: present, ...kept }) => {
      if (!mayReplaceRetention(present, retention, { now: new Date(), bypassesGovernance })) throw protectedByLock();
      return { ...kept, ...asked };
    });
  },
  respond: () => ({ status: 200 }),
});

export const GetObjectLegalHold = operation({
  name: "GetObjectLegalHold",
  body: noBody,
  parse: requireVersion,
  requires: (target) => [permissionOnLock("s3:GetObjectLegalHold", target)],
  execute: async (target, context) => requireLock((await lockOf(target, context)).hasLegalHold),
  respond: (isOn) => ({ status: 200, body: formatLegalHold(isOn) }),
});

export const PutObjectLegalHold = operation({
  name: "PutObjectLegalHold",
  body: BODY,
  parse: requireVersion,
  requires: (target) => [permissionOnLock("s3:PutObjectLegalHold", target, "later")],
  async execute(target, context, body) {
    const asked = { hasLegalHold: parseLegalHold(body) };
    await requireAll([permissionOnLock("s3:PutObjectLegalHold", target, asked)], context);
    await setLock(target, context, (present) => ({ ...present, ...asked }));
  },
  respond: () => ({ status: 200 }),
});

interface RetentionInput {
  readonly target: VersionTarget;
  readonly bypassesGovernance: boolean;
}

/** "Bypassing a Governance Retention configuration requires the s3:BypassGovernanceRetention permission". */
function permissionsToRetain(
  { target, bypassesGovernance }: RetentionInput,
  lock: ObjectLock | "later",
): readonly PermissionOnObject[] {
  const permission = permissionOnLock("s3:PutObjectRetention", target, lock);
  if (!bypassesGovernance) return [permission];
  return [permission, permissionOnLock("s3:BypassGovernanceRetention", target, lock)];
}

/** @param requestLock `later`: see `PermissionOnObject` */
function permissionOnLock(
  action: S3Action,
  { bucket, key, versionId }: VersionTarget,
  requestLock?: ObjectLock | "later",
): PermissionOnObject {
  return { action, on: "object", bucket, key, ...(versionId !== undefined && { versionId }), requestLock };
}

/** @throws S3Error `AccessDenied` */
async function requireAll(permissions: readonly PermissionOnObject[], { grant }: OperationContext): Promise<void> {
  for (const permission of permissions) if (!(await grant.allows(permission))) throw new S3Error("AccessDenied");
}

async function lockOf(target: VersionTarget, { grant, stores }: OperationContext): Promise<ObjectLock> {
  const bucket = requireLocking(grant.bucket(target.bucket));
  const object = await refusingMarkers(() => stores.objects.head(bucket, target));
  if (object === undefined) throw noSuchKey(target.key);
  return object.lock ?? {};
}

function requireLock<Value>(value: Value | undefined): Value {
  if (value !== undefined) return value;
  throw new S3Error("NoSuchObjectLockConfiguration");
}

/** @param decide may be called again, about another state of the object */
async function setLock(
  { bucket: name, key, versionId }: VersionTarget,
  { grant, stores, journal }: OperationContext,
  decide: (present: ObjectLock) => ObjectLock,
): Promise<void> {
  const bucket = requireLocking(grant.bucket(name));
  const found = await refusingMarkers(() =>
    journal.write(
      bucket,
      { key, versionId, event: "ObjectLock:Put" },
      {
        adds: undefined,
        commit: (ticket) =>
          stores.objects.setLock({ bucket, key, versionId, ticket }, ({ lock = {} }: StoredObject) => decide(lock)),
        describe: (outcome) => outcome && rewritten(outcome.object),
      },
    ),
  );
  if (found === undefined) throw noSuchKey(key);
}

/** @throws S3Error `InvalidRequest` for a bucket without object lock */
function requireLocking(bucket: GrantedBucket): GrantedBucket {
  if (bucket.documents.objectLock !== undefined) return bucket;
  throw new S3Error("InvalidRequest", { message: "Bucket is missing Object Lock Configuration" });
}
