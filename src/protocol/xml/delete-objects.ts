/** Request and answer of DeleteObjects (API_DeleteObjects). */
import type { S3ErrorCode } from "../../errors.ts";
import { parseHttpDate, parseIso8601 } from "../dates.ts";
import { parseETag } from "../header-values.ts";
import { childrenOf, childText, childTexts, malformedXml, parseXml, requireOnly, type XmlElement } from "./reader.ts";
import { formatXml, xmlElement, xmlOptional, xmlText } from "./writer.ts";

export interface DeleteRequest {
  /** Quiet: only failures are reported. */
  readonly quiet: boolean;
  /** 1 to 1,000, in the order given, repetitions included. */
  readonly objects: readonly ObjectIdentifier[];
}

/** The object to delete, and the conditions for it. */
export interface ObjectIdentifier {
  /**
   * At least one character. The maximum is not checked here, because it is an error of this key, not of the request.
   */
  readonly key: string;
  readonly versionId?: string;
  /** Without quotes; `*` for any object. */
  readonly etag?: string;
  readonly lastModifiedTime?: Date;
  readonly sizeBytes?: number;
}

export const MAX_DELETE_OBJECTS = 1000;
/** 1,000 keys of 1,024 bytes with their tags, and room for escapes. */
export const MAX_DELETE_BYTES = 2 * 1024 * 1024;

/** The root, Quiet, and each object with its five properties. */
const MAX_DELETE_ELEMENTS = 2 + MAX_DELETE_OBJECTS * 6;

/** @throws S3Error `MalformedXML`, also for no key or more than 1,000. */
export function parseDelete(body: Uint8Array): DeleteRequest {
  const root = parseXml(body, "Delete", { maxBytes: MAX_DELETE_BYTES, maxElements: MAX_DELETE_ELEMENTS });
  requireOnly(root, ["Object", "Quiet"]);
  const objects = childrenOf(root, "Object").map(parseObjectIdentifier);
  if (objects.length === 0 || objects.length > MAX_DELETE_OBJECTS) throw malformedXml(`${objects.length} objects`);
  return { quiet: parseBoolean(childText(root, "Quiet")), objects };
}

function parseObjectIdentifier(object: XmlElement): ObjectIdentifier {
  const texts = childTexts(object, ["Key", "VersionId", "ETag", "LastModifiedTime", "Size"]);
  if (texts.Key === undefined || texts.Key === "") throw malformedXml("empty Key");
  return {
    key: texts.Key,
    // SDKs that always write the element leave it empty for no version.
    ...(texts.VersionId && { versionId: texts.VersionId }),
    ...(texts.ETag !== undefined && { etag: parseETag(texts.ETag) }),
    ...(texts.LastModifiedTime !== undefined && { lastModifiedTime: parseTime(texts.LastModifiedTime) }),
    ...(texts.Size !== undefined && { sizeBytes: parseSize(texts.Size) }),
  };
}

/** The schema has HTTP-dates (rfc822), but some SDKs send ISO 8601. */
function parseTime(text: string): Date {
  const date = parseHttpDate(text) ?? parseIso8601(text);
  if (date === undefined) throw malformedXml("LastModifiedTime is not a date");
  return date;
}

function parseSize(text: string): number {
  if (!/^\d{1,15}$/.test(text.trim())) throw malformedXml("Size is not a size");
  return Number(text);
}

/** Python clients write `True`. */
function parseBoolean(text: string | undefined): boolean {
  const lower = text?.trim().toLowerCase();
  if (lower === undefined || lower === "" || lower === "false") return false;
  if (lower === "true") return true;
  throw malformedXml("Quiet is not a boolean");
}

/** Answer of DeleteObjects (API_DeleteObjects). */
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
  readonly code: S3ErrorCode;
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
