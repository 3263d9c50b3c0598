/** Buckets that keep versions, and requests about versions. */
import { type SendOptions, send } from "./request.ts";
import { createBucket } from "./s3.ts";

export type Status = "Enabled" | "Suspended";

export function versioningDocument(content: string): string {
  return `<VersioningConfiguration>${content}</VersioningConfiguration>`;
}

export async function setVersioning(bucket: string, status: Status, options: SendOptions = {}): Promise<void> {
  const body = versioningDocument(`<Status>${status}</Status>`);
  const response = await send({ ...options, method: "PUT", bucket, query: "versioning", body });
  if (response.status !== 200) throw new Error(`PutBucketVersioning: ${response.status} ${await response.text()}`);
  await response.body?.cancel();
}

export async function createVersionedBucket(status: Status = "Enabled"): Promise<string> {
  const bucket = await createBucket();
  await setVersioning(bucket, status);
  return bucket;
}

/** The `x-amz-version-id` of a successful answer. */
export async function versionOf(answer: Response | Promise<Response>): Promise<string> {
  const response = await answer;
  const text = await response.text();
  const versionId = response.headers.get("x-amz-version-id");
  if (!response.ok || versionId === null) throw new Error(`no version: ${response.status} ${text}`);
  return versionId;
}

/** Puts an object into a bucket with versioning enabled, and returns its version id. */
export function putVersion(bucket: string, key: string, body: string | Uint8Array, options: SendOptions = {}) {
  return versionOf(send({ ...options, method: "PUT", bucket, key, body }));
}

/** Deletes the current version, and returns the id of the delete marker. */
export function putMarker(bucket: string, key: string): Promise<string> {
  return versionOf(send({ method: "DELETE", bucket, key }));
}

/** Status and headers about versions. */
export function versionHeaders({ status, headers }: Response) {
  return {
    status,
    version: headers.get("x-amz-version-id"),
    source: headers.get("x-amz-copy-source-version-id"),
    marker: headers.get("x-amz-delete-marker"),
  };
}
