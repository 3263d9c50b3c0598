/**
 * Plans the completion of an upload, as a pure function (API_CompleteMultipartUpload): from the uploaded parts and the parts
 * that the client names it makes the manifest's parts, or a refusal.
 */
import { combineCrc, isCombinable } from "../../checksum/combine.ts";
import { formatBase64, formatHex, parseBase64, parseHex } from "../../checksum/digests.ts";
import { createHasher } from "../../checksum/hasher.ts";
import { CHECKSUM_BYTES, type Checksum } from "../../model/checksum.ts";
import type { CompletedPart, CompletionRequest, UploadChecksum } from "../../model/upload.ts";
import type { ManifestPart } from "../r2/blobs.ts";
import { type Answer, type CompletedObject, type PartRecord, type Refusal, refuse } from "./messages.ts";

/** Smallest size of every part except the last. */
export const MIN_PART_BYTES = 5 * 1024 * 1024;

/** The object that an upload makes, and the blobs it consists of. */
export interface CompletionPlan {
  readonly object: CompletedObject;
  readonly parts: readonly ManifestPart[];
}

export function planCompletion(
  uploaded: ReadonlyMap<number, PartRecord>,
  request: CompletionRequest,
  upload: { readonly uploadId: string; readonly checksum?: UploadChecksum },
): Answer<CompletionPlan> {
  // Seen on AWS: the type is checked before the parts are.
  const mode = checkMode(request, upload);
  if (mode !== undefined) return mode;
  const chosen: PartRecord[] = [];
  let previous = 0;
  for (const named of request.parts) {
    if (named.partNumber <= previous) return refuse("InvalidPartOrder", { details: { UploadId: upload.uploadId } });
    previous = named.partNumber;
    const part = uploaded.get(named.partNumber);
    const refusal = checkPart(named, part, upload);
    if (refusal !== undefined) return refusal;
    if (part !== undefined) chosen.push(part);
  }
  const small = chosen.slice(0, -1).find((part) => part.sizeBytes < MIN_PART_BYTES);
  if (small !== undefined) {
    return refuse("EntityTooSmall", {
      details: {
        ProposedSize: String(small.sizeBytes),
        MinSizeAllowed: String(MIN_PART_BYTES),
        PartNumber: String(small.partNumber),
        ETag: small.md5,
      },
    });
  }
  const sizeBytes = chosen.reduce((sum, part) => sum + part.sizeBytes, 0);
  const checksum = upload.checksum === undefined ? undefined : objectChecksum(upload.checksum, chosen);
  const refusal = checkObject(request, { sizeBytes, checksum });
  if (refusal !== undefined) return refusal;
  const manifestParts = chosen.map(
    ({ blobName, sizeBytes: size, checksum: part }): ManifestPart =>
      part !== undefined && part.algorithm === checksum?.algorithm ? [blobName, size, part.value] : [blobName, size],
  );
  const object = { etag: multipartETag(chosen), sizeBytes, ...(checksum !== undefined && { checksum }) };
  return { ok: true, value: { object, parts: manifestParts } };
}

/** What two requests have in common if they ask for the same completion. */
export function completionFingerprint(request: CompletionRequest): string {
  const hasher = createHasher("SHA256");
  const lines = request.parts.map((part) => `${part.partNumber} ${part.etag}\n`);
  hasher.update(new TextEncoder().encode(lines.join("")));
  return formatHex(hasher.digest());
}

function checkMode(
  { checksumType }: CompletionRequest,
  { checksum }: { readonly checksum?: UploadChecksum },
): Refusal | undefined {
  if (checksumType === undefined || checksumType === checksum?.type) return undefined;
  const message = `The upload was created using the ${checksum?.type ?? "null"} checksum mode. The complete request must use the same checksum mode.`;
  return refuse("InvalidRequest", { message });
}

