/** Operations on buckets as a whole. */
import type { ApiClient } from "../client.ts";
import { bucketPath } from "../urls.ts";
import { childrenOf, element, findElement, findText, formatDocument, textOf } from "../xml.ts";

export interface ListedBucket {
  readonly name: string;
  readonly createdAt: string;
  readonly region: string;
}

export interface BucketPage {
  readonly buckets: readonly ListedBucket[];
  readonly next: string | undefined;
}

const BUCKETS_PER_PAGE = 1_000;

export interface ListBucketsRequest {
  readonly prefix?: string;
  readonly token?: string | undefined;
  readonly signal?: AbortSignal;
}

export async function listBuckets(client: ApiClient, request: ListBucketsRequest): Promise<BucketPage> {
  const { prefix, token, signal } = request;
  const root = await client.sendForXml({
    method: "GET",
    path: "/",
    query: { "max-buckets": BUCKETS_PER_PAGE, "continuation-token": token, prefix: prefix || undefined },
    ...(signal && { signal }),
  });
  const list = root && findElement(root, "Buckets");
  const buckets = (list ? childrenOf(list, "Bucket") : []).map((bucket) => ({
    name: textOf(bucket, "Name"),
    createdAt: textOf(bucket, "CreationDate"),
    region: textOf(bucket, "BucketRegion"),
  }));
  return { buckets, next: (root && findText(root, "ContinuationToken")) || undefined };
}

export interface NewBucket {
  readonly name: string;
  /** Empty for that of the deployment. */
  readonly region: string;
  readonly hasVersions: boolean;
  readonly hasLock: boolean;
}

/** Creates the bucket. One with object lock has versions from the start. */
export async function createBucket(client: ApiClient, bucket: NewBucket): Promise<void> {
  const { name, region, hasVersions, hasLock } = bucket;
  const body = formatLocation(region);
  await client.send({
    method: "PUT",
    path: bucketPath(name),
    headers: hasLock ? { "x-amz-bucket-object-lock-enabled": "true" } : {},
    ...(body !== undefined && { body }),
  });
  if (hasVersions && !hasLock) await enableVersioning(client, name);
}

export function formatLocation(region: string): string | undefined {
  if (region === "" || region === "us-east-1") return undefined;
  return formatDocument("CreateBucketConfiguration", [element("LocationConstraint", region)]);
}

export async function deleteBucket(client: ApiClient, name: string): Promise<void> {
  await client.send({ method: "DELETE", path: bucketPath(name) });
}

async function enableVersioning(client: ApiClient, name: string): Promise<void> {
  const body = formatDocument("VersioningConfiguration", [element("Status", "Enabled")]);
  await client.send({ method: "PUT", path: bucketPath(name), query: { versioning: "" }, body });
}
