/**
 * Delete markers, as operations answer for them. The store throws `NoSuchKey` where a marker is the current version, and
 * `MethodNotAllowed` where the request names a marker; both have the marker's headers.
 */
import { S3Error } from "../../errors.ts";

const MARKER_HEADER = "x-amz-delete-marker";

/** Whether the error says that there is no such object: no key, no version, or a delete marker in its place. */
export function isAbsence(error: unknown): error is S3Error {
  if (!(error instanceof S3Error)) return false;
  return error.code === "NoSuchKey" || error.code === "NoSuchVersion" || isMarkerRefusal(error);
}

/** Whether the error is about a delete marker. */
export function isAboutMarker(error: unknown): error is S3Error {
  return error instanceof S3Error && error.headers[MARKER_HEADER] === "true";
}

/**
 * For operations on tags and for writing an ACL: they answer 405 for a marker also where it is only the current version,
 * and then without the marker's headers (LocalStack's recordings of AWS, 2026-02).
 */
export async function refusingMarkers<Outcome>(work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    if (!isAboutMarker(error) || error.code !== "NoSuchKey") throw error;
    // `withMethod` adds the method.
    throw new S3Error("MethodNotAllowed", { details: { ResourceType: "DeleteMarker" }, headers: { allow: "DELETE" } });
  }
}

function isMarkerRefusal({ code, details }: S3Error): boolean {
  return code === "MethodNotAllowed" && details.ResourceType === "DeleteMarker";
}

/** The error as clients see it: that of a delete marker names the request's method. */
export function withMethod(error: S3Error, method: string): S3Error {
  if (!isMarkerRefusal(error)) return error;
  const { message, headers, cause } = error;
  return new S3Error(error.code, {
    message,
    headers,
    cause,
    details: { Method: method, ResourceType: "DeleteMarker" },
  });
}
