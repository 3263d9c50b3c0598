/** The versioning state of a bucket (API_PutBucketVersioning, API_GetBucketVersioning). */
import { S3Error } from "../../errors.ts";
import type { Versioning } from "../../model/version.ts";
import { childText, malformedXml, parseXml, requireOnly } from "./reader.ts";
import { formatXml, xmlOptional } from "./writer.ts";

export const MAX_VERSIONING_BYTES = 16 * 1024;

/**
 * Values are compared with their case, and there is no `Disabled`: a bucket never becomes unversioned again
 * (LocalStack's recordings of AWS, 2026-02).
 *
 * @throws S3Error `MalformedXML`; `IllegalVersioningConfigurationException` for a document without Status;
 *   `NotImplemented` for MFA delete
 */
export function parseVersioningConfiguration(body: Uint8Array): Versioning {
  const root = parseXml(body, "VersioningConfiguration", { maxBytes: MAX_VERSIONING_BYTES });
  requireOnly(root, ["Status", "MfaDelete"]);
  const mfaDelete = childText(root, "MfaDelete") ?? "Disabled";
  if (mfaDelete !== "Enabled" && mfaDelete !== "Disabled") throw malformedXml(`unknown MfaDelete ${mfaDelete}`);
  if (mfaDelete === "Enabled") throw new S3Error("NotImplemented", { message: "MFA delete is not implemented." });
  const status = childText(root, "Status");
  if (status === undefined) throw new S3Error("IllegalVersioningConfigurationException");
  if (status !== "Enabled" && status !== "Suspended") throw malformedXml(`unknown Status ${status}`);
  return status;
}

/** @param versioning undefined if the bucket was never versioned */
export function formatVersioningConfiguration(versioning: Versioning | undefined): string {
  return formatXml("VersioningConfiguration", [xmlOptional("Status", versioning)]);
}
