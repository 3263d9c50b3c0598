/** GetObject (API_GetObject). Conditions are evaluated on the metadata that R2 returns with the bytes: one R2 call. */
import { permissionOn } from "../../access/actions.ts";
import { noSuchKey } from "../../errors.ts";
import { evaluateReadConditions } from "../../protocol/conditions.ts";
import { validatorHeaders } from "../../protocol/object-headers.ts";
import type { S3Response } from "../../response.ts";
import type { OpenedObject } from "../../storage/r2/opened-object.ts";
import { noBody, operation } from "../operation.ts";
import { unlock } from "./encryption.ts";
import {
  notSatisfiable,
  parseReadInput,
  preconditionFailed,
  type Reading,
  readHeaders,
  refuseAnonymousOverrides,
} from "./read-input.ts";

export const GetObject = operation({
  name: "GetObject",
  body: noBody,
  parse: parseReadInput,
  requires: (input) => [permissionOn("s3:GetObject", input)],
  async execute(input, context): Promise<S3Response> {
    const { grant, stores } = context;
    const { objects, replicationTasks } = stores;
    refuseAnonymousOverrides(input, grant.caller);
    const bucket = grant.bucket(input.bucket);
    input.customerKey?.read();
    const opened = await objects.open(bucket, input, input.selection);
    if (opened === undefined) throw noSuchKey(input.key);
    try {
      await unlock(opened, { bucket, customerKey: input.customerKey }, context);
      return await answer(opened, { objects, grant, input, replicationTasks });
    } catch (error) {
      await opened.discard().catch(() => {});
      throw error;
    }
  },
  respond: (response) => response,
});

async function answer(opened: OpenedObject, reading: Reading): Promise<S3Response> {
  const { object, range } = opened;
  const { input } = reading;
  switch (evaluateReadConditions(input.conditions, object)) {
    case "precondition-failed":
      throw preconditionFailed(input.conditions);
    case "not-modified":
      await opened.discard();
      return { status: 304, headers: validatorHeaders(object) };
    case "proceed":
  }
  if (range === "unsatisfiable") throw notSatisfiable(input, object);
  const headers = await readHeaders(reading, object, range);
  return { status: range === undefined ? 200 : 206, headers, body: await opened.body() };
}
