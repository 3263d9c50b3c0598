/**
 * The part of XML 1.0 that requests to S3 are written in, once from left to right: elements, attributes, text, CDATA,
 * comments, the predefined entities and references to characters. No DTD.
 *
 * Why not a library: what there is builds a tree of whatever it is sent before it can be asked how large it is, and takes
 * four times as long (fast-xml-parser 5.12: 400 ms for the largest CompleteMultipartUpload). Here nothing is built of a
 * document beyond the limits, and any costs what its length costs.
 */

export interface XmlElement {
  /** Local name: namespace prefixes are dropped, because clients choose them freely. */
  readonly name: string;
  /** By local name, without namespace declarations. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** All text directly inside, CDATA included, untrimmed. */
  readonly text: string;
}

export interface DocumentLimits {
  readonly maxElements: number;
  readonly maxDepth: number;
}

/** What is wrong with a document. */
export class XmlFault extends Error {
  override readonly name = "XmlFault";
}

/** Of all elements together, namespace declarations not counted: an ACL of 100 grants has 100. */
const MAX_ATTRIBUTES = 1_000;
const MAX_ATTRIBUTES_OF_ELEMENT = 16;
const MAX_NAME_LENGTH = 128;
/** `&#1114111;` */
const MAX_REFERENCE_LENGTH = 10;

// "Char" of XML 1.0 (2.2), negated. Text out of UTF-8 has no halves of surrogate pairs.
const ILLEGAL_CHARACTER = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();

/** What is passed over as a whole, so that what it quotes is not taken for markup. */
interface Section {
  readonly opens: string;
  readonly closes: string;
}

const CDATA: Section = { opens: "<![CDATA[", closes: "]]>" };
const COMMENT: Section = { opens: "<!--", closes: "-->" };
const INSTRUCTION: Section = { opens: "<?", closes: "?>" };

interface OpenElement {
  readonly qualifiedName: string;
  readonly element: XmlElement & { readonly children: XmlElement[]; text: string };
}

/** @throws XmlFault for anything that is not one document within the limits */
export function readDocument(text: string, limits: DocumentLimits): XmlElement {
  if (ILLEGAL_CHARACTER.test(text)) throw new XmlFault("illegal character");
  requireFewElements(text, limits.maxElements);
  return new Parser(text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text, limits.maxDepth).read();
}

/** Counts start tags before anything is built. */
function requireFewElements(text: string, maxElements: number): void {
  let elements = 0;
  for (let at = text.indexOf("<"); at !== -1; at = text.indexOf("<", at + 1)) {
    const section = sectionAt(text, at);
    if (section !== undefined) at = endOf(text, at, section) - 1;
    else if (text.charAt(at + 1) !== "/" && ++elements > maxElements) throw new XmlFault("too many elements");
  }
}

function sectionAt(text: string, at: number): Section | undefined {
  const next = text.charAt(at + 1);
  if (next === "?") return INSTRUCTION;
  if (next !== "!") return undefined;
  if (text.startsWith(COMMENT.opens, at)) return COMMENT;
  if (text.startsWith(CDATA.opens, at)) return CDATA;
  throw new XmlFault("a DTD");
}

/** Where what begins here is over. */
function endOf(text: string, at: number, { opens, closes }: Section): number {
  const end = text.indexOf(closes, at + opens.length);
  if (end === -1) throw new XmlFault("unclosed comment, CDATA section or instruction");
  return end + closes.length;
}

