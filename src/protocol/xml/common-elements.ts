/** Elements that several documents share: checksums and owners. */
import { CHECKSUM_ALGORITHMS, type Checksum, type ChecksumAlgorithm } from "../../model/checksum.ts";
import { requireChildText, type XmlElement } from "./reader.ts";
import { type XmlNode, xmlElement, xmlText } from "./writer.ts";

/** A checksum value as a request states it; its type is that of the upload. */
export interface ChecksumValue {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: string;
}

export const CHECKSUM_ELEMENTS: readonly string[] = CHECKSUM_ALGORITHMS.map(checksumElement);

export function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm}`;
}

export function checksumNode(checksum: ChecksumValue | undefined): XmlNode | undefined {
  return checksum && xmlText(checksumElement(checksum.algorithm), checksum.value);
}

/** The value and its type, where a document tells both. */
export function typedChecksumNodes(checksum: Checksum | undefined): readonly (XmlNode | undefined)[] {
  return checksum === undefined ? [] : [checksumNode(checksum), xmlText("ChecksumType", checksum.type)];
}

/** By algorithm. Ten are known and most elements name one at most, of which a document may have 10,000. */
export function parseChecksums(element: XmlElement): readonly ChecksumValue[] {
  const names = element.children.map(({ name }) => name).filter((name) => name.startsWith("Checksum"));
  if (names.length === 0) return [];
  return CHECKSUM_ALGORITHMS.filter((algorithm) => names.includes(checksumElement(algorithm))).map((algorithm) => ({
    algorithm,
    value: requireChildText(element, checksumElement(algorithm)).trim(),
  }));
}

/** `Owner`, `Initiator` and grantees share this shape. */
export interface Owner {
  /** Canonical user id. */
  readonly id: string;
  readonly displayName: string;
}

export function ownerNode(name: "Owner" | "Initiator", owner: Owner): XmlNode {
  return xmlElement(name, [xmlText("ID", owner.id), xmlText("DisplayName", owner.displayName)]);
}
