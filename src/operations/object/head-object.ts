/** HeadObject (API_HeadObject): GetObject's answer without the bytes. */
import { S3Error } from "../../errors.ts";
import { resolveRange } from "../../model/byte-range.ts";
import { evaluateReadConditions } from "../../protocol/conditions.ts";
import { formatContentRange, objectHeaders, validatorHeaders } from "../../protocol/object-response.ts";
import { operation, type S3Response } from "../operation.ts";
import { parseReadInput, preconditionFailed, rangeNotSatisfiable, refuseAnonymousOverrides } from "./read-input.ts";

export const HeadObject = operation({
  name: "HeadObject",
  body: { kind: "none" },
  parse: parseReadInput,
  requires: ({ bucket, key }) => [{ action: "s3:GetObject", bucket, key }],
  async execute(input, { grant, stores }) {
    refuseAnonymousOverrides(input, grant.caller);
    const object = await stores.objects.head(grant.bucket(input.bucket), input.key);
    if (object === undefined) throw new S3Error("NoSuchKey", { details: { Key: input.key } });
    return object;
  },
  respond(object, input): S3Response {
    switch (evaluateReadConditions(input.conditions, object)) {
      case "precondition-failed":
        throw preconditionFailed(input.conditions);
      case "not-modified":
        return { status: 304, headers: validatorHeaders(object) };
      case "proceed":
    }
    const range = input.range === undefined ? undefined : resolveRange(input.range, object.sizeBytes);
    if (range === "unsatisfiable") throw rangeNotSatisfiable(input.rangeText, object.sizeBytes);
    const headers = { ...objectHeaders(object, input.checksumMode && range === undefined), ...input.overrides };
    if (range === undefined && input.partNumber === undefined) {
      return { status: 200, headers: { ...headers, "content-length": String(object.sizeBytes) } };
    }
    const { offset, length } = range ?? { offset: 0, length: object.sizeBytes };
    return {
      status: 206,
      headers: {
        ...headers,
        "content-length": String(length),
        ...(object.sizeBytes > 0 && { "content-range": formatContentRange({ offset, length }, object.sizeBytes) }),
      },
    };
  },
});
