/** DeleteObject (API_DeleteObject). Deleting an absent key succeeds. `If-Match` never deletes a newer write. */
import type { Permission } from "../../access/actions.ts";
import type { GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import { refuseConditions } from "../../protocol/conditions.ts";
import { parseETag } from "../../protocol/header-values.ts";
import { parseReplicaState } from "../../protocol/replica-state.ts";
import type { RequestJournal } from "../../storage/journal/journal.ts";
import type { Objects } from "../../storage/r2/objects.ts";
import { noBody, operation, requireUnversionedObject } from "../operation.ts";
import { permissionToReplicate } from "./write-input.ts";

export const DeleteObject = operation({
  name: "DeleteObject",
  body: noBody,
  parse(request) {
    const object = requireUnversionedObject(request);
    const { headers } = request;
    refuseConditions(headers, ["If-None-Match", "If-Modified-Since", "If-Unmodified-Since"]);
    const ifMatch = headers.get("if-match");
    return {
      ...object,
      ifMatch: ifMatch === null ? undefined : parseETag(ifMatch),
      replicaOf: parseReplicaState(headers, request.now, "removal"),
      headers,
    };
  },
  // A condition reveals whether the object has this ETag, so reading it must be allowed too ("Conditional deletes":
  // s3:GetObject).
  requires: ({ bucket, key, ifMatch, replicaOf }): Permission[] => [
    { action: "s3:DeleteObject", on: "object", bucket, key },
    ...permissionToReplicate("s3:ReplicateDelete", { bucket, key }, replicaOf),
    ...(ifMatch === undefined || ifMatch === "*"
      ? []
      : [{ action: "s3:GetObject", on: "object", bucket, key } as const]),
  ],
  async execute({ bucket: name, key, ifMatch, replicaOf, headers }, { grant, stores, journal }) {
    refuseGovernanceBypass(headers);
    const bucket = grant.bucket(name);
    if (replicaOf !== undefined) {
      await journal.write(
        bucket,
        { key, event: "ObjectRemoved:Delete", replicaOf },
        {
          commit: (ticket) => stores.objects.deleteReplica({ bucket, key, ticket }, { state: replicaOf }),
          describe: (removed) => removed && { at: removed.at },
        },
      );
      return;
    }
    if (ifMatch !== undefined) return deleteIf(bucket, { key, etag: ifMatch }, { objects: stores.objects, journal });
    await journal.removeAll(bucket, [key], (ticket) => stores.objects.delete({ bucket, keys: [key], ticket }));
  },
  respond: () => ({ status: 204 }),
});

/**
 * No bucket has an object lock to bypass.
 * @throws S3Error `InvalidArgument`, as AWS answers for such a bucket
 */
export function refuseGovernanceBypass(headers: Headers): void {
  const header = "x-amz-bypass-governance-retention";
  if (!headers.has(header)) return;
  throw new S3Error("InvalidArgument", {
    message: `${header} is only applicable to Object Lock enabled buckets.`,
    details: { ArgumentName: header },
  });
}

/** @throws S3Error `PreconditionFailed`, `NoSuchKey`, `ConditionalRequestConflict` */
export async function deleteIf(
  bucket: GrantedBucket,
  { key, etag }: { readonly key: string; readonly etag: string },
  { objects, journal }: { readonly objects: Objects; readonly journal: RequestJournal },
): Promise<void> {
  await journal.write(
    bucket,
    { key, event: "ObjectRemoved:Delete" },
    {
      commit: (ticket) => objects.remove({ bucket, key, ticket }, { kind: "if-match", etag }),
      describe: ({ at }) => ({ at }),
    },
  );
}
