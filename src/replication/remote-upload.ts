/**
 * A replica that is sent in parts: the source's own parts if it has any, so that ETag and part numbers stay the same.
 */

import { formatHex, parseHex } from "../checksum/digests.ts";
import { createHasher } from "../checksum/hasher.ts";
import { checksumHeader } from "../model/checksum.ts";
import { CHECKSUM_ALGORITHM_HEADER, CHECKSUM_TYPE_HEADER } from "../protocol/checksum-algorithm.ts";
import { formatETag, parseETag } from "../protocol/header-values.ts";
import { uriEncode } from "../protocol/percent-encoding.ts";
import { parseXml, requireChildText } from "../protocol/xml/reader.ts";
import { formatXml, xmlElement, xmlOptional, xmlText } from "../protocol/xml/writer.ts";
import type { ObjectPart } from "../storage/r2/objects.ts";
import { CHECKSUM_REFUSALS, type RemoteClient, RemoteFailure, sendWithOptionalHeaders } from "./remote-client.ts";
import type { SourceReader } from "./source-reader.ts";

/** For an object that was not uploaded in parts. */
const PART_BYTES = 64 * 1024 * 1024;
/** Parts that are sent at the same time. */
const MAX_CONCURRENT_PARTS = 3;

export interface UploadDestination {
  readonly client: RemoteClient;
  readonly bucket: string;
}

interface Piece extends ObjectPart {
  readonly number: number;
  readonly first: number;
}

interface SentPart extends Piece {
  readonly etag: string;
}

interface Upload {
  readonly destination: UploadDestination;
  readonly source: SourceReader;
  readonly uploadId: string;
}

/**
 * If this fails, the upload is aborted at the endpoint as far as it can be reached.
 * @param request.headers for CreateMultipartUpload
 * @param request.condition headers for CompleteMultipartUpload
 * @throws RemoteFailure, SourceChanged
 */
export async function uploadInParts(
  destination: UploadDestination,
  source: SourceReader,
  request: {
    readonly headers: Readonly<Record<string, string>>;
    readonly condition: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const { headers, condition } = request;
  const own = await source.parts();
  const { uploadId, isChecked } = await sendWithOptionalHeaders(
    checksumHeaders(source),
    CHECKSUM_REFUSALS,
    async (checksum) => ({
      uploadId: await create(destination, source, { ...headers, ...checksum }),
      isChecked: Object.keys(checksum).length > 0,
    }),
  );
  const upload = { destination, source, uploadId };
  const pieces = piecesOf(own ?? splitIntoParts(source.object.sizeBytes), isChecked);
  try {
    const sent: SentPart[] = [];
    for (let start = 0; start < pieces.length; start += MAX_CONCURRENT_PARTS) {
      const group = pieces.slice(start, start + MAX_CONCURRENT_PARTS);
      sent.push(...(await Promise.all(group.map((piece) => sendPart(upload, piece)))));
    }
    if (own !== undefined) requireSameETag(sent, source.object.etag);
    await complete(upload, sent, condition);
  } catch (error) {
    const query = uploadQuery(uploadId);
    await destination.client
      .call(destination.bucket, { method: "DELETE", key: source.object.key, query })
      .catch(() => {});
    throw error;
  }
}

function splitIntoParts(sizeBytes: number): ObjectPart[] {
  const parts: ObjectPart[] = [];
  for (let first = 0; first < sizeBytes; first += PART_BYTES) {
    parts.push({ sizeBytes: Math.min(PART_BYTES, sizeBytes - first) });
  }
  return parts;
}

function piecesOf(parts: readonly ObjectPart[], isChecked: boolean): Piece[] {
  let first = 0;
  return parts.map(({ sizeBytes, checksum }, index) => {
    const piece = { sizeBytes, number: index + 1, first, ...(isChecked && checksum && { checksum }) };
    first += sizeBytes;
    return piece;
  });
}

/** An object with checksums of its parts is uploaded with them, so that the endpoint verifies each part. */
function checksumHeaders({ object: { checksum, partCount } }: SourceReader): Record<string, string> {
  if (checksum === undefined || partCount === undefined) return {};
  return { [CHECKSUM_ALGORITHM_HEADER]: checksum.algorithm, [CHECKSUM_TYPE_HEADER]: checksum.type };
}

async function create(
  { client, bucket }: UploadDestination,
  { object }: SourceReader,
  headers: Readonly<Record<string, string>>,
): Promise<string> {
  const { body } = await client.call(bucket, { method: "POST", key: object.key, query: "uploads=", headers });
  try {
    const root = parseXml(body, "InitiateMultipartUploadResult", { maxBytes: body.byteLength });
    return requireChildText(root, "UploadId");
  } catch {
    throw new RemoteFailure("POST: the answer to CreateMultipartUpload names no upload");
  }
}

async function sendPart({ destination, source, uploadId }: Upload, piece: Piece): Promise<SentPart> {
  const { number, first, sizeBytes, checksum } = piece;
  const stream = await source.open({ first, length: sizeBytes });
  const { headers } = await destination.client.call(destination.bucket, {
    method: "PUT",
    key: source.object.key,
    query: `partNumber=${number}&${uploadQuery(uploadId)}`,
    headers: checksum === undefined ? {} : { [checksumHeader(checksum.algorithm)]: checksum.value },
    body: { stream, sizeBytes },
  });
  return { ...piece, etag: parseETag(headers.get("etag") ?? "") };
}

/** Verifies the bytes before the upload is completed, if the endpoint's ETags are MD5s. */
function requireSameETag(sent: readonly SentPart[], expected: string): void {
  const hasher = createHasher("MD5");
  for (const { etag } of sent) {
    const md5 = parseHex(etag, 16);
    if (md5 === undefined) return;
    hasher.update(md5);
  }
  if (`${formatHex(hasher.digest())}-${sent.length}` !== expected) {
    throw new RemoteFailure("The endpoint received other bytes than were sent.");
  }
}

async function complete(
  { destination, source, uploadId }: Upload,
  sent: readonly SentPart[],
  condition: Readonly<Record<string, string>>,
): Promise<void> {
  const body = formatXml(
    "CompleteMultipartUpload",
    sent.map(({ number, etag, checksum }) =>
      xmlElement("Part", [
        xmlOptional(`Checksum${checksum?.algorithm ?? ""}`, checksum?.value),
        xmlText("ETag", formatETag(etag)),
        xmlText("PartNumber", number),
      ]),
    ),
  );
  const headers = { "content-type": "application/xml", ...condition };
  const { key } = source.object;
  const query = uploadQuery(uploadId);
  await destination.client.call(destination.bucket, { method: "POST", key, query, headers, body });
}

function uploadQuery(uploadId: string): string {
  return `uploadId=${uriEncode(uploadId)}`;
}
