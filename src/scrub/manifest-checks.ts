/** What a manifest, its summary in the record and the blobs of its set must be like together. Pure. */
import { combineCrc, isCombinable } from "../checksum/combine.ts";
import { equalBytes, formatBase64, formatHex, parseBase64, parseHex } from "../checksum/digests.ts";
import { createHasher } from "../checksum/hasher.ts";
import { CHECKSUM_BYTES } from "../model/checksum.ts";
import type { Manifest, ManifestPart } from "../storage/r2/blobs.ts";
import type { EntryRecord, ManifestSummary } from "../storage/r2/entry-record.ts";
import type { StoredBlob, StoredBlobSet } from "../storage/scrub/scrub-reads.ts";
import type { BlobSetState } from "../storage/uploads/messages.ts";
import { type Fault, fault } from "./findings.ts";

/** Undefined for anything that is no manifest. */
export function parseManifest(text: string): Manifest | undefined {
  let manifest: Partial<Manifest> | null;
  try {
    manifest = JSON.parse(text) as Partial<Manifest> | null;
  } catch {
    return undefined;
  }
  const { v, b, p } = manifest ?? {};
  if (v !== 1 || typeof b !== "string" || !Array.isArray(p) || !p.every(isPart)) return undefined;
  return { v, b, p };
}

function isPart(part: unknown): part is ManifestPart {
  if (!Array.isArray(part)) return false;
  const [name, sizeBytes, checksum] = part as unknown[];
  const isSize = Number.isSafeInteger(sizeBytes) && Number(sizeBytes) >= 0;
  return typeof name === "string" && name !== "" && isSize && (checksum === undefined || typeof checksum === "string");
}

/** The summary repeats what the manifest says. */
export function compareSummary(summary: ManifestSummary, manifest: Manifest): Fault[] {
  const wrong: string[] = [];
  const total = manifest.p.reduce((sum, [, sizeBytes]) => sum + sizeBytes, 0);
  if (summary.b !== manifest.b) wrong.push(`the manifest names the set ${manifest.b}`);
  if (summary.n !== total) wrong.push(`the parts have ${total} bytes, the record says ${summary.n}`);
  if (summary.k !== undefined && summary.k !== manifest.p.length) wrong.push(`there are ${manifest.p.length} parts`);
  const parts = manifest.p.map(([name, sizeBytes]) => [name, sizeBytes]);
  if (summary.p !== undefined && JSON.stringify(summary.p) !== JSON.stringify(parts)) wrong.push("other parts");
  return wrong.map((detail) => fault("manifest-differs", detail));
}

export function compareBlobs(blobSetId: string, parts: readonly ManifestPart[], { blobs }: StoredBlobSet): Fault[] {
  return parts.flatMap(([name, sizeBytes]) => {
    const blob = blobs.get(name);
    const subject = `${blobSetId}/${name}`;
    if (blob === undefined) return [fault("blob-missing", `of ${sizeBytes} bytes`, subject)];
    if (blob.sizeBytes === sizeBytes) return [];
    return [fault("blob-size-differs", `${blob.sizeBytes} bytes instead of ${sizeBytes}`, subject)];
  });
}

/** Whether a sweep that asks which keys may name the set would ask for this one. */
export function isKnownToSweep(
  { region, entry }: { readonly region: string; readonly entry: string },
  set: { readonly owner: string | undefined; readonly state: BlobSetState | undefined; readonly uploadEntry?: string },
): boolean {
  const { owner, state, uploadEntry } = set;
  if (state?.isDying === true) return false;
  if (state?.references.some((known) => known.entry === entry && known.region === region) === true) return true;
  // The Durable Object of an upload goes by what it has recorded, and not by its blobs.
  return state?.upload === undefined ? owner === entry : uploadEntry === entry;
}

const MD5_HEX = /^[0-9a-f]{32}$/;

/**
 * The ETag and the checksum follow from R2's MD5s of the blobs and from the checksums of the parts, without reading a byte. Of
 * encrypted blobs, and of a replica, whose ETag is its source's, only the checksum.
 */
export function checkDigests(record: EntryRecord, manifest: Manifest, { blobs }: StoredBlobSet): Fault[] {
  const { f: summary, c: checksum, e: encryption, p: replication } = record;
  const stored = manifest.p.map(([name]) => blobs.get(name));
  const isWhole = stored.every((blob) => blob !== undefined);
  if (summary === undefined || !isWhole) return [];
  const hasMd5s = encryption === undefined && replication !== "R" && stored.every((blob) => MD5_HEX.test(blob.etag));
  return [
    ...(hasMd5s ? checkETag(summary, stored) : []),
    ...(checksum === undefined || summary.k === undefined ? [] : checkPartChecksums(checksum, manifest)),
  ];
}

function checkETag({ e: etag, k: partCount }: ManifestSummary, blobs: readonly StoredBlob[]): Fault[] {
  const [only, ...others] = blobs;
  const isOne = partCount === undefined && only !== undefined && others.length === 0 && MD5_HEX.test(etag);
  const expected = partCount !== undefined ? compositeETag(blobs) : isOne ? only.etag : undefined;
  return expected === undefined || expected === etag
    ? []
    : [fault("etag-differs", `${etag}, and the blobs have ${expected}`)];
}

function compositeETag(blobs: readonly StoredBlob[]): string {
  const hasher = createHasher("MD5");
  for (const { etag } of blobs) hasher.update(parseHex(etag, 16) ?? new Uint8Array());
  return `${formatHex(hasher.digest())}-${blobs.length}`;
}

function checkPartChecksums([algorithm, value, type]: NonNullable<EntryRecord["c"]>, { p: parts }: Manifest): Fault[] {
  const digests: { digest: Uint8Array; sizeBytes: number }[] = [];
  for (const [, sizeBytes, text] of parts) {
    const digest = text === undefined ? undefined : parseBase64(text, CHECKSUM_BYTES[algorithm]);
    if (digest === undefined) return [];
    digests.push({ digest, sizeBytes });
  }
  const expected = type === "COMPOSITE" ? composite() : combined();
  return expected === undefined || expected === value
    ? []
    : [fault("checksum-differs", `${algorithm} ${value}, and the parts have ${expected}`)];

  function composite(): string {
    const hasher = createHasher(algorithm);
    for (const { digest } of digests) hasher.update(digest);
    return `${formatBase64(hasher.digest())}-${parts.length}`;
  }

  function combined(): string | undefined {
    const [first, ...rest] = digests;
    if (!isCombinable(algorithm) || first === undefined) return undefined;
    return formatBase64(rest.reduce((whole, next) => combineCrc(algorithm, whole, next), first.digest));
  }
}

/** Whether a stored checksum in base64 is that of the bytes. */
export function isDigest(text: string, digest: Uint8Array | undefined): boolean {
  const stated = digest && parseBase64(text, digest.length);
  return stated !== undefined && digest !== undefined && equalBytes(stated, digest);
}
