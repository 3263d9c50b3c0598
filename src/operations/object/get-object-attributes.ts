/** GetObjectAttributes (API_GetObjectAttributes): the named attributes as a document, in one R2 call. */
import { invalidArgument, S3Error } from "../../errors.ts";
import type { StoredObject } from "../../model/object.ts";
import { formatHttpDate } from "../../protocol/dates.ts";
import { refuseUnsupportedHeaders } from "../../protocol/unsupported-headers.ts";
import { requireNullVersion } from "../../protocol/version-id.ts";
import { formatGetObjectAttributesResponse } from "../../protocol/xml/get-object-attributes-response.ts";
import { operation, requireObject } from "../operation.ts";

const HEADER = "x-amz-object-attributes";
const ATTRIBUTES = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"] as const;
type Attribute = (typeof ATTRIBUTES)[number];

export const GetObjectAttributes = operation({
  name: "GetObjectAttributes",
  body: { kind: "none" },
  parse(request) {
    requireNullVersion(request.query);
    refuseUnsupportedHeaders(request.headers);
    return { ...requireObject(request), attributes: parseAttributes(request.headers.get(HEADER)) };
  },
  requires: ({ bucket, key }) => [
    { action: "s3:GetObject", bucket, key },
    { action: "s3:GetObjectAttributes", bucket, key },
  ],
  async execute({ bucket, key }, { grant, stores }): Promise<StoredObject> {
    const object = await stores.objects.head(grant.bucket(bucket), key);
    if (object === undefined) throw new S3Error("NoSuchKey", { details: { Key: key } });
    return object;
  },
  respond: (object, { attributes }) => ({
    status: 200,
    headers: { "last-modified": formatHttpDate(object.lastModified) },
    body: formatGetObjectAttributesResponse({
      ...(attributes.has("ETag") && { etag: object.etag }),
      ...(attributes.has("Checksum") && object.checksum && { checksum: object.checksum }),
      ...(attributes.has("StorageClass") && { storageClass: object.storageClass }),
      ...(attributes.has("ObjectSize") && { objectSizeBytes: object.sizeBytes }),
    }),
  }),
});

function parseAttributes(header: string | null): ReadonlySet<Attribute> {
  const names = (header ?? "").split(",").map((name) => name.trim());
  const attributes = new Set<Attribute>();
  for (const name of names) {
    const known = ATTRIBUTES.find((attribute) => attribute === name);
    if (known === undefined) throw invalidArgument("Invalid attribute name specified.", HEADER, header);
    attributes.add(known);
  }
  return attributes;
}
