/** Elements that several documents share: checksums and owners. */
import { CHECKSUM_ALGORITHMS, type Checksum, type ChecksumAlgorithm } from "../../model/checksum.ts";
import type { PartChecksum } from "../../model/upload.ts";
import { escapeXml, type XmlNode, xmlElement, xmlText, xmlWritten } from "./writer.ts";

type ChecksumElement = `Checksum${ChecksumAlgorithm}`;

const ELEMENTS = CHECKSUM_ALGORITHMS.map((algorithm) => ({ algorithm, name: checksumElement(algorithm) }));

/** `ChecksumCRC32`, `ChecksumSHA256` and so on. */
export const CHECKSUM_ELEMENTS: readonly ChecksumElement[] = ELEMENTS.map(({ name }) => name);

function checksumElement(algorithm: ChecksumAlgorithm): ChecksumElement {
  return `Checksum${algorithm}`;
}

export function checksumNode(checksum: PartChecksum | undefined): XmlNode | undefined {
  return checksum && xmlText(checksumElement(checksum.algorithm), checksum.value);
}

/** The value and its type, for documents with both. */
export function typedChecksumNodes(checksum: Checksum | undefined): readonly (XmlNode | undefined)[] {
  return checksum === undefined ? [] : [checksumNode(checksum), xmlText("ChecksumType", checksum.type)];
}

/** The checksums among the texts of an element, in the order of the algorithms. */
export function parseChecksums(texts: Partial<Readonly<Record<ChecksumElement, string>>>): readonly PartChecksum[] {
  const checksums: PartChecksum[] = [];
  for (const { algorithm, name } of ELEMENTS) {
    const value = texts[name];
    if (value !== undefined) checksums.push({ algorithm, value: value.trim() });
  }
  return checksums;
}

const QUOTE = escapeXml('"');

/** The entity tag with its quotes, which are escaped once for all. */
export function etagNode(etag: string): XmlNode {
  return xmlWritten(`<ETag>${QUOTE}${escapeXml(etag)}${QUOTE}</ETag>`);
}

/** `Owner`, `Initiator` and grantees share this shape. */
export interface Owner {
  /** Canonical user id. */
  readonly id: string;
  readonly displayName: string;
}

/** Writes an owner once for all rows of a document that have it: most have the same. */
export function ownerWriter(name: "Owner" | "Initiator"): (owner: Owner) => XmlNode {
  const written = new Map<string, XmlNode>();
  return (owner) => {
    const known = written.get(owner.id);
    if (known !== undefined) return known;
    const node = ownerNode(name, owner);
    written.set(owner.id, node);
    return node;
  };
}

export function ownerNode(name: "Owner" | "Initiator", owner: Owner): XmlNode {
  return xmlElement(name, [xmlText("ID", owner.id), xmlText("DisplayName", owner.displayName)]);
}
