/**
 * GetObjectTagging, PutObjectTagging, DeleteObjectTagging (API_GetObjectTagging and so on). A tag set is replaced as a
 * whole. The object's ETag and Last-Modified do not change.
 */
import { noSuchKey, S3Error } from "../../errors.ts";
import type { StoredObject, Tag } from "../../model/object.ts";
import { formatTagging, parseTagging } from "../../protocol/xml/tagging.ts";
import type { MadeChange } from "../../storage/journal/plan-messages.ts";
import { documentBody, noBody, type OperationContext, operation, requireUnversionedObject } from "../operation.ts";

const MAX_BYTES = 128 * 1024;

export const GetObjectTagging = operation({
  name: "GetObjectTagging",
  body: noBody,
  parse: requireUnversionedObject,
  requires: ({ bucket, key }) => [{ action: "s3:GetObjectTagging", on: "object", bucket, key }],
  async execute({ bucket, key }, { grant, stores }) {
    const object = await stores.objects.head(grant.bucket(bucket), { key });
    // The key includes the bucket's name, unlike in every other operation (recorded on AWS).
    if (object === undefined) throw noSuchKey(`${bucket}/${key}`);
    return object.tags;
  },
  respond: (tags) => ({ status: 200, body: formatTagging(tags) }),
});

export const PutObjectTagging = operation({
  name: "PutObjectTagging",
  body: documentBody({ maxBytes: MAX_BYTES, digest: "required" }),
  parse: requireUnversionedObject,
  requires: ({ bucket, key }) => [{ action: "s3:PutObjectTagging", on: "object", bucket, key, requestTags: "later" }],
  async execute(target, context, body) {
    const tags = parseTagging(body, "object");
    const isAllowed = await context.grant.allows({
      action: "s3:PutObjectTagging",
      on: "object",
      ...target,
      requestTags: tags,
    });
    if (!isAllowed) throw new S3Error("AccessDenied");
    await setTags(target, context, tags);
  },
  respond: () => ({ status: 200 }),
});

export const DeleteObjectTagging = operation({
  name: "DeleteObjectTagging",
  body: noBody,
  parse: requireUnversionedObject,
  requires: ({ bucket, key }) => [{ action: "s3:DeleteObjectTagging", on: "object", bucket, key }],
  execute: (target, context) => setTags(target, context, []),
  respond: () => ({ status: 204 }),
});

async function setTags(
  { bucket: name, key }: { readonly bucket: string; readonly key: string },
  { grant, stores, journal }: OperationContext,
  tags: readonly Tag[],
): Promise<void> {
  const bucket = grant.bucket(name);
  const found = await journal.write(
    bucket,
    { key, event: tags.length === 0 ? "ObjectTagging:Delete" : "ObjectTagging:Put" },
    {
      commit: (ticket) => stores.objects.setTags({ bucket, key, ticket }, tags),
      describe: (object) => object && rewritten(object),
    },
  );
  if (found === undefined) throw noSuchKey(key);
}

/** The event's data for a change of metadata only. */
export function rewritten({ etag, sizeBytes }: StoredObject): MadeChange {
  return { etag, sizeBytes, at: new Date() };
}
