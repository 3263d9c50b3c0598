/** Buckets with something in them, for requests that may be about all of it. */
import type { AttackWorld } from "./attack-examples.ts";
import { type CallOptions, createBucket, errorOf, s3 } from "./s3.ts";

/** Of every object. */
export const CONTENT = "untouched";

async function must(path: string, options: CallOptions): Promise<Response> {
  const response = await s3(path, options);
  if (response.status >= 300) throw new Error(`${options.method} ${path}: ${(await errorOf(response)).text}`);
  return response;
}

export interface WorldOptions {
  /** Canonical user id of the key's account. */
  readonly ownerId: string;
  /** A bucket with the object `source`, which may be shared: it must not change. */
  readonly sourceBucket: string;
  readonly isVersioned?: boolean;
  /** The rest is made only for those that are about it. */
  readonly needs: { readonly emptyBucket: boolean; readonly upload: boolean };
}

export const SOURCE_KEY = "source";

export async function newAttackWorld(options: WorldOptions): Promise<AttackWorld> {
  const { ownerId, sourceBucket, isVersioned = false, needs } = options;
  const bucket = await createBucket();
  const key = "key";
  if (isVersioned) {
    const body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    await must(`/${bucket}?versioning`, { method: "PUT", body });
  }
  for (const name of [SOURCE_KEY, key]) await must(`/${bucket}/${name}`, { method: "PUT", body: CONTENT });
  const source = { bucket: sourceBucket, key: SOURCE_KEY };
  const emptyBucket = needs.emptyBucket ? await createBucket() : "";
  const bare = { bucket, emptyBucket, newBucket: `${bucket}-new`, source, key, ownerId };
  return { ...bare, ...(needs.upload ? await newUpload(`/${bucket}/${key}`) : { uploadId: "", partEtag: "" }) };
}

async function newUpload(path: string): Promise<Pick<AttackWorld, "uploadId" | "partEtag">> {
  const created = await must(`${path}?uploads`, { method: "POST" });
  const uploadId = /<UploadId>([^<]+)/.exec(await created.text())?.[1] ?? "";
  const part = await must(`${path}?partNumber=1&uploadId=${uploadId}`, { method: "PUT", body: CONTENT });
  return { uploadId, partEtag: (part.headers.get("etag") ?? "").replaceAll('"', "") };
}

export async function newSourceBucket(): Promise<string> {
  const bucket = await createBucket();
  await must(`/${bucket}/${SOURCE_KEY}`, { method: "PUT", body: CONTENT });
  return bucket;
}

/** The canonical user id of the deployment's root. */
export async function rootOwnerId(): Promise<string> {
  const response = await must(`/${await createBucket()}?acl`, { method: "GET" });
  return /<ID>([^<]+)/.exec(await response.text())?.[1] ?? "";
}
