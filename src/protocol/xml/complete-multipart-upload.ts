/** Request of CompleteMultipartUpload (API_CompleteMultipartUpload). */
import { invalidArgument, S3Error } from "../../errors.ts";
import { parseETag } from "../etag.ts";
import { CHECKSUM_ELEMENTS, type ChecksumValue, parseChecksums } from "./checksum.ts";
import { malformedXml, parseXml, requireChildText, requireOnly, type XmlElement } from "./reader.ts";

export interface CompletedPart {
  /** 1 to 10,000. */
  readonly partNumber: number;
  /** Without quotes. */
  readonly etag: string;
  readonly checksums: readonly ChecksumValue[];
}

export const MAX_PARTS = 10_000;
/** 10,000 parts with an ETag and a SHA-256, indented. */
export const MAX_COMPLETE_MULTIPART_UPLOAD_BYTES = 4 * 1024 * 1024;

/** The root, and each part with its number, its ETag and two checksums, of which one would be too many already. */
const MAX_ELEMENTS = 1 + MAX_PARTS * 5;

const PART_ELEMENTS = ["PartNumber", "ETag", ...CHECKSUM_ELEMENTS];

/**
 * Parts in the order given: whether it ascends is for the upload to judge (`InvalidPartOrder`).
 *
 * @throws S3Error `InvalidRequest` for no part or no document; `MalformedXML`; `InvalidArgument` for a part number outside
 * 1..10,000.
 */
export function parseCompleteMultipartUpload(body: Uint8Array): readonly CompletedPart[] {
  if (body.byteLength === 0) throw noPart();
  const root = parseXml(body, "CompleteMultipartUpload", {
    maxBytes: MAX_COMPLETE_MULTIPART_UPLOAD_BYTES,
    maxElements: MAX_ELEMENTS,
  });
  requireOnly(root, ["Part"]);
  if (root.children.length === 0) throw noPart();
  if (root.children.length > MAX_PARTS) throw malformedXml("number of parts");
  return root.children.map(parsePart);
}

function noPart(): S3Error {
  return new S3Error("InvalidRequest", { message: "You must specify at least one part" });
}

function parsePart(part: XmlElement): CompletedPart {
  requireOnly(part, PART_ELEMENTS);
  return {
    partNumber: parsePartNumber(requireChildText(part, "PartNumber").trim()),
    etag: parseETag(requireChildText(part, "ETag")),
    checksums: parseChecksums(part),
  };
}

function parsePartNumber(text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw malformedXml("PartNumber is no integer");
  const partNumber = Number(text);
  if (partNumber < 1 || partNumber > MAX_PARTS) {
    throw invalidArgument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", text);
  }
  return partNumber;
}
