/**
 * Reads the documents of requests. `scanner.ts` checks the text and counts its elements; then fast-xml-parser parses it
 * once, with all options off that guess types or change text. The functions below read the parser's nodes, without
 * copying them. As on AWS, every fault of a document is `MalformedXML`.
 */
import { XMLParser } from "fast-xml-parser";
import { S3Error } from "../../errors.ts";
import { decodeUtf8 } from "../percent-encoding.ts";
import { checkDocument, decodeReferences, isBlank, type ScannedDocument, XmlSyntaxError } from "./scanner.ts";

/**
 * An element, as fast-xml-parser has it: `{ name: [nodes], ":@": { attributes } }`. Names are local names: namespace
 * prefixes are dropped, because clients choose them freely.
 */
export type XmlElement = Readonly<Record<string, unknown>>;

/** An element, text as `{ "#text": "…" }`, or a CDATA section as `{ "#cdata": [text] }`. */
type ParsedNode = Readonly<Record<string, unknown>>;

const TEXT = "#text";
const CDATA = "#cdata";
const ATTRIBUTES = ":@";

export interface XmlLimits {
  readonly maxBytes: number;
  /** Elements of the largest valid document; a document with more is refused before it is parsed. */
  readonly maxElements?: number;
  /** Levels of elements; no document of S3 needs more than 8. */
  readonly maxDepth?: number;
}

/** Enough for most documents: a configuration of 1,000 rules is limited by its own count and length. */
const DEFAULT_MAX_ELEMENTS = 10_000;
const DEFAULT_MAX_DEPTH = 16;

/**
 * Parses a document with the given root.
 *
 * @throws S3Error `MalformedXML` for anything that is not such a document within the limits.
 */
export function parseXml(body: Uint8Array, root: string, limits: XmlLimits): XmlElement {
  const element = parseAnyXml(body, limits);
  if (nameOf(element) !== root) throw malformedXml(`unexpected root ${nameOf(element)}`);
  return element;
}

/** Parses a document with any root. @throws S3Error as `parseXml` */
export function parseAnyXml(body: Uint8Array, limits: XmlLimits): XmlElement {
  if (body.byteLength > limits.maxBytes) throw malformedXml("longer than allowed");
  const decoded = decodeUtf8(body);
  if (decoded === undefined) throw malformedXml("not UTF-8");
  const document = decoded.startsWith("\ufeff") ? decoded.slice(1) : decoded;
  const text = document.includes("\r") ? document.replace(/\r\n?/g, "\n") : document;
  const { maxElements = DEFAULT_MAX_ELEMENTS, maxDepth = DEFAULT_MAX_DEPTH } = limits;
  try {
    const root = parseNodes(text, checkDocument(text, { maxElements, maxDepth })).find(isElement);
    if (root !== undefined) return root;
  } catch (error) {
    throw error instanceof XmlSyntaxError ? malformedXml(error.message) : new S3Error("MalformedXML", { cause: error });
  }
  throw malformedXml("no root");
}

/** A checked document has no `<` in the value of an attribute, so this never matches inside one. */
const BLANKS_BEFORE_ELEMENT = />[ \t\n]+<(?!\/)/g;

function parseNodes(text: string, { hasAttributes, hasSections }: ScannedDocument): readonly ParsedNode[] {
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: !hasAttributes,
    attributeNamePrefix: "",
    removeNSPrefix: true,
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: false,
    processEntities: false,
    cdataPropName: CDATA,
    ignoreDeclaration: true,
    ignorePiTags: true,
    jPath: false,
  });
  // Indentation means nothing in any document of S3, and would be half of the nodes.
  return parser.parse(hasSections ? text : text.replaceAll(BLANKS_BEFORE_ELEMENT, "><")) as readonly ParsedNode[];
}

/** The error of every malformed or unexpected document; the reason appears only in the log. */
export function malformedXml(reason: string): S3Error {
  return new S3Error("MalformedXML", { cause: reason });
}

