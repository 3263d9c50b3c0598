/** The requests of uploads, as the queue uses them. */
import type { ApiClient } from "../api/client.ts";
import { throwIfFailed } from "../api/s3/objects.ts";
import { objectPath } from "../api/urls.ts";
import { element, formatDocument, textOf } from "../api/xml.ts";

export interface Target {
  readonly bucket: string;
  readonly key: string;
  readonly contentType: string;
  /** Leaves an object that has the key already, and answers PreconditionFailed. */
  readonly keepsExisting: boolean;
}

export interface Sending {
  readonly signal: AbortSignal;
  readonly onSent: (bytes: number) => void;
}

export interface SentPart {
  readonly number: number;
  readonly etag: string;
}

export interface Transport<Body> {
  put(target: Target, body: Body, sending: Sending): Promise<void>;
  create(target: Target): Promise<string>;
  putPart(target: Target, part: { uploadId: string; number: number; body: Body }, sending: Sending): Promise<string>;
  complete(target: Target, upload: { uploadId: string; parts: readonly SentPart[] }): Promise<void>;
  abort(target: Target, uploadId: string): Promise<void>;
}

export function transportOf(client: ApiClient): Transport<Blob> {
  return {
    async put(target, body, sending) {
      await client.send({
        method: "PUT",
        path: pathOf(target),
        headers: { "content-type": target.contentType, ...condition(target) },
        body,
        hasChecksum: true,
        ...sending,
      });
    },
    async create(target) {
      const root = await client.sendForXml({
        method: "POST",
        path: pathOf(target),
        query: { uploads: "" },
        headers: { "content-type": target.contentType },
      });
      return root === undefined ? "" : textOf(root, "UploadId");
    },
    async putPart(target, { uploadId, number, body }, sending) {
      const response = await client.send({
        method: "PUT",
        path: pathOf(target),
        query: { partNumber: number, uploadId },
        body,
        ...sending,
      });
      return response.headers.get("etag") ?? "";
    },
    async complete(target, { uploadId, parts }) {
      const root = await client.sendForXml({
        method: "POST",
        path: pathOf(target),
        query: { uploadId },
        headers: condition(target),
        body: formatCompletion(parts),
      });
      throwIfFailed(root);
    },
    async abort(target, uploadId) {
      await client.send({ method: "DELETE", path: pathOf(target), query: { uploadId } });
    },
  };
}

function pathOf({ bucket, key }: Target): string {
  return objectPath(bucket, key);
}

function condition({ keepsExisting }: Target): Record<string, string> {
  return keepsExisting ? { "if-none-match": "*" } : {};
}

export function formatCompletion(parts: readonly SentPart[]): string {
  return formatDocument(
    "CompleteMultipartUpload",
    parts.map(({ number, etag }) => element("Part", [element("PartNumber", String(number)), element("ETag", etag)])),
  );
}
