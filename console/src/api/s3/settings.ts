/** The documents of a bucket's settings, as text. */
import type { ApiClient } from "../client.ts";
import { hasCode } from "../errors.ts";
import { bucketPath } from "../urls.ts";

export interface SettingOf {
  readonly bucket: string;
  /** The sub-resource. */
  readonly query: string;
}

/** @returns undefined if the bucket has no such document, which the endpoint says with the code `absent` */
export async function getSetting(
  client: ApiClient,
  { bucket, query, absent, signal }: SettingOf & { readonly absent: string | undefined; readonly signal?: AbortSignal },
): Promise<string | undefined> {
  try {
    const request = { method: "GET", path: bucketPath(bucket), query: { [query]: "" } } as const;
    return await client.sendForText({ ...request, ...(signal && { signal }) });
  } catch (error) {
    if (absent !== undefined && hasCode(error, absent)) return undefined;
    throw error;
  }
}

export async function putSetting(
  client: ApiClient,
  { bucket, query, text, contentType }: SettingOf & { readonly text: string; readonly contentType: string },
): Promise<void> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const headers = {
    "content-type": contentType,
    // S3 asks for a digest of these documents.
    "x-amz-checksum-sha256": btoa(String.fromCharCode(...new Uint8Array(digest))),
  };
  await client.send({ method: "PUT", path: bucketPath(bucket), query: { [query]: "" }, headers, body: text });
}

export async function deleteSetting(client: ApiClient, { bucket, query }: SettingOf): Promise<void> {
  await client.send({ method: "DELETE", path: bucketPath(bucket), query: { [query]: "" } });
}
