/** CreateBucket (API_CreateBucket). */
import { aclOfNewBucket } from "../../access/acl/ownership.ts";
import type { Permission } from "../../access/actions.ts";
import { S3Error } from "../../errors.ts";
import type { AclRequest, ObjectOwnership } from "../../model/acl.ts";
import { type BucketDocumentTypes, bucketArn } from "../../model/bucket.ts";
import type { BucketMarker } from "../../model/bucket-marker.ts";
import type { Account } from "../../model/caller.ts";
import type { Tag } from "../../model/object.ts";
import { parseAclHeaders, parseObjectOwnershipHeader } from "../../protocol/acl-headers.ts";
import { hostOf, validateBucketName } from "../../protocol/addressing.ts";
import { parseBucketLockHeader } from "../../protocol/object-lock-headers.ts";
import { chooseLocation, US_EAST_1 } from "../../protocol/regions.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import { parseCreateBucketConfiguration } from "../../protocol/xml/bucket-location.ts";
import { documentBody, operation, requireBucket } from "../operation.ts";
import { leaveToSweep } from "./marking.ts";

export const CreateBucket = operation({
  name: "CreateBucket",
  body: documentBody({ maxBytes: 64 * 1024, digest: "optional" }),
  parse(request) {
    const name = requireBucket(request);
    validateBucketName(name);
    const { headers, now } = request;
    const ownership = parseObjectOwnershipHeader(headers);
    return {
      name,
      now,
      ownership,
      aclRequest: parseAclHeaders(headers, "bucket"),
      isLocked: parseBucketLockHeader(headers),
    };
  },
  // API_CreateBucket, "Permissions": the second unless the ACL is private, the third for x-amz-object-ownership, the last two
  // for x-amz-bucket-object-lock-enabled.
  requires: ({ name: bucket, aclRequest, ownership, isLocked }): Permission[] => [
    { action: "s3:CreateBucket", on: "new-bucket", bucket },
    ...(isPrivate(aclRequest) ? [] : [{ action: "s3:PutBucketAcl", on: "new-bucket", bucket } as const]),
    ...(ownership === undefined
      ? []
      : [{ action: "s3:PutBucketOwnershipControls", on: "new-bucket", bucket } as const]),
    ...(isLocked
      ? [
          { action: "s3:PutBucketObjectLockConfiguration", on: "new-bucket", bucket } as const,
          { action: "s3:PutBucketVersioning", on: "new-bucket", bucket } as const,
        ]
      : []),
  ],
  async execute({ name, now, ownership, aclRequest, isLocked }, context, body) {
    const { grant, stores, deployment, request } = context;
    const { region, regions, newBuckets } = deployment;
    const { caller } = grant;
    if (caller.kind !== "account") throw new S3Error("AccessDenied");
    const configuration = parseCreateBucketConfiguration(body);
    const { tags } = configuration;
    const location = chooseLocation(configuration.locationConstraint, {
      ...deployment,
      signedRegion: request.signedRegion,
    });
    const hasStorage = regions.includes(location.region);
    const { account } = caller;
    const settings = { ...newBuckets, ...(ownership !== undefined && { ownership }) };
    const acl = aclOfNewBucket(aclRequest, settings, account.canonicalId);
    const documents = {
      ...settings,
      ...(tags.length > 0 && { tagging: tags }),
      ...(acl !== undefined && { acl }),
      ...(isLocked && { objectLock: {}, versioning: "Enabled" as const }),
      ...((!hasStorage || location.constraint !== undefined) && { location }),
    };
    const bucket = { name, accountId: account.id, region: hasStorage ? location.region : region, documents, now };
    const result = await stores.buckets.create(grant, bucket);
    switch (result.outcome) {
      case "created":
        await leaveToSweep(stores.bucketMarkers.put(grant, markerOf({ ...bucket, id: result.id }, account)));
        return location;
      case "too-many":
        throw new S3Error("TooManyBuckets");
      case "exists":
        if (result.accountId !== account.id)
          throw new S3Error("BucketAlreadyExists", { details: { BucketName: name } });
        // For old clients, AWS answers 200 in us-east-1 if the owner creates the bucket again. A request with settings
        // is refused, because the existing bucket may have others.
        if (location.region === US_EAST_1 && isPlain({ tags, aclRequest, ownership, isLocked })) return location;
        throw new S3Error("BucketAlreadyOwnedByYou", { details: { BucketName: name } });
      default:
        return result satisfies never;
    }
  },
  respond: ({ region }, { name }, request) => ({
    status: 200,
    headers: { location: formatLocation(name, region, request), "x-amz-bucket-arn": bucketArn(name) },
  }),
});

function markerOf({ id, name, region, documents, now }: CreatedBucket, owner: Account): BucketMarker {
  const { objectLock, versioning, location } = documents;
  const { id: accountId, canonicalId, displayName, isRoot } = owner;
  return {
    name,
    id,
    region,
    createdAt: now,
    owner: { accountId, canonicalId, displayName, isRoot },
    versioning,
    hasObjectLock: objectLock !== undefined,
    location,
  };
}

interface CreatedBucket {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly documents: Readonly<Partial<BucketDocumentTypes>>;
  readonly now: Date;
}

/**
 * AWS returns the bucket's host, except in us-east-1. An IP address or a single-label host name has no such subdomains.
 */
function formatLocation(name: string, region: string, { style, url, headers }: S3Request): string {
  const host = hostOf(url, headers.get("host"));
  const base = style === "virtual-host" ? host.slice(name.length + 1) : host;
  const hasSubdomains = /[a-z][a-z0-9-]*(:\d+)?$/.test(base) && base.includes(".");
  return region === US_EAST_1 || !hasSubdomains ? `/${name}` : `http://${name}.${base}/`;
}

function isPrivate(request: AclRequest | undefined): boolean {
  return request === undefined || (request.kind === "canned" && request.name === "private");
}

function isPlain(request: {
  readonly tags: readonly Tag[];
  readonly aclRequest: AclRequest | undefined;
  readonly ownership: ObjectOwnership | undefined;
  readonly isLocked: boolean;
}): boolean {
  const { tags, aclRequest, ownership, isLocked } = request;
  return tags.length === 0 && isPrivate(aclRequest) && ownership === undefined && !isLocked;
}
