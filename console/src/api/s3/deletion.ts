/** DeleteObjects, and loops that delete everything that a listing finds. */
import type { ApiClient } from "../client.ts";
import { describeError } from "../errors.ts";
import { bucketPath, objectPath } from "../urls.ts";
import { childrenOf, element, findText, formatDocument, textOf } from "../xml.ts";
import { listObjects, listUploads, listVersions } from "./listing.ts";

export interface DeletedObject {
  readonly key: string;
  readonly versionId?: string | undefined;
}

export interface DeletionFailure extends DeletedObject {
  readonly reason: string;
}

export const MAX_KEYS_PER_REQUEST = 1_000;

/** XML 1.0 has no form for these characters, so such a key is deleted by its URL. */
const NOT_IN_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

export interface Deletion {
  readonly bucket: string;
  /** At most 1,000. */
  readonly objects: readonly DeletedObject[];
  /** Deletes versions that are locked in governance mode, if the caller may. */
  readonly bypassesGovernance?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Deletes the objects, and returns those that were not deleted. */
export async function deleteObjects(client: ApiClient, deletion: Deletion): Promise<readonly DeletionFailure[]> {
  const { bucket, objects, bypassesGovernance = false, signal } = deletion;
  const headers = bypassesGovernance ? { "x-amz-bypass-governance-retention": "true" } : {};
  const common = { headers, ...(signal && { signal }) };
  const failures: DeletionFailure[] = [];
  const inDocument = objects.filter(({ key }) => !NOT_IN_XML.test(key));
  if (inDocument.length > 0) {
    const body = formatDeletion(inDocument);
    const query = { delete: "" };
    const root = await client.sendForXml({
      method: "POST",
      path: bucketPath(bucket),
      query,
      body,
      hasChecksum: true,
      ...common,
    });
    for (const error of root ? childrenOf(root, "Error") : []) {
      const reason = `${textOf(error, "Code")}: ${textOf(error, "Message")}`;
      failures.push({ key: textOf(error, "Key"), versionId: findText(error, "VersionId"), reason });
    }
  }
  for (const object of objects.filter(({ key }) => NOT_IN_XML.test(key))) {
    try {
      const query = { versionId: object.versionId };
      await client.send({ method: "DELETE", path: objectPath(bucket, object.key), query, ...common });
    } catch (error) {
      failures.push({ ...object, reason: describeError(error) });
    }
  }
  return failures;
}

export function formatDeletion(objects: readonly DeletedObject[]): string {
  return formatDocument("Delete", [
    ...objects.map(({ key, versionId }) =>
      element("Object", [element("Key", key), versionId === undefined ? undefined : element("VersionId", versionId)]),
    ),
    element("Quiet", "true"),
  ]);
}

export interface BulkProgress {
  readonly deleted: number;
  readonly failures: readonly DeletionFailure[];
}

export interface BulkDeletion {
  readonly bucket: string;
  readonly prefix: string;
  /** Also versions and delete markers, so that nothing is left; else versioned buckets get delete markers. */
  readonly includesVersions: boolean;
  readonly bypassesGovernance?: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: BulkProgress) => void;
}

const MAX_KEPT_FAILURES = 100;

/** Deletes everything below a prefix, page by page. */
export async function deleteBelow(client: ApiClient, bulk: BulkDeletion): Promise<BulkProgress> {
  const { bucket, signal, onProgress, bypassesGovernance = false } = bulk;
  let progress: BulkProgress = { deleted: 0, failures: [] };
  for await (const objects of pagesBelow(client, bulk)) {
    signal.throwIfAborted();
    const failed = await deleteObjects(client, { bucket, objects, bypassesGovernance, signal });
    progress = {
      deleted: progress.deleted + objects.length - failed.length,
      failures: [...progress.failures, ...failed].slice(0, MAX_KEPT_FAILURES),
    };
    onProgress(progress);
  }
  return progress;
}

async function* pagesBelow(client: ApiClient, bulk: BulkDeletion): AsyncGenerator<DeletedObject[]> {
  const { bucket, prefix, signal, includesVersions } = bulk;
  const request = { bucket, prefix, signal };
  if (includesVersions) {
    let after: Parameters<typeof listVersions>[2];
    do {
      const page = await listVersions(client, request, after);
      const found = page.rows.flatMap((row) => (row.kind === "version" ? [row] : []));
      if (found.length > 0) yield found.map(({ key, versionId }) => ({ key, versionId }));
      after = page.next;
    } while (after !== undefined);
    return;
  }
  let token: string | undefined;
  do {
    const page = await listObjects(client, request, token);
    if (page.rows.length > 0) yield page.rows.map(({ key }) => ({ key }));
    token = page.next;
  } while (token !== undefined);
}

/** Aborts all unfinished uploads of the bucket, and returns their number. */
export async function abortUploads(client: ApiClient, bucket: string, signal: AbortSignal): Promise<number> {
  let count = 0;
  let after: Parameters<typeof listUploads>[2];
  do {
    const page = await listUploads(client, { bucket, prefix: "", signal }, after);
    for (const { key, uploadId } of page.rows) {
      await client.send({ method: "DELETE", path: objectPath(bucket, key), query: { uploadId }, signal });
      count++;
    }
    after = page.next;
  } while (after !== undefined);
  return count;
}
