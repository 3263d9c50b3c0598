/** PutObject (API_PutObject). */
import type { Permission } from "../../access/actions.ts";
import { S3Error } from "../../errors.ts";
import type { Caller } from "../../model/caller.ts";
import { checksumHeader } from "../../model/checksum.ts";
import type { ObjectAttributes, Tag } from "../../model/object.ts";
import { parseWriteCondition } from "../../protocol/conditions.ts";
import { parseContentHeaders } from "../../protocol/content-headers.ts";
import { formatETag } from "../../protocol/etag.ts";
import { parseUserMetadata } from "../../protocol/metadata.ts";
import { parseStorageClass } from "../../protocol/storage-class.ts";
import { parseTaggingHeader } from "../../protocol/tags.ts";
import { refuseUnsupportedHeaders } from "../../protocol/unsupported-headers.ts";
import { parseWebsiteRedirectLocation } from "../../protocol/website-redirect-location.ts";
import { operation, requireObject } from "../operation.ts";

export const PutObject = operation({
  name: "PutObject",
  body: { kind: "stream" },
  parse(request) {
    const { headers } = request;
    refuseUnsupportedHeaders(headers);
    return {
      ...requireObject(request),
      attributes: parseAttributes(headers),
      condition: parseWriteCondition(headers),
    };
  },
  requires: ({ bucket, key, attributes }) => permissionsToWrite(bucket, key, attributes.tags),
  async execute({ bucket, key, attributes, condition }, { grant, stores }, body) {
    const owned = { ...attributes, ownerId: ownerOf(grant.caller) };
    return stores.objects.put(grant.bucket(bucket), key, body, owned, condition);
  },
  respond: ({ etag, checksum }) => ({
    status: 200,
    headers: {
      etag: formatETag(etag),
      ...(checksum && { [checksumHeader(checksum.algorithm)]: checksum.value, "x-amz-checksum-type": checksum.type }),
    },
  }),
});

/** All of an object's attributes that stand in headers. */
export function parseAttributes(headers: Headers): Omit<ObjectAttributes, "ownerId"> {
  const redirect = parseWebsiteRedirectLocation(headers);
  return {
    content: parseContentHeaders(headers),
    userMetadata: parseUserMetadata(headers),
    storageClass: parseStorageClass(headers),
    tags: parseTaggingHeader(headers.get("x-amz-tagging")),
    ...(redirect !== undefined && { websiteRedirectLocation: redirect }),
  };
}

/** Whoever tags an object while writing it must be allowed both (API_PutObject, "Permissions"). */
export function permissionsToWrite(bucket: string, key: string, tags: readonly Tag[]): readonly Permission[] {
  const write: Permission = { action: "s3:PutObject", bucket, key };
  return tags.length === 0 ? [write] : [write, { action: "s3:PutObjectTagging", bucket, key }];
}

/** Objects belong to who wrote them. */
export function ownerOf(caller: Caller): string {
  if (caller.kind === "anonymous") throw new S3Error("AccessDenied");
  return caller.account.canonicalId;
}
