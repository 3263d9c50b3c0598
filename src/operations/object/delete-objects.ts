/** DeleteObjects (API_DeleteObjects): up to 1,000 keys and versions, each with its own result. */
import type { Grant } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import type { LoggedRemoval } from "../../model/logged-bucket.ts";
import { isVersionId, NULL_VERSION_ID } from "../../model/version.ts";
import { requireKeyLength } from "../../protocol/addressing.ts";
import { deleteCondition } from "../../protocol/conditions.ts";
import { parseBypassGovernance } from "../../protocol/object-lock-headers.ts";
import {
  type DeletedObject,
  type DeleteFailure,
  formatDeleteResult,
  MAX_DELETE_BYTES,
  type ObjectIdentifier,
  parseDelete,
} from "../../protocol/xml/delete-objects.ts";
import type { RequestJournal } from "../../storage/journal/journal.ts";
import type { WriteTicket } from "../../storage/journal/ticket.ts";
import type { Removed } from "../../storage/r2/removal.ts";
import { documentBody, operation, requireBucket } from "../operation.ts";
import {
  type Bypass,
  isPlain,
  permissionsToRemove,
  type Removal,
  type RemovalContext,
  removeOne,
  removePlainly,
  reportRemoval,
  requireBypassable,
} from "./removals.ts";

/** R2 allows six simultaneous calls per request. */
const PARALLEL = 6;

export const DeleteObjects = operation({
  name: "DeleteObjects",
  body: documentBody({ maxBytes: MAX_DELETE_BYTES, digest: "required" }),
  parse: (request) => ({ bucket: requireBucket(request), bypass: parseBypassGovernance(request.headers) }),
  // The permissions for each key are checked in `execute`.
  requires: ({ bucket }) => [
    {
      action: "s3:DeleteObject",
      orAction: "s3:DeleteObjectVersion",
      on: "objects-below",
      bucket,
      prefix: "",
      extent: "something-below",
    },
  ],
  async execute({ bucket: name, bypass }, { grant, stores: { objects }, journal }, body) {
    const bucket = grant.bucket(name);
    requireBypassable(bucket, bypass);
    const request = parseDelete(body);
    const context = { bucket, objects, bypassesGovernance: bypass === true };
    const refused = new Map<ObjectIdentifier, DeleteFailure>();
    const accepted = new Map<ObjectIdentifier, Removal>();
    for (const object of request.objects) {
      const failure = await refusal(object, { bucket: name, bypass }, grant);
      if (failure === undefined) accepted.set(object, toRemoval(object));
      else refused.set(object, failure);
    }
    const [plain, others] = partition([...accepted.values()], (removal) => isPlain(bucket, removal));
    const keys = plain.map(({ key }) => key);
    if (keys.length > 0) await removePlainly(context, keys, journal);
    const outcomes = await removeEach(context, others, { journal, grant });
    const deleted: DeletedObject[] = [];
    const errors: DeleteFailure[] = [];
    for (const object of request.objects) {
      const removal = accepted.get(object);
      const outcome = removal && outcomes.get(removal);
      const failure = refused.get(object) ?? outcome?.failure;
      if (failure !== undefined) errors.push(failure);
      else if (removal !== undefined) deleted.push(describeRemoved(removal, outcome?.removed));
    }
    return { deleted, errors, isQuiet: request.quiet };
  },
  respond: ({ deleted, errors, isQuiet }) => ({
    status: 200,
    body: formatDeleteResult({ deleted: isQuiet ? [] : deleted, errors }),
    detail: { removals: () => [...deleted.map(toLogged), ...errors.map(toLoggedFailure)] },
  }),
});

function toLogged({ key, versionId, deleteMarkerVersionId }: DeletedObject): LoggedRemoval {
  return { key, versionId: versionId ?? deleteMarkerVersionId, status: 204 };
}

function toLoggedFailure({ key, versionId, code }: DeleteFailure): LoggedRemoval {
  return { key, versionId, status: new S3Error(code).status, code };
}

function toRemoval({ key, versionId, ...parts }: ObjectIdentifier): Removal {
  return { key, ...(versionId !== undefined && { versionId }), condition: deleteCondition(parts) };
}

/** The failure of an object that is not to be removed; undefined if it may be. */
async function refusal(
  object: ObjectIdentifier,
  { bucket, bypass }: { readonly bucket: string; readonly bypass: Bypass },
  grant: Grant,
): Promise<DeleteFailure | undefined> {
  const { key, versionId } = object;
  try {
    // These checks reveal nothing about the object, and policies are not evaluated for impossible keys and versions.
    requireKeyLength(key);
    // Unlike in a query, AWS says no more about what is not a version id (LocalStack's recordings, 2026-02).
    if (versionId !== undefined && !isVersionId(versionId)) throw new S3Error("NoSuchVersion");
    const { condition, ...target } = toRemoval(object);
    for (const permission of permissionsToRemove({ bucket, ...target }, { condition, bypass })) {
      if (!(await grant.allows(permission))) throw new S3Error("AccessDenied");
    }
    return undefined;
  } catch (error) {
    return describeFailure(object, error);
  }
}

