/** DeleteObject (API_DeleteObject). Deleting an absent key succeeds. A condition never deletes a newer write. */
import type { VersionTarget } from "../../access/actions.ts";
import { parseDeleteCondition } from "../../protocol/conditions.ts";
import { versionHeader } from "../../protocol/object-headers.ts";
import { parseBypassGovernance } from "../../protocol/object-lock-headers.ts";
import { parseReplicaState } from "../../protocol/replica-state.ts";
import type { Removed } from "../../storage/r2/removal.ts";
import { noBody, operation, requireVersion, requireWrittenObject } from "../operation.ts";
import {
  isPlain,
  permissionsToRemove,
  removeOne,
  removePlainly,
  reportRemoval,
  requireBypassable,
} from "./removals.ts";
import { permissionToReplicate } from "./write-input.ts";

export const DeleteObject = operation({
  name: "DeleteObject",
  body: noBody,
  parse(request) {
    const { headers } = request;
    const replicaOf = parseReplicaState(headers, request.now, "removal");
    const target: VersionTarget = replicaOf === undefined ? requireVersion(request) : requireWrittenObject(request);
    return {
      ...target,
      condition: parseDeleteCondition(headers),
      replicaOf,
      bypass: parseBypassGovernance(headers),
    };
  },
  requires: ({ condition, replicaOf, bypass, ...target }) => [
    ...permissionsToRemove(target, { condition, bypass }),
    ...permissionToReplicate("s3:ReplicateDelete", target, replicaOf),
  ],
  async execute({ bucket: name, replicaOf, bypass, ...removal }, { grant, stores: { objects }, journal }) {
    const bucket = grant.bucket(name);
    requireBypassable(bucket, bypass);
    const { key, versionId } = removal;
    const context = { bucket, objects, bypassesGovernance: bypass === true };
    if (replicaOf === undefined && isPlain(bucket, removal)) return removePlainly(context, [key], journal);
    const [removed] = await journal.removeEach(
      bucket,
      [{ key, versionId, ...(replicaOf !== undefined && { replicaOf }) }],
      {
        async commit([ticket]) {
          if (ticket === undefined) throw new Error("one removal has one ticket");
          if (replicaOf === undefined) return [await removeOne(context, removal, ticket)];
          return [await objects.deleteReplica({ bucket, key, ticket }, { state: replicaOf })];
        },
        describe: (outcome) => outcome && reportRemoval(outcome),
      },
    );
    return removed;
  },
  respond: (removed) => ({ status: 204, headers: removed === undefined ? {} : removedHeaders(removed) }),
});

/** The version that is gone, or the delete marker that was made. */
function removedHeaders({ isMarker, versionId }: Removed): Record<string, string> {
  return { ...versionHeader(versionId), ...(isMarker && { "x-amz-delete-marker": "true" }) };
}
