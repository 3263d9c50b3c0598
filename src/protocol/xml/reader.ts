/**
 * Request documents: bytes → a small tree that keeps text exactly as sent. Whatever is wrong is `MalformedXML`, as on AWS.
 */
import { S3Error } from "../../errors.ts";
import { decodeUtf8 } from "../percent-encoding.ts";
import { checkDocument, isBlank, XmlSyntaxError } from "./scanner.ts";
import { buildTree, type XmlElement } from "./tree.ts";

export type { XmlElement } from "./tree.ts";

export interface XmlLimits {
  readonly maxBytes: number;
  /** Of the largest document that means something; what has more is refused before more is built. */
  readonly maxElements?: number;
  /** Levels of elements; no document of S3 needs more than 8. */
  readonly maxDepth?: number;
}

/** Of most documents: a configuration of 1,000 rules is limited by its own count and length. */
const DEFAULT_MAX_ELEMENTS = 10_000;
const DEFAULT_MAX_DEPTH = 16;

/**
 * Parses a document whose root must bear one of the given names.
 *
 * @throws S3Error `MalformedXML` for anything that is not such a document within the limits.
 */
export function parseXml(body: Uint8Array, roots: string | readonly string[], limits: XmlLimits): XmlElement {
  const root = parseAnyXml(body, limits);
  if (!(typeof roots === "string" ? [roots] : roots).includes(root.name)) {
    throw malformedXml(`unexpected root ${root.name}`);
  }
  return root;
}

/** Parses a document with any root. @throws S3Error as `parseXml` */
export function parseAnyXml(body: Uint8Array, limits: XmlLimits): XmlElement {
  if (body.byteLength > limits.maxBytes) throw malformedXml("longer than allowed");
  const text = decodeUtf8(body);
  if (text === undefined) throw malformedXml("not UTF-8");
  return readRoot(text.startsWith("\ufeff") ? text.slice(1) : text, limits);
}

/** The error of every document that is not what it should be; the reason goes to the log only. */
export function malformedXml(reason: string): S3Error {
  return new S3Error("MalformedXML", { cause: reason });
}

/** Children of one name, in document order. */
export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/** @throws S3Error `MalformedXML` if the child stands there more than once. */
export function findChild(element: XmlElement, name: string): XmlElement | undefined {
  let found: XmlElement | undefined;
  for (const child of element.children) {
    if (child.name !== name) continue;
    if (found !== undefined) throw malformedXml(`${name} repeated in ${element.name}`);
    found = child;
  }
  return found;
}

/** @throws S3Error `MalformedXML` unless the child stands there exactly once. */
export function requireChild(element: XmlElement, name: string): XmlElement {
  const child = findChild(element, name);
  if (child === undefined) throw malformedXml(`${name} missing in ${element.name}`);
  return child;
}

/** @throws S3Error `MalformedXML` if the element has child elements. */
export function textOf(element: XmlElement): string {
  if (element.children.length > 0) throw malformedXml(`${element.name} should be text`);
  return element.text;
}

/** Text of an optional child. @throws S3Error `MalformedXML` if it is repeated or not text. */
export function childText(element: XmlElement, name: string): string | undefined {
  const child = findChild(element, name);
  return child === undefined ? undefined : textOf(child);
}

/** Text of a mandatory child. @throws S3Error `MalformedXML` if it is missing, repeated or not text. */
export function requireChildText(element: XmlElement, name: string): string {
  return textOf(requireChild(element, name));
}

/** @throws S3Error `MalformedXML` if the element has a child of another name, or text between its children. */
export function requireOnly(element: XmlElement, names: readonly string[]): void {
  for (const child of element.children) {
    if (!names.includes(child.name)) throw malformedXml(`unexpected ${child.name} in ${element.name}`);
  }
  if (!isBlank(element.text)) throw malformedXml(`unexpected text in ${element.name}`);
}

/** Bounds and form are checked before anything is built. */
function readRoot(document: string, limits: XmlLimits): XmlElement {
  const { maxElements = DEFAULT_MAX_ELEMENTS, maxDepth = DEFAULT_MAX_DEPTH } = limits;
  const text = document.includes("\r") ? document.replace(/\r\n?/g, "\n") : document;
  try {
    const root = buildTree(text, checkDocument(text, { maxElements, maxDepth }));
    if (root !== undefined) return root;
  } catch (error) {
    throw error instanceof XmlSyntaxError ? malformedXml(error.message) : new S3Error("MalformedXML", { cause: error });
  }
  throw malformedXml("no root");
}
