/** `versionId`: without versioning every object has the one version `null` (S3 "Versioning", null version IDs). */
import { invalidArgument } from "../errors.ts";
import type { Query } from "./query.ts";

export const NULL_VERSION = "null";

/** @throws S3Error `InvalidArgument` for anything but `null`, as of a bucket on AWS that was never versioned */
export function requireNullVersion(query: Query): void {
  const versionId = query.get("versionId");
  if (versionId === undefined || versionId === NULL_VERSION) return;
  if (versionId === "") throw invalidArgument("Version id cannot be the empty string", "versionId", versionId);
  throw invalidArgument("Invalid version id specified", "versionId", versionId);
}
