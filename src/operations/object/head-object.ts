/** HeadObject (API_HeadObject): the answer of GetObject without the bytes. */
import { permissionOn } from "../../access/actions.ts";
import { noSuchKey } from "../../errors.ts";
import { type ResolvedRange, resolveRange } from "../../model/byte-range.ts";
import type { StoredObject } from "../../model/object.ts";
import { requireOlder } from "../../model/replication.ts";
import { evaluateReadConditions } from "../../protocol/conditions.ts";
import { validatorHeaders } from "../../protocol/object-headers.ts";
import { parseReplicaState } from "../../protocol/replica-state.ts";
import type { S3Response } from "../../response.ts";
import { noBody, operation } from "../operation.ts";
import { requireDecryption, requireReadKey } from "./encryption.ts";
import {
  notSatisfiable,
  parseReadInput,
  preconditionFailed,
  type Reading,
  readHeaders,
  refuseAnonymousOverrides,
} from "./read-input.ts";
import { permissionToReplicate } from "./write-input.ts";

export const HeadObject = operation({
  name: "HeadObject",
  body: noBody,
  parse: (request) => ({
    ...parseReadInput(request),
    replicaOf: parseReplicaState(request.headers, request.now, "write"),
  }),
  requires: (input) => [
    permissionOn("s3:GetObject", input),
    ...permissionToReplicate("s3:ReplicateObject", input, input.replicaOf),
  ],
  async execute(input, context): Promise<S3Response> {
    const { grant, stores } = context;
    const { objects, replicationTasks } = stores;
    refuseAnonymousOverrides(input, grant.caller);
    input.customerKey?.read();
    const reading = { objects, grant, input, replicationTasks };
    const found = await find(reading);
    if (found === undefined) throw noSuchKey(input.key);
    const { object, range } = found;
    await requireReadKey(object, input.customerKey, stores);
    if (input.checksumMode) await requireDecryption({ bucket: grant.bucket(input.bucket), object }, context);
    // A replicator sends this request before a large write, to learn whether the write would be refused.
    if (input.replicaOf !== undefined) requireOlder(object.state, input.replicaOf);
    switch (evaluateReadConditions(input.conditions, object)) {
      case "precondition-failed":
        throw preconditionFailed(input.conditions);
      case "not-modified":
        return { status: 304, headers: validatorHeaders(object) };
      case "proceed":
    }
    if (range === "unsatisfiable") throw notSatisfiable(input, object);
    return {
      status: range === undefined ? 200 : 206,
      headers: await readHeaders(reading, object, range),
    };
  },
  respond: (response) => response,
});

interface Found {
  readonly object: StoredObject;
  readonly range: ResolvedRange | "unsatisfiable" | undefined;
}

async function find({ objects, grant, input }: Reading): Promise<Found | undefined> {
  const bucket = grant.bucket(input.bucket);
  const { selection } = input;
  if (selection?.kind === "part") return objects.headPart(bucket, input, selection.partNumber);
  const object = await objects.head(bucket, input);
  return object && { object, range: selection && resolveRange(selection, object.sizeBytes) };
}