/** Local name. */
export function nameOf(element: XmlElement): string {
  for (const name in element) if (name !== ATTRIBUTES) return name;
  throw new Error("a node without a name");
}

/** An attribute by its local name, references decoded. */
export function attributeOf(element: XmlElement, name: string): string | undefined {
  const value = (element[ATTRIBUTES] as Readonly<Record<string, unknown>> | undefined)?.[name];
  return typeof value === "string" ? decodeReferences(value) : undefined;
}

/** Child elements in document order: all, or those of one name. */
export function childrenOf(element: XmlElement, name?: string): XmlElement[] {
  return contentOf(element).filter(name === undefined ? isElement : (node) => Object.hasOwn(node, name));
}

/** @throws S3Error `MalformedXML` if the element has the child more than once. */
export function findChild(element: XmlElement, name: string): XmlElement | undefined {
  let found: XmlElement | undefined;
  for (const node of contentOf(element)) {
    if (!Object.hasOwn(node, name)) continue;
    if (found !== undefined) throw malformedXml(`${name} repeated in ${nameOf(element)}`);
    found = node;
  }
  return found;
}

/** @throws S3Error `MalformedXML` unless the element has the child exactly once. */
export function requireChild(element: XmlElement, name: string): XmlElement {
  const child = findChild(element, name);
  if (child === undefined) throw malformedXml(`${name} missing in ${nameOf(element)}`);
  return child;
}

/** All text directly inside, CDATA included, untrimmed; child elements are skipped. */
export function directText(element: XmlElement): string {
  let text = "";
  for (const node of contentOf(element)) if (!isElement(node)) text += textOfNode(node);
  return text;
}

/** The same. @throws S3Error `MalformedXML` if the element has child elements. */
export function textOf(element: XmlElement): string {
  if (contentOf(element).some(isElement)) throw malformedXml(`${nameOf(element)} should be text`);
  return directText(element);
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
  for (const node of contentOf(element)) {
    if (isElement(node)) requireName(node, names, element);
    else if (!isBlank(textOfNode(node))) throw malformedXml(`unexpected text in ${nameOf(element)}`);
  }
}

/**
 * Texts by name, of an element whose children are all text and appear at most once.
 *
 * @throws S3Error `MalformedXML` for any other element, and as `requireOnly`
 */
export function childTexts<Name extends string>(
  element: XmlElement,
  names: readonly Name[],
): Partial<Readonly<Record<Name, string>>> {
  const texts: Partial<Record<Name, string>> = {};
  for (const node of contentOf(element)) {
    if (!isElement(node)) {
      if (!isBlank(textOfNode(node))) throw malformedXml(`unexpected text in ${nameOf(element)}`);
      continue;
    }
    const name = requireName(node, names, element);
    if (texts[name] !== undefined) throw malformedXml(`${name} repeated in ${nameOf(element)}`);
    texts[name] = textOf(node);
  }
  return texts;
}

function requireName<Name extends string>(child: XmlElement, names: readonly Name[], parent: XmlElement): Name {
  const name = nameOf(child);
  const known = names.find((each) => each === name);
  if (known === undefined) throw malformedXml(`unexpected ${name} in ${nameOf(parent)}`);
  return known;
}

function contentOf(element: XmlElement): readonly ParsedNode[] {
  return element[nameOf(element)] as readonly ParsedNode[];
}

/** No element is called `#text` or `#cdata`: a checked document has no such names. */
function isElement(node: ParsedNode): boolean {
  return !Object.hasOwn(node, TEXT) && !Object.hasOwn(node, CDATA);
}

function textOfNode(node: ParsedNode): string {
  const text = node[TEXT];
  if (typeof text === "string") return decodeReferences(text);
  const parts = (node[CDATA] ?? []) as readonly ParsedNode[];
  return parts.map((part) => String(part[TEXT] ?? "")).join("");
}
