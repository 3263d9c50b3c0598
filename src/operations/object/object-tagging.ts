/**
 * GetObjectTagging, PutObjectTagging, DeleteObjectTagging (API_GetObjectTagging and so on). A tag set is replaced as a
 * whole. The object's ETag and Last-Modified do not change.
 */
import { permissionOn, type VersionTarget } from "../../access/actions.ts";
import { noSuchKey, S3Error } from "../../errors.ts";
import type { StoredObject, Tag } from "../../model/object.ts";
import { versionHeader } from "../../protocol/object-headers.ts";
import { formatTagging, parseTagging } from "../../protocol/xml/tagging.ts";
import type { MadeChange } from "../../storage/journal/plan-messages.ts";
import { documentBody, noBody, type OperationContext, operation, requireVersion } from "../operation.ts";
import { refusingMarkers } from "./delete-markers.ts";

const MAX_BYTES = 128 * 1024;

export const GetObjectTagging = operation({
  name: "GetObjectTagging",
  body: noBody,
  parse: requireVersion,
  requires: (target) => [permissionOn("s3:GetObjectTagging", target)],
  async execute(target, { grant, stores }) {
    const object = await refusingMarkers(() => stores.objects.head(grant.bucket(target.bucket), target));
    // The key includes the bucket's name, unlike in every other operation (recorded on AWS).
    if (object === undefined) throw noSuchKey(`${target.bucket}/${target.key}`);
    return object;
  },
  respond: ({ tags, versionId }) => ({ status: 200, headers: versionHeader(versionId), body: formatTagging(tags) }),
});

export const PutObjectTagging = operation({
  name: "PutObjectTagging",
  body: documentBody({ maxBytes: MAX_BYTES, digest: "required" }),
  parse: requireVersion,
  requires: (target) => [{ ...permissionOn("s3:PutObjectTagging", target), requestTags: "later" }],
  async execute(target, context, body) {
    const tags = parseTagging(body, "object");
    const isAllowed = await context.grant.allows({ ...permissionOn("s3:PutObjectTagging", target), requestTags: tags });
    if (!isAllowed) throw new S3Error("AccessDenied");
    return setTags(target, context, tags);
  },
  respond: ({ versionId }) => ({ status: 200, headers: versionHeader(versionId) }),
});

export const DeleteObjectTagging = operation({
  name: "DeleteObjectTagging",
  body: noBody,
  parse: requireVersion,
  requires: (target) => [permissionOn("s3:DeleteObjectTagging", target)],
  execute: (target, context) => setTags(target, context, []),
  respond: ({ versionId }) => ({ status: 204, headers: versionHeader(versionId) }),
});

/** The object as it was. */
async function setTags(
  { bucket: name, key, ...version }: VersionTarget,
  { grant, stores, journal }: OperationContext,
  tags: readonly Tag[],
): Promise<StoredObject> {
  const bucket = grant.bucket(name);
  const found = await refusingMarkers(() =>
    journal.write(
      bucket,
      { key, ...version, event: tags.length === 0 ? "ObjectTagging:Delete" : "ObjectTagging:Put" },
      {
        adds: undefined,
        commit: (ticket) => stores.objects.setTags({ bucket, key, ...version, ticket }, tags),
        describe: (object) => object && rewritten(object),
      },
    ),
  );
  if (found === undefined) throw noSuchKey(key);
  return found;
}

/** The event's data for a change of metadata only. */
export function rewritten({ etag, sizeBytes, versionId }: StoredObject): MadeChange {
  return { etag, sizeBytes, at: new Date(), ...(versionId !== undefined && { versionId }) };
}
