/** GetObjectAttributes (API_GetObjectAttributes): the requested attributes as a document, in one R2 call. */
import { permissionOn } from "../../access/actions.ts";
import { invalidArgument, noSuchKey, S3Error } from "../../errors.ts";
import type { Checksum } from "../../model/checksum.ts";
import type { StoredObject } from "../../model/object.ts";
import type { PartChecksum } from "../../model/upload.ts";
import { formatHttpDate } from "../../protocol/dates.ts";
import { versionHeader } from "../../protocol/object-headers.ts";
import { formatGetObjectAttributesResponse, type ObjectParts } from "../../protocol/xml/object-results.ts";
import { noBody, operation, requireVersion } from "../operation.ts";
import { presentedForRead } from "./customer-key.ts";
import { requireDecryption, requireReadKey } from "./encryption.ts";

const MAX_PARTS_HEADER = "x-amz-max-parts";
const MARKER_HEADER = "x-amz-part-number-marker";
const MAX_PARTS = 1000;

const HEADER = "x-amz-object-attributes";
const ATTRIBUTES = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"] as const;
type Attribute = (typeof ATTRIBUTES)[number];

interface Part {
  readonly sizeBytes: number;
  readonly checksum?: PartChecksum;
}

interface Found {
  readonly object: StoredObject;
  /** Undefined if not requested, or if the object was not uploaded in parts. */
  readonly parts: readonly Part[] | undefined;
}

export const GetObjectAttributes = operation({
  name: "GetObjectAttributes",
  body: noBody,
  parse(request) {
    return {
      ...requireVersion(request),
      customerKey: presentedForRead(request.headers),
      attributes: parseAttributes(request.headers.get(HEADER)),
      maxParts: Math.min(parseInteger(request.headers, MAX_PARTS_HEADER, MAX_PARTS), MAX_PARTS),
      partNumberMarker: parseInteger(request.headers, MARKER_HEADER, 0),
    };
  },
  requires: (input) => [permissionOn("s3:GetObject", input), permissionOn("s3:GetObjectAttributes", input)],
  async execute(input, context): Promise<Found> {
    const { grant, stores } = context;
    const { objects } = stores;
    const bucket = grant.bucket(input.bucket);
    input.customerKey?.read();
    const found = input.attributes.has("ObjectParts")
      ? await objects.parts(bucket, input)
      : toFound(await objects.head(bucket, input));
    if (found === undefined) throw noSuchKey(input.key);
    const { object } = found;
    await requireReadKey(object, input.customerKey, stores);
    // A checksum is one of the bytes: it is for those who may read them, as with HeadObject.
    const showsChecksums = input.attributes.has("Checksum") || input.attributes.has("ObjectParts");
    if (showsChecksums && object.checksum !== undefined) await requireDecryption({ bucket, object }, context);
    return found;
  },
  respond: ({ object, parts }, { attributes, ...page }) => ({
    status: 200,
    headers: { "last-modified": formatHttpDate(object.lastModified), ...versionHeader(object.versionId) },
    body: formatGetObjectAttributesResponse({
      ...(attributes.has("ETag") && { etag: object.etag }),
      ...(attributes.has("Checksum") && object.checksum && { checksum: withoutPartCount(object.checksum) }),
      ...(parts !== undefined && { objectParts: describeParts(object, parts, page) }),
      ...(attributes.has("StorageClass") && { storageClass: object.storageClass }),
      ...(attributes.has("ObjectSize") && { objectSizeBytes: object.sizeBytes }),
    }),
  }),
});

function toFound(object: StoredObject | undefined): Found | undefined {
  return object && { object, parts: undefined };
}

/**
 * Parts are listed only if the object has a composite checksum; otherwise S3 returns only their number (seen on AWS,
 * LocalStack's recordings of 2026-02).
 */
function describeParts(
  { checksum }: StoredObject,
  parts: readonly Part[],
  { maxParts, partNumberMarker }: { maxParts: number; partNumberMarker: number },
): ObjectParts {
  const totalPartsCount = parts.length;
  if (checksum?.type !== "COMPOSITE") return { totalPartsCount };
  const end = Math.min(partNumberMarker + maxParts, totalPartsCount);
  const listed = parts.slice(partNumberMarker, end).map((part, index) => ({
    partNumber: partNumberMarker + index + 1,
    ...part,
  }));
  return {
    totalPartsCount,
    page: {
      partNumberMarker,
      nextPartNumberMarker: listed.at(-1)?.partNumber ?? 0,
      maxParts,
      isTruncated: partNumberMarker < totalPartsCount && end < totalPartsCount,
      parts: listed,
    },
  };
}

/**
 * Only in this operation S3 omits the `-N` at the end of a composite value (LocalStack's recordings of AWS, 2026-02).
 */
function withoutPartCount(checksum: Checksum): Checksum {
  return { ...checksum, value: checksum.value.replace(/-\d+$/, "") };
}

/** S3 ignores an invalid value, unlike in a query (tried on AWS by versitygw's authors, its issue 1806). */
function parseInteger(headers: Headers, name: string, fallback: number): number {
  const text = headers.get(name) ?? "";
  return /^\d{1,9}$/.test(text) ? Number(text) : fallback;
}

function parseAttributes(header: string | null): ReadonlySet<Attribute> {
  if (header === null || header.trim() === "") {
    throw new S3Error("InvalidRequest", {
      message:
        "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty",
    });
  }
  const names = header.split(",").map((name) => name.trim());
  const attributes = new Set<Attribute>();
  for (const name of names) {
    const known = ATTRIBUTES.find((attribute) => attribute === name);
    if (known === undefined) throw invalidArgument("Invalid attribute name specified.", HEADER, header);
    attributes.add(known);
  }
  return attributes;
}
