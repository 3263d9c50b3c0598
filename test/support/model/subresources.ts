/** Tags, ACLs and locks of objects in the model. */
import { grantsOf, isAllowed } from "./access.ts";
import { type Answer, type Document, document, type Found, failure, findBucket, versionHeader } from "./answers.ts";
import type {
  CallerName,
  CannedAcl,
  GetAcl,
  GetLock,
  OnVersion,
  PutAcl,
  PutHold,
  PutRetention,
  PutTagging,
  Tag,
  Tagging,
} from "./commands.ts";
import { formatUntil, type Resolved, requestOf, resolve } from "./objects.ts";
import type { VersionRetention, World } from "./state.ts";

export function getOrDeleteTagging(world: World, command: Tagging): Answer {
  const found = resolve(world, requestOf(world, command), { actions: [`s3:${command.op}`], refusesMarkers: true });
  if ("answer" in found) return found.answer;
  const { bucket, object } = found.value;
  if (command.op === "DeleteObjectTagging") {
    object.tags = [];
    return { status: 204, headers: versionHeader(bucket, object) };
  }
  return document({ TagSet: { Tag: tagDocument(object.tags) } }, versionHeader(bucket, object));
}

function tagDocument(tags: readonly Tag[]): Document {
  return tags.map(({ key, value }) => ({ Key: key, Value: value }));
}

export function putTagging(world: World, command: PutTagging): Answer {
  const found = resolve(world, requestOf(world, command), { actions: ["s3:PutObjectTagging"], refusesMarkers: true });
  if ("answer" in found) return found.answer;
  const { bucket, object } = found.value;
  object.tags = command.tags;
  return { status: 200, headers: versionHeader(bucket, object) };
}

export function getAcl(world: World, command: GetAcl): Answer {
  const found = resolve(world, requestOf(world, command), { actions: ["s3:GetObjectAcl"] });
  if ("answer" in found) return found.answer;
  const { bucket, object } = found.value;
  return document(aclDocument(object, bucket.owner), versionHeader(bucket, object));
}

export function aclDocument(
  { acl, owner }: { readonly acl: CannedAcl; readonly owner: CallerName },
  bucketOwner: CallerName,
): Document {
  const grants = grantsOf({ acl, owner, bucketOwner }).map(([grantee, permission]) => ({
    Grantee: grantee,
    Permission: permission,
  }));
  return { Owner: owner, AccessControlList: { Grant: grants } };
}

export function putAcl(world: World, command: PutAcl): Answer {
  const found = resolve(world, requestOf(world, command), { actions: ["s3:PutObjectAcl"], refusesMarkers: true });
  if ("answer" in found) return found.answer;
  const { bucket, object } = found.value;
  object.acl = command.acl;
  return { status: 200, headers: versionHeader(bucket, object) };
}

/** The bucket's object lock comes before the object (recorded on AWS). */
function resolveLocked(world: World, command: OnVersion, actions: readonly string[]): Found<Resolved> {
  const request = requestOf(world, command);
  const bucket = findBucket(world, request.bucketName);
  if ("answer" in bucket) return bucket;
  const { by, key, versionId } = request;
  const isPermitted = actions.every((action) =>
    isAllowed(bucket.value, { caller: by, action, target: { key, versionId } }),
  );
  if (!isPermitted) return { answer: failure("AccessDenied") };
  if (!bucket.value.hasLock) return { answer: failure("InvalidRequest") };
  return resolve(world, request, { actions, refusesMarkers: true });
}

export function getLock(world: World, command: GetLock): Answer {
  const found = resolveLocked(world, command, [`s3:${command.op}`]);
  if ("answer" in found) return found.answer;
  const { retention, hold } = found.value.object;
  if (command.op === "GetObjectLegalHold") {
    return hold === undefined ? failure("NoSuchObjectLockConfiguration") : document({ Status: hold ? "ON" : "OFF" });
  }
  if (retention === undefined) return failure("NoSuchObjectLockConfiguration");
  return document({ Mode: retention.mode, RetainUntilDate: formatUntil(retention) });
}

export function putRetention(world: World, command: PutRetention): Answer {
  const { bypass, retention } = command;
  const actions = ["s3:PutObjectRetention", ...(bypass === true ? ["s3:BypassGovernanceRetention"] : [])];
  const found = resolveLocked(world, command, actions);
  if ("answer" in found) return found.answer;
  const { object } = found.value;
  if (!mayReplace(object.retention, retention, bypass === true)) return failure("AccessDenied");
  object.retention = retention;
  return { status: 200 };
}

/** A retention can always be made longer; a weaker or other one needs the bypass, and compliance does not allow it. */
function mayReplace(
  present: VersionRetention | undefined,
  next: VersionRetention | undefined,
  bypass: boolean,
): boolean {
  if (present === undefined) return true;
  if (next !== undefined && next.mode === present.mode && next.until >= present.until) return true;
  return present.mode === "GOVERNANCE" && bypass;
}

export function putHold(world: World, command: PutHold): Answer {
  const found = resolveLocked(world, command, ["s3:PutObjectLegalHold"]);
  if ("answer" in found) return found.answer;
  found.value.object.hold = command.hold;
  return { status: 200 };
}
