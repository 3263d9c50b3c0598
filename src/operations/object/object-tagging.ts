/**
 * GetObjectTagging, PutObjectTagging, DeleteObjectTagging (API_GetObjectTagging and so on). A tag set is replaced as a
 * whole; the object's ETag and Last-Modified stay.
 */
import type { GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import type { Tag } from "../../model/object.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import { requireNullVersion } from "../../protocol/version-id.ts";
import { formatTagging, parseTagging } from "../../protocol/xml/tagging.ts";
import type { Objects } from "../../storage/r2/objects.ts";
import { operation, requireObject } from "../operation.ts";

const MAX_BYTES = 128 * 1024;

export const GetObjectTagging = operation({
  name: "GetObjectTagging",
  body: { kind: "none" },
  parse: parseTarget,
  requires: ({ bucket, key }) => [{ action: "s3:GetObjectTagging", bucket, key }],
  async execute({ bucket, key }, { grant, stores }) {
    const object = await stores.objects.head(grant.bucket(bucket), key);
    if (object === undefined) throw noSuchKey(key);
    return object.tags;
  },
  respond: (tags) => ({ status: 200, body: formatTagging(tags) }),
});

export const PutObjectTagging = operation({
  name: "PutObjectTagging",
  body: { kind: "document", maxBytes: MAX_BYTES, digest: "required" },
  parse: parseTarget,
  requires: ({ bucket, key }) => [{ action: "s3:PutObjectTagging", bucket, key }],
  execute: async ({ bucket, key }, { grant, stores }, body) =>
    setTags(stores.objects, grant.bucket(bucket), key, parseTagging(body, "object")),
  respond: () => ({ status: 200 }),
});

export const DeleteObjectTagging = operation({
  name: "DeleteObjectTagging",
  body: { kind: "none" },
  parse: parseTarget,
  requires: ({ bucket, key }) => [{ action: "s3:DeleteObjectTagging", bucket, key }],
  execute: async ({ bucket, key }, { grant, stores }) => setTags(stores.objects, grant.bucket(bucket), key, []),
  respond: () => ({ status: 204 }),
});

function parseTarget(request: S3Request): { readonly bucket: string; readonly key: string } {
  requireNullVersion(request.query);
  return requireObject(request);
}

async function setTags(objects: Objects, bucket: GrantedBucket, key: string, tags: readonly Tag[]): Promise<void> {
  if (!(await objects.setTags(bucket, key, tags))) throw noSuchKey(key);
}

function noSuchKey(key: string): S3Error {
  return new S3Error("NoSuchKey", { details: { Key: key } });
}
