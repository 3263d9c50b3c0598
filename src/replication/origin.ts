import type { Bucket } from "../model/bucket.ts";
import type { ChangeOrigin } from "../model/event.ts";

/** Of tasks that no request has caused. */
export function ownOrigin(
  { name, id, region, accountId, ownerId }: Bucket,
  requestId: string,
  now: Date,
): ChangeOrigin {
  return {
    bucket: { name, id, region, accountId, ownerId },
    time: now.getTime(),
    principalId: accountId,
    sourceIp: "",
    requestId,
    endpoint: "",
    callbackVariables: {},
  };
}
