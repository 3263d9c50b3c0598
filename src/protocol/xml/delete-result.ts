/** Answer of DeleteObjects (API_DeleteObjects). */
import { formatXml, xmlElement, xmlOptional, xmlText } from "./writer.ts";

export interface DeleteResult {
  /** Empty if the request was quiet. */
  readonly deleted: readonly DeletedObject[];
  readonly errors: readonly DeleteFailure[];
}

export interface DeletedObject {
  readonly key: string;
  readonly versionId?: string;
  readonly deleteMarker?: boolean;
  readonly deleteMarkerVersionId?: string;
}

export interface DeleteFailure {
  readonly key: string;
  readonly versionId?: string;
  readonly code: string;
  readonly message: string;
}

export function formatDeleteResult(result: DeleteResult): string {
  return formatXml("DeleteResult", [
    ...result.deleted.map((deleted) =>
      xmlElement("Deleted", [
        xmlText("Key", deleted.key),
        xmlOptional("VersionId", deleted.versionId),
        xmlOptional("DeleteMarker", deleted.deleteMarker),
        xmlOptional("DeleteMarkerVersionId", deleted.deleteMarkerVersionId),
      ]),
    ),
    ...result.errors.map((error) =>
      xmlElement("Error", [
        xmlText("Key", error.key),
        xmlOptional("VersionId", error.versionId),
        xmlText("Code", error.code),
        xmlText("Message", error.message),
      ]),
    ),
  ]);
}