function checkPart(
  named: CompletedPart,
  part: PartRecord | undefined,
  { uploadId, checksum }: { readonly uploadId: string; readonly checksum?: UploadChecksum },
): Refusal | undefined {
  const differs = named.checksums.some(
    ({ algorithm, value }) => part?.checksum?.algorithm === algorithm && part.checksum.value !== value,
  );
  // An upload created without an algorithm has parts without checksums, even if they were sent with one (seen on AWS).
  const isUnknown = checksum === undefined && named.checksums.length > 0;
  if (part === undefined || part.md5 !== named.etag || differs || isUnknown) {
    const details = { UploadId: uploadId, PartNumber: String(named.partNumber), ETag: named.etag };
    return refuse("InvalidPart", { details });
  }
  if (checksum === undefined) return undefined;
  const foreign = named.checksums.find(({ algorithm }) => algorithm !== checksum.algorithm);
  if (foreign !== undefined) {
    // Seen on AWS (LocalStack's recordings).
    const message = `The ${foreign.algorithm.toLowerCase()} you specified for part ${named.partNumber} did not match what we received.`;
    return refuse("BadDigest", { message });
  }
  if (checksum.type !== "COMPOSITE" || named.checksums.length > 0) return undefined;
  return refuse("InvalidRequest", {
    message: `The upload was created using a ${checksum.algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${named.partNumber} in the request.`,
  });
}

function checkObject(
  request: CompletionRequest,
  object: { sizeBytes: number; checksum: Checksum | undefined },
): Refusal | undefined {
  const { objectSizeBytes, checksumType, checksum: expected } = request;
  const { sizeBytes, checksum } = object;
  if (objectSizeBytes !== undefined && objectSizeBytes !== sizeBytes) {
    const message = `The provided 'x-amz-mp-object-size' header value ${objectSizeBytes} does not match what was computed: ${sizeBytes}`;
    return refuse("InvalidRequest", { message });
  }
  // AWS accepts any value for an upload created without an algorithm.
  if (expected === undefined || checksum === undefined) return undefined;
  // Without a type AWS reads every value as a composite one.
  const isMeant = checksum.type === "COMPOSITE" || checksumType === checksum.type;
  // Clients often leave out the number of parts that ends a composite value.
  const values =
    checksum.type === "COMPOSITE" ? [checksum.value, checksum.value.replace(/-\d+$/, "")] : [checksum.value];
  if (isMeant && expected.algorithm === checksum.algorithm && values.includes(expected.value)) return undefined;
  const message = `The ${checksum.algorithm.toLowerCase()} you specified did not match the calculated checksum.`;
  return refuse("BadDigest", { message });
}

/** MD5 of the parts' binary MD5s, and their number. */
function multipartETag(parts: readonly PartRecord[]): string {
  const hasher = createHasher("MD5");
  for (const part of parts) hasher.update(parseHex(part.md5, 16) ?? new Uint8Array());
  return `${formatHex(hasher.digest())}-${parts.length}`;
}

/** Undefined only if a part has no checksum, which `recordPart` refuses. */
function objectChecksum(wanted: UploadChecksum, parts: readonly PartRecord[]): Checksum | undefined {
  const { algorithm, type } = wanted;
  const digests: { bytes: Uint8Array; sizeBytes: number }[] = [];
  for (const part of parts) {
    const bytes = part.checksum && parseBase64(part.checksum.value, CHECKSUM_BYTES[algorithm]);
    if (bytes === undefined) return undefined;
    digests.push({ bytes, sizeBytes: part.sizeBytes });
  }
  if (type === "COMPOSITE") {
    const hasher = createHasher(algorithm);
    for (const { bytes } of digests) hasher.update(bytes);
    return { algorithm, type, value: `${formatBase64(hasher.digest())}-${parts.length}` };
  }
  if (!isCombinable(algorithm)) return undefined;
  const combined = digests.reduce((whole, next) => ({
    bytes: combineCrc(algorithm, whole.bytes, { digest: next.bytes, sizeBytes: next.sizeBytes }),
    sizeBytes: whole.sizeBytes + next.sizeBytes,
  }));
  return { algorithm, type, value: formatBase64(combined.bytes) };
}
