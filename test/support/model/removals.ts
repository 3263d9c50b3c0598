/** DeleteObject and DeleteObjects in the model ("Deleting object versions from a versioning-enabled bucket"). */
import { isAllowed, mayDeleteSomething, mayLearn } from "./access.ts";
import {
  type Answer,
  type Document,
  document,
  type ErrorCode,
  type Found,
  failure,
  findBucket,
  markerHeaders,
  versionHeader,
} from "./answers.ts";
import type { CallerName, DeleteObject, DeleteObjects, EtagRef } from "./commands.ts";
import { keyOf } from "./objects.ts";
import {
  addVersion,
  type Bucket,
  currentOf,
  findVersion,
  newMarker,
  newVersionId,
  type ObjectVersion,
  removeVersion,
  type World,
} from "./state.ts";

interface Removal {
  readonly by: CallerName;
  readonly key: string;
  readonly versionId: string | undefined;
  readonly ifMatch: EtagRef | undefined;
  readonly bypass: boolean | undefined;
}

/** What is gone, or the delete marker that was made. */
interface Outcome {
  readonly id: string;
  readonly isMarker: boolean;
}

export function deleteObject(world: World, command: DeleteObject): Answer {
  const name = world.nameOf(command.bucket);
  const found = findBucket(world, name);
  if ("answer" in found) return found.answer;
  const bucket = found.value;
  const { by, ifMatch, bypass } = command;
  const key = keyOf(command.key);
  const removal = { by, key, versionId: world.versionIdOf(name, key, command.version), ifMatch, bypass };
  if (!mayRemove(bucket, removal)) return failure("AccessDenied");
  if (bypass !== undefined && !bucket.hasLock) return failure("InvalidArgument");
  const removed = remove(world, bucket, removal);
  if ("answer" in removed) return removed.answer;
  const { value } = removed;
  if (value === undefined) return { status: 204 };
  return {
    status: 204,
    headers: { ...versionHeader(bucket, value), ...(value.isMarker && { "x-amz-delete-marker": "true" }) },
  };
}

function mayRemove(bucket: Bucket, { by, key, versionId, ifMatch, bypass }: Removal): boolean {
  const target = { key, versionId };
  const isRevealing = ifMatch !== undefined && ifMatch !== "*";
  return (
    isAllowed(bucket, { caller: by, action: "s3:DeleteObject", target }) &&
    (!isRevealing || isAllowed(bucket, { caller: by, action: "s3:GetObject", target })) &&
    (bypass !== true || isAllowed(bucket, { caller: by, action: "s3:BypassGovernanceRetention", target: { key } }))
  );
}

function remove(world: World, bucket: Bucket, removal: Removal): Found<Outcome | undefined> {
  const { by, key, versionId, ifMatch } = removal;
  if (versionId !== undefined && bucket.versioning !== "never") return removeNamed(bucket, removal, versionId);
  const object = currentOf(bucket, key);
  if (ifMatch !== undefined && object === undefined) {
    return { answer: failure("NoSuchKey", mayLearn(bucket, by) ? markerHeaders(bucket, key) : {}) };
  }
  if (ifMatch === "other") return { answer: failure("PreconditionFailed") };
  if (bucket.versioning === "never") {
    removeVersion(bucket, key, "null");
    if (ifMatch === undefined) bucket.tombstones.delete(key);
    else bucket.tombstones.add(key);
    return { value: undefined };
  }
  const marker = newMarker(newVersionId(world, bucket), bucket.owner);
  addVersion(bucket, key, marker);
  return { value: { id: marker.id, isMarker: true } };
}

function removeNamed(bucket: Bucket, { key, ifMatch, bypass }: Removal, versionId: string): Found<Outcome> {
  const version = findVersion(bucket, key, versionId);
  // The deletion of a marker is repeated with the same answer.
  if (version === undefined) return { value: { id: versionId, isMarker: bucket.markers.has(versionId) } };
  if (ifMatch === "other" || (ifMatch === "current" && version.isMarker)) {
    return { answer: failure("PreconditionFailed") };
  }
  if (isLocked(version, bypass === true)) return { answer: failure("AccessDenied") };
  removeVersion(bucket, key, versionId);
  return { value: { id: versionId, isMarker: version.isMarker } };
}

/** No retention of a history ends while it runs. */
export function isLocked({ retention, hold }: ObjectVersion, bypass: boolean): boolean {
  if (hold === true) return true;
  return retention !== undefined && (retention.mode === "COMPLIANCE" || !bypass);
}

export function deleteObjects(world: World, command: DeleteObjects): Answer {
  const name = world.nameOf(command.bucket);
  const found = findBucket(world, name);
  if ("answer" in found) return found.answer;
  const bucket = found.value;
  const { by, isQuiet, bypass } = command;
  if (!mayDeleteSomething(bucket, by)) return failure("AccessDenied");
  if (bypass !== undefined && !bucket.hasLock) return failure("InvalidArgument");
  const deleted: Document[] = [];
  const errors: Document[] = [];
  for (const { key, versionId, ifMatch } of itemsOf(world, command)) {
    const removal = { by, key, versionId, ifMatch, bypass };
    const version = versionId === undefined ? {} : { VersionId: versionId };
    const removed: Found<Outcome | undefined> = mayRemove(bucket, removal)
      ? remove(world, bucket, removal)
      : { answer: failure("AccessDenied") };
    if ("value" in removed) {
      const { value } = removed;
      const marker = value?.isMarker === true ? { DeleteMarker: "true", DeleteMarkerVersionId: value.id } : {};
      deleted.push({ Key: key, ...version, ...marker });
    } else {
      errors.push({ Key: key, ...version, Code: shownCode(bucket, by, removed.answer) });
    }
  }
  return document({ Deleted: isQuiet ? [] : deleted, Error: errors });
}

function shownCode(bucket: Bucket, by: CallerName, { code }: Answer): ErrorCode {
  if (code === "NoSuchKey" && !mayLearn(bucket, by)) return "AccessDenied";
  return code as ErrorCode;
}

export interface NamedItem {
  readonly key: string;
  readonly versionId: string | undefined;
  readonly ifMatch: EtagRef | undefined;
}

/**
 * The order in which the service removes versions of one key is its own. So a key is named either once or by distinct version
 * ids, whose result does not depend on it.
 */
export function itemsOf(world: World, { bucket, items }: DeleteObjects): readonly NamedItem[] {
  const named = new Map<string, NamedItem[]>();
  for (const { key: number, version, ifMatch } of items) {
    const key = keyOf(number);
    const versionId = world.versionIdOf(world.nameOf(bucket), key, version);
    const before = named.get(key) ?? [];
    const isPlain = versionId === undefined || before.some((item) => item.versionId === undefined);
    if (before.length > 0 && (isPlain || before.some((item) => item.versionId === versionId))) continue;
    named.set(key, [...before, { key, versionId, ifMatch }]);
  }
  return [...named.values()].flat();
}
