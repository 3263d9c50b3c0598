/** DeleteObjects (API_DeleteObjects): up to 1,000 keys, each with its own result. */
import type { Permission } from "../../access/actions.ts";
import type { Grant, GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import { requireKeyLength } from "../../protocol/addressing.ts";
import { NULL_VERSION } from "../../protocol/query-parameters.ts";
import {
  type DeletedObject,
  type DeleteFailure,
  formatDeleteResult,
  MAX_DELETE_BYTES,
  type ObjectIdentifier,
  parseDelete,
} from "../../protocol/xml/delete-objects.ts";
import type { RequestJournal } from "../../storage/journal/journal.ts";
import type { Objects } from "../../storage/r2/objects.ts";
import { documentBody, operation, requireBucket } from "../operation.ts";
import { deleteIf, refuseGovernanceBypass } from "./delete-object.ts";

/** R2 allows six simultaneous calls per request. */
const PARALLEL = 6;

export const DeleteObjects = operation({
  name: "DeleteObjects",
  body: documentBody({ maxBytes: MAX_DELETE_BYTES, digest: "required" }),
  parse: (request) => ({ bucket: requireBucket(request), headers: request.headers }),
  // The permission for each key is checked in `execute`.
  requires: ({ bucket }) => [
    { action: "s3:DeleteObject", on: "objects-below", bucket, prefix: "", extent: "something-below" },
  ],
  async execute({ bucket: name, headers }, { grant, stores: { objects: store }, journal }, body) {
    refuseGovernanceBypass(headers);
    const { quiet, objects } = parseDelete(body);
    const bucket = grant.bucket(name);
    const errors: DeleteFailure[] = [];
    const accepted: ObjectIdentifier[] = [];
    for (const object of objects) {
      try {
        // This check reveals nothing about the object, and policies are not evaluated for impossible keys.
        requireKeyLength(object.key);
        for (const permission of permissionsToDelete(name, object)) {
          if (!(await grant.allows(permission))) throw new S3Error("AccessDenied");
        }
        refuseUnsupported(object);
        accepted.push(object);
      } catch (error) {
        errors.push(describe(object, error));
      }
    }
    const keys = accepted.filter((object) => object.etag === undefined).map((object) => object.key);
    await journal.removeAll(bucket, keys, (ticket) => store.delete({ bucket, keys, ticket }));
    const conditional = accepted.filter((object) => object.etag !== undefined);
    const failures = await deleteEach(conditional, (object) =>
      tryDeleteIf({ objects: store, journal, grant }, bucket, object),
    );
    const deleted: DeletedObject[] = [];
    for (const object of accepted) {
      const failure = failures.get(object);
      if (failure === undefined) deleted.push({ key: object.key, ...versionOf(object) });
      else errors.push(failure);
    }
    return { deleted: quiet ? [] : deleted, errors };
  },
  respond: (result) => ({ status: 200, body: formatDeleteResult(result) }),
});

function refuseUnsupported(object: ObjectIdentifier): void {
  if (object.versionId !== undefined && object.versionId !== NULL_VERSION) throw new S3Error("NoSuchVersion");
  if (object.lastModifiedTime !== undefined || object.sizeBytes !== undefined) {
    throw new S3Error("NotImplemented", { message: "Only ETag is implemented as a condition of a deletion." });
  }
}

/**
 * A condition reveals whether the object has this ETag, so reading it must be allowed too ("Conditional deletes":
 * s3:GetObject).
 */
function permissionsToDelete(bucket: string, { key, etag }: ObjectIdentifier): readonly Permission[] {
  const deletes = { action: "s3:DeleteObject", on: "object", bucket, key } as const;
  return etag === undefined || etag === "*" ? [deletes] : [deletes, { ...deletes, action: "s3:GetObject" }];
}

/**
 * Deletes several keys at a time, and identical keys one after the other. The first error that is not the failure of a
 * key is thrown; no further key is started then.
 */
async function deleteEach(
  objects: readonly ObjectIdentifier[],
  tryDelete: (object: ObjectIdentifier) => Promise<DeleteFailure | undefined>,
): Promise<ReadonlyMap<ObjectIdentifier, DeleteFailure>> {
  const failures = new Map<ObjectIdentifier, DeleteFailure>();
  const waiting = [...Map.groupBy(objects, ({ key }) => key).values()];
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      for (const object of next) {
        const failure = await tryDelete(object);
        if (failure !== undefined) failures.set(object, failure);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: PARALLEL }, lane));
  } catch (error) {
    waiting.length = 0;
    throw error;
  }
  return failures;
}

async function tryDeleteIf(
  { objects, journal, grant }: { objects: Objects; journal: RequestJournal; grant: Grant },
  bucket: GrantedBucket,
  object: ObjectIdentifier,
): Promise<DeleteFailure | undefined> {
  const { key, etag = "*" } = object;
  try {
    await deleteIf(bucket, { key, etag }, { objects, journal });
    return undefined;
  } catch (error) {
    const isAbsent = error instanceof S3Error && error.code === "NoSuchKey";
    const mayKnow = !isAbsent || (await grant.allows({ on: "key-existence", bucket: bucket.name, key }));
    return describe(object, mayKnow ? error : new S3Error("AccessDenied"));
  }
}

/** @throws an error that is no S3Error, which fails the whole request */
function describe(object: ObjectIdentifier, error: unknown): DeleteFailure {
  if (!(error instanceof S3Error)) throw error;
  return { key: object.key, ...versionOf(object), code: error.code, message: error.message };
}

function versionOf({ versionId }: ObjectIdentifier): { versionId?: string } {
  return versionId === undefined ? {} : { versionId };
}
