/** GetObject (API_GetObject). Conditions are judged on the metadata that comes with the bytes: one R2 call. */
import { S3Error } from "../../errors.ts";
import { evaluateReadConditions } from "../../protocol/conditions.ts";
import { formatContentRange, objectHeaders, validatorHeaders } from "../../protocol/object-response.ts";
import type { OpenedObject } from "../../storage/r2/objects.ts";
import { operation, type S3Response } from "../operation.ts";
import { parseReadInput, preconditionFailed, rangeNotSatisfiable, refuseAnonymousOverrides } from "./read-input.ts";

export const GetObject = operation({
  name: "GetObject",
  body: { kind: "none" },
  parse: parseReadInput,
  requires: ({ bucket, key }) => [{ action: "s3:GetObject", bucket, key }],
  async execute(input, { grant, stores }): Promise<S3Response> {
    refuseAnonymousOverrides(input, grant.caller);
    const opened = await stores.objects.open(grant.bucket(input.bucket), input.key, input.range);
    if (opened === undefined) throw new S3Error("NoSuchKey", { details: { Key: input.key } });
    try {
      return await answer(opened, input);
    } catch (error) {
      await opened.discard().catch(() => {});
      throw error;
    }
  },
  respond: (response) => response,
});

async function answer(opened: OpenedObject, input: ReturnType<typeof parseReadInput>): Promise<S3Response> {
  const { object, range } = opened;
  switch (evaluateReadConditions(input.conditions, object)) {
    case "precondition-failed":
      throw preconditionFailed(input.conditions);
    case "not-modified":
      await opened.discard();
      return { status: 304, headers: validatorHeaders(object) };
    case "proceed":
  }
  if (range === "unsatisfiable") throw rangeNotSatisfiable(input.rangeText, object.sizeBytes);
  const isPart = input.partNumber !== undefined;
  const headers = { ...objectHeaders(object, input.checksumMode && range === undefined), ...input.overrides };
  const body = await opened.body();
  if (range === undefined && !isPart) return { status: 200, headers, body };
  const served = range ?? { offset: 0, length: object.sizeBytes };
  const contentRange = object.sizeBytes === 0 ? {} : { "content-range": formatContentRange(served, object.sizeBytes) };
  return { status: 206, headers: { ...headers, ...contentRange }, body };
}
