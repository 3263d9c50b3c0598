/**
 * The body of a callback to an `NS:` topic's URL. An interface of the reference system: S3's record in an older shape, with
 * the request's callback variables. The key stands as it is, the event's name as in the configuration.
 */
import { formatHttpDate } from "../protocol/dates.ts";
import type { Event } from "../storage/journal/messages.ts";

export function formatCallbackMessage({ origin, change, configurationId }: Event): string {
  const { bucket, callbackVariables } = origin;
  const record = {
    eventVersion: "1.0",
    eventSource: "oss",
    awsRegion: bucket.region,
    eventTime: formatHttpDate(new Date(origin.time)),
    eventName: `s3:${change.event}`,
    userIdentity: { principalId: origin.principalId },
    requestParameters: { sourceIPAddress: origin.sourceIp },
    responseElements: { "x-amz-request-id": origin.requestId },
    s3: {
      s3SchemaVersion: "1.0",
      configurationId,
      bucket: { name: bucket.name, ownerIdentity: { principalId: bucket.ownerId } },
      object: { key: change.key, ...(change.etag !== undefined && { eTag: change.etag }) },
    },
    ...(Object.keys(callbackVariables).length > 0 && { callBackVar: { callBackVars: callbackVariables } }),
  };
  return JSON.stringify({ Records: [record] });
}