interface Outcome {
  /** Absent if there was nothing to remove. */
  readonly removed?: Removed | undefined;
  readonly failure?: DeleteFailure;
  /** The removal may have taken effect although it failed. */
  readonly isUnclear?: boolean;
}

/**
 * Removes several keys or versions at a time, in the order of `toWaves`. The first error that is not the failure of
 * a key is thrown; no further key is started then.
 */
async function removeEach(
  context: RemovalContext,
  removals: readonly Removal[],
  { journal, grant }: { readonly journal: RequestJournal; readonly grant: Grant },
): Promise<ReadonlyMap<Removal, Outcome>> {
  if (removals.length === 0) return new Map();
  const outcomes = await journal.removeEach(context.bucket, removals.map(toIntended), {
    commit: (tickets) =>
      inLanes(removals, (removal, index) => tryRemove(context, removal, { ticket: tickets[index], grant })),
    describe: ({ removed, isUnclear }) => (isUnclear ? "unclear" : removed && reportRemoval(removed)),
  });
  return new Map(removals.map((removal, index) => [removal, outcomes[index] ?? {}]));
}

function toIntended({ key, versionId }: Removal) {
  return { key, versionId };
}

async function inLanes(
  removals: readonly Removal[],
  remove: (removal: Removal, index: number) => Promise<Outcome>,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = removals.map(() => ({}));
  for (const wave of toWaves(removals)) {
    const waiting = [...wave];
    const lane = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        for (const [index, removal] of next) outcomes[index] = await remove(removal, index);
      }
    };
    try {
      await Promise.all(Array.from({ length: PARALLEL }, lane));
    } catch (error) {
      waiting.length = 0;
      throw error;
    }
  }
  return outcomes;
}

/** Removals that are made one after the other, with their places in the request. */
type Sequence = readonly (readonly [index: number, removal: Removal])[];

/**
 * What has the same key is removed in order. But of versions that are named by their ids, as by a client that empties a bucket,
 * the last one follows the others: only the removal of a current version has to put the one before it in its place, and that
 * one would be the next to be removed. `null` comes shortly before, because it may be the current one.
 */
function toWaves(removals: readonly Removal[]): readonly [first: readonly Sequence[], second: readonly Sequence[]] {
  const [first, second]: [Sequence[], Sequence[]] = [[], []];
  for (const ofKey of Map.groupBy(removals.entries(), ([, { key }]) => key).values()) {
    const ids = new Set(ofKey.map(([, { versionId }]) => versionId));
    if (ids.has(undefined) || ids.size < ofKey.length) {
      first.push(ofKey);
      continue;
    }
    const isNull = ([, { versionId }]: Sequence[number]) => versionId === NULL_VERSION_ID;
    // Later versions have lesser ids. The null version is most often the oldest one.
    const [last] = [...ids].filter((id) => id !== NULL_VERSION_ID).sort();
    const [late, early] = partition(ofKey, (each) => isNull(each) || each[1].versionId === last);
    first.push(...early.map((each) => [each]));
    second.push(late.sort((left, right) => Number(isNull(right)) - Number(isNull(left))));
  }
  return [first, second];
}

async function tryRemove(
  context: RemovalContext,
  removal: Removal,
  { ticket, grant }: { readonly ticket: WriteTicket | undefined; readonly grant: Grant },
): Promise<Outcome> {
  if (ticket === undefined) throw new Error("each removal has a ticket");
  try {
    return { removed: await removeOne(context, removal, ticket) };
  } catch (error) {
    const isAbsent = error instanceof S3Error && error.code === "NoSuchKey";
    const bucket = context.bucket.name;
    const mayKnow = !isAbsent || (await grant.allows({ on: "key-existence", bucket, key: removal.key }));
    const failure = describeFailure(removal, mayKnow ? error : new S3Error("AccessDenied"));
    return { failure, isUnclear: error instanceof S3Error && error.status >= 500 };
  }
}

/** @throws an error that is no S3Error, which fails the whole request */
function describeFailure({ key, versionId }: Pick<Removal, "key" | "versionId">, error: unknown): DeleteFailure {
  if (!(error instanceof S3Error)) throw error;
  return { key, ...(versionId !== undefined && { versionId }), code: error.code, message: error.message };
}

/** The version that the request named, and the delete marker that was made or removed. */
function describeRemoved({ key, versionId }: Removal, removed: Removed | undefined): DeletedObject {
  return {
    key,
    ...(versionId !== undefined && { versionId }),
    ...(removed?.isMarker === true && {
      deleteMarker: true,
      ...(removed.versionId !== undefined && { deleteMarkerVersionId: removed.versionId }),
    }),
  };
}

function partition<Item>(items: readonly Item[], isFirst: (item: Item) => boolean): [Item[], Item[]] {
  const { first = [], second = [] } = Object.groupBy(items, (item) => (isFirst(item) ? "first" : "second"));
  return [first, second];
}
