/**
 * Request documents: bytes → a small tree that keeps text exactly as sent.
 *
 * fast-xml-parser does the reading, with everything off that guesses (trimming, numbers, entities), and what it
 * tolerates is refused here: DTDs, undeclared entities, several roots, unclosed comments, illegal characters.
 * Whatever is wrong is `MalformedXML`, as on AWS.
 */
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { S3Error } from "../../errors.ts";
import { decodeUtf8 } from "../percent-encoding.ts";

export interface XmlElement {
  /** Local name: namespace prefixes are dropped, because clients choose them freely. */
  readonly name: string;
  /** By local name, without namespace declarations. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** All text directly inside, CDATA included, untrimmed. */
  readonly text: string;
}

export interface XmlLimits {
  readonly maxBytes: number;
  /** Levels of elements; no document of S3 needs more than 8. */
  readonly maxDepth?: number;
}

const DEFAULT_MAX_DEPTH = 16;
const TEXT = "#text";
const CDATA = "#cdata";
const ATTRIBUTES = ":@";

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
  return readRoot(text.startsWith("\ufeff") ? text.slice(1) : text, limits.maxDepth ?? DEFAULT_MAX_DEPTH);
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
  const [child, ...others] = childrenOf(element, name);
  if (others.length > 0) throw malformedXml(`${name} repeated in ${element.name}`);
  return child;
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

function readRoot(text: string, maxDepth: number): XmlElement {
  requirePlainMarkup(text);
  if (XMLValidator.validate(text) !== true) throw malformedXml("not well-formed");
  const elements: XmlElement[] = [];
  for (const node of parseNodes(text, maxDepth)) {
    // fast-xml-parser lets `<a/>text` and `<a/><b/>` pass.
    if (!isBlank(textOfNode(node))) throw malformedXml("text outside the root");
    const element = toElement(node, maxDepth);
    if (element !== undefined) elements.push(element);
  }
  const [root, ...others] = elements;
  if (root === undefined || others.length > 0) throw malformedXml("not exactly one root");
  return root;
}

// "Char" of XML 1.0 (2.2), negated.
const ILLEGAL_CHARACTER = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u;

function requirePlainMarkup(text: string): void {
  if (ILLEGAL_CHARACTER.test(text)) throw malformedXml("illegal character");
  // fast-xml-parser drops what follows an empty root: `<a/>text`.
  if (!/>[ \t\r\n]*$/.test(withoutComments(text))) throw malformedXml("text after the root");
}

const COMMENT = { opens: "<!--", closes: "-->" };
const CDATA_SECTION = { opens: "<![CDATA[", closes: "]]>" };

/**
 * Comments and CDATA sections are passed over as a whole, so that what they quote is not taken for markup. By hand and
 * once from left to right: an expression that looks for each end anew takes seconds for many openings without one.
 */
function withoutComments(text: string): string {
  const kept: string[] = [];
  let end = 0;
  for (let start = text.indexOf("<!"); start !== -1; start = text.indexOf("<!", end)) {
    const section = [COMMENT, CDATA_SECTION].find(({ opens }) => text.startsWith(opens, start));
    const close = section === undefined ? -1 : text.indexOf(section.closes, start + section.opens.length);
    if (section === undefined || close === -1) throw malformedXml("DTD, or an unclosed comment or CDATA section");
    kept.push(text.slice(end, start));
    end = close + section.closes.length;
    if (section === CDATA_SECTION) kept.push(text.slice(start, end));
  }
  kept.push(text.slice(end));
  return kept.join("");
}

function parseNodes(text: string, maxDepth: number): Record<string, unknown>[] {
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: "",
    removeNSPrefix: true,
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: false,
    processEntities: false,
    cdataPropName: CDATA,
    ignoreDeclaration: true,
    ignorePiTags: true,
    maxNestedTags: maxDepth,
    jPath: false,
  });
  try {
    const nodes: unknown = parser.parse(text);
    return toRecords(nodes);
  } catch (cause) {
    throw new S3Error("MalformedXML", { cause });
  }
}

/** An ordered node is `{ name: [nodes], ":@": { attributes } }`; text is `{ "#text": "…" }`. Undefined for text. */
function toElement(node: Record<string, unknown>, levels: number): XmlElement | undefined {
  const name = Object.keys(node).find((property) => property !== ATTRIBUTES);
  if (name === undefined || name === TEXT || name === CDATA) return undefined;
  if (levels === 0) throw malformedXml("nested too deeply");
  const children: XmlElement[] = [];
  let text = "";
  for (const inner of toRecords(node[name])) {
    text += textOfNode(inner);
    const child = toElement(inner, levels - 1);
    if (child !== undefined) children.push(child);
  }
  const attributes = new Map<string, string>();
  for (const [attribute, value] of Object.entries(toRecord(node[ATTRIBUTES] ?? {}))) {
    attributes.set(attribute, decodeEntities(String(value)));
  }
  return { name, attributes, children, text };
}

function textOfNode(node: Record<string, unknown>): string {
  const text = node[TEXT];
  if (typeof text === "string") return decodeEntities(text);
  if (!Object.hasOwn(node, CDATA)) return "";
  return toRecords(node[CDATA])
    .map((part) => (typeof part[TEXT] === "string" ? part[TEXT] : ""))
    .join("");
}

const PREDEFINED = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

function decodeEntities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#x([0-9a-fA-F]{1,6});|#(\d{1,7});|(\w+);)?/g, (_whole, hex, decimal, name) => {
    const known = name === undefined ? fromCodePoint(hex, decimal) : PREDEFINED.get(name);
    if (known === undefined) throw malformedXml("unknown entity or bare ampersand");
    return known;
  });
}

/**
 * Control characters, which XML 1.0 forbids even as references, are accepted: keys may contain them, and our own
 * answers write them so (see writer.ts).
 */
function fromCodePoint(hex: string | undefined, decimal: string | undefined): string | undefined {
  const digits = hex ?? decimal;
  if (digits === undefined) return undefined;
  const codePoint = Number.parseInt(digits, hex === undefined ? 10 : 16);
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  return codePoint > 0x10ffff || isSurrogate ? undefined : String.fromCodePoint(codePoint);
}

function isBlank(text: string): boolean {
  return /^[ \t\r\n]*$/.test(text);
}

function toRecords(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value)) throw malformedXml("unexpected shape");
  return value.map(toRecord);
}

function toRecord(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw malformedXml("unexpected shape");
  return Object.fromEntries(Object.entries(value));
}