class Parser {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #open: OpenElement[] = [];
  #at = 0;
  #attributes = 0;
  #root: XmlElement | undefined;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  read(): XmlElement {
    const text = this.#text;
    while (this.#at < text.length) {
      const markup = text.indexOf("<", this.#at);
      const end = markup === -1 ? text.length : markup;
      if (end > this.#at) this.#addText(decodeReferences(text.slice(this.#at, end)));
      this.#at = end;
      if (markup !== -1) this.#readMarkup();
    }
    if (this.#root === undefined || this.#open.length > 0) throw new XmlFault("not exactly one whole root");
    return this.#root;
  }

  #readMarkup(): void {
    const text = this.#text;
    const start = this.#at;
    const section = sectionAt(text, start);
    if (section === undefined) {
      if (text.charAt(start + 1) === "/") this.#readEndTag();
      else this.#readStartTag();
      return;
    }
    this.#at = endOf(text, start, section);
    if (section !== CDATA) return;
    if (this.#open.length === 0) throw new XmlFault("CDATA outside the root");
    this.#addText(text.slice(start + CDATA.opens.length, this.#at - CDATA.closes.length));
  }

  #addText(text: string): void {
    const parent = this.#open.at(-1);
    if (parent !== undefined) parent.element.text += text;
    else if (!isBlank(text)) throw new XmlFault("text outside the root");
  }

  #readEndTag(): void {
    const ended = this.#open.pop();
    this.#at += 2;
    if (ended === undefined || this.#readName() !== ended.qualifiedName) throw new XmlFault("tags do not pair");
    this.#skipBlanks();
    this.#require(">");
  }

  #readStartTag(): void {
    this.#at++;
    const qualifiedName = this.#readName();
    if (this.#open.length >= this.#maxDepth) throw new XmlFault("nested too deeply");
    const attributes = this.#readAttributes();
    const element = { name: localName(qualifiedName), attributes, children: [], text: "" };
    const parent = this.#open.at(-1);
    if (parent !== undefined) parent.element.children.push(element);
    else if (this.#root === undefined) this.#root = element;
    else throw new XmlFault("several roots");
    if (this.#text.charAt(this.#at) === "/") this.#at++;
    else this.#open.push({ qualifiedName, element });
    this.#require(">");
  }

  #readAttributes(): ReadonlyMap<string, string> {
    const seen = new Set<string>();
    const attributes = new Map<string, string>();
    while (this.#skipBlanks() && this.#text.charAt(this.#at) !== ">" && this.#text.charAt(this.#at) !== "/") {
      const name = this.#readName();
      this.#skipBlanks();
      this.#require("=");
      this.#skipBlanks();
      const value = this.#readQuoted();
      if (seen.has(name) || seen.size === MAX_ATTRIBUTES_OF_ELEMENT) throw new XmlFault("attributes");
      seen.add(name);
      if (name === "xmlns" || name.startsWith("xmlns:")) continue;
      if (++this.#attributes > MAX_ATTRIBUTES) throw new XmlFault("too many attributes");
      attributes.set(localName(name), value);
    }
    return attributes.size === 0 ? NO_ATTRIBUTES : attributes;
  }

  #readQuoted(): string {
    const quote = this.#text.charAt(this.#at);
    const end = quote === '"' || quote === "'" ? this.#text.indexOf(quote, this.#at + 1) : -1;
    const value = this.#text.slice(this.#at + 1, end === -1 ? this.#at : end);
    if (end === -1 || value.includes("<")) throw new XmlFault("value of an attribute");
    this.#at = end + 1;
    return decodeReferences(value);
  }

  #readName(): string {
    const start = this.#at;
    while (isNameCharacter(this.#text.charCodeAt(this.#at))) {
      if (++this.#at - start > MAX_NAME_LENGTH) throw new XmlFault("name too long");
    }
    const name = this.#text.slice(start, this.#at);
    if (name === "" || /^[-.\d]/.test(name)) throw new XmlFault("not a name");
    return name;
  }

  /** Whether there were any. */
  #skipBlanks(): boolean {
    const start = this.#at;
    while (isBlankCharacter(this.#text.charCodeAt(this.#at))) this.#at++;
    return this.#at > start;
  }

  #require(character: string): void {
    if (this.#text.charAt(this.#at) !== character) throw new XmlFault(`${character} expected`);
    this.#at++;
  }
}

export function isBlank(text: string): boolean {
  return /^[ \t\r\n]*$/.test(text);
}

function localName(qualifiedName: string): string {
  const [first = "", second, ...others] = qualifiedName.split(":");
  if (first === "" || second === "" || others.length > 0) throw new XmlFault("not a name");
  return second ?? first;
}

/** As "Name" of XML 1.0 (2.3) for ASCII; beyond it anything, which no name of a document of S3 has. NaN: the end. */
function isNameCharacter(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    // - . 0-9 :
    code === 0x2d ||
    code === 0x2e ||
    (code >= 0x30 && code <= 0x3a) ||
    code === 0x5f ||
    code >= 0x80
  );
}

function isBlankCharacter(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x09 || code === 0x0d;
}

const PREDEFINED: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

function decodeReferences(text: string): string {
  let start = text.indexOf("&");
  if (start === -1) return text;
  const decoded: string[] = [];
  let from = 0;
  for (; start !== -1; start = text.indexOf("&", from)) {
    const end = text.slice(start, start + MAX_REFERENCE_LENGTH).indexOf(";");
    const name = text.slice(start + 1, start + Math.max(end, 1));
    const character = name.startsWith("#") ? characterOf(name) : PREDEFINED.get(name);
    if (end === -1 || character === undefined) throw new XmlFault("unknown entity or bare ampersand");
    if (start > from) decoded.push(text.slice(from, start));
    decoded.push(character);
    from = start + end + 1;
  }
  decoded.push(text.slice(from));
  return decoded.join("");
}

/**
 * `#x1F600` or `#128512`. Control characters, which XML 1.0 forbids even as references, are accepted: keys may contain
 * them, and our own answers write them so (see writer.ts).
 */
function characterOf(reference: string): string | undefined {
  const [, hex, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(reference) ?? [];
  const codePoint = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  return codePoint > 0x10ffff || Number.isNaN(codePoint) || isSurrogate ? undefined : String.fromCodePoint(codePoint);
}
