/** GetBucketOwnershipControls, PutBucketOwnershipControls, DeleteBucketOwnershipControls (API_… of the same names). */
import { requireOwnerOnly } from "../../access/acl/ownership.ts";
import { S3Error } from "../../errors.ts";
import {
  formatOwnershipControls,
  MAX_OWNERSHIP_CONTROLS_BYTES,
  parseOwnershipControls,
} from "../../protocol/xml/ownership-controls.ts";
import { operation, requireBucket } from "../operation.ts";

export const GetBucketOwnershipControls = operation({
  name: "GetBucketOwnershipControls",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetBucketOwnershipControls", bucket }],
  async execute({ bucket }, { grant, stores }) {
    const ownership = await stores.documents.get(grant.bucket(bucket), "ownership");
    if (ownership === undefined) {
      throw new S3Error("OwnershipControlsNotFoundError", { details: { BucketName: bucket } });
    }
    return ownership;
  },
  respond: (ownership) => ({ status: 200, body: formatOwnershipControls(ownership) }),
});

export const PutBucketOwnershipControls = operation({
  name: "PutBucketOwnershipControls",
  body: { kind: "document", maxBytes: MAX_OWNERSHIP_CONTROLS_BYTES, digest: "required" },
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutBucketOwnershipControls", bucket }],
  async execute({ bucket: name, now }, { grant, stores: { documents } }, body) {
    const bucket = grant.bucket(name);
    const ownership = parseOwnershipControls(body);
    if (ownership === "BucketOwnerEnforced") requireOwnerOnly(await documents.get(bucket, "acl"), bucket.ownerId);
    await documents.put(bucket, "ownership", ownership, now);
  },
  respond: () => ({ status: 200 }),
});

export const DeleteBucketOwnershipControls = operation({
  name: "DeleteBucketOwnershipControls",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  // "s3:PutBucketOwnershipControls" (API_DeleteBucketOwnershipControls, "Permissions").
  requires: ({ bucket }) => [{ action: "s3:PutBucketOwnershipControls", bucket }],
  execute: async ({ bucket }, { grant, stores }) => stores.documents.delete(grant.bucket(bucket), "ownership"),
  respond: () => ({ status: 204 }),
});
