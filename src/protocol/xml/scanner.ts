/**
 * Checks that a text is one document of the subset of XML 1.0 that S3 uses: elements, attributes, text, CDATA,
 * comments, the predefined entities and character references, but no DTD. The scanner reads the text once from left to
 * right and builds nothing, so a document beyond the limits costs no memory. `reader.ts` then parses the document.
 */

export interface DocumentLimits {
  /** Elements and CDATA sections. */
  readonly maxElements: number;
  readonly maxDepth: number;
}

/** The document is malformed or beyond a limit. */
export class XmlSyntaxError extends Error {
  override readonly name = "XmlSyntaxError";
}

/** Of all elements together, without namespace declarations: an ACL of 100 grants has 100. */
const MAX_ATTRIBUTES = 1_000;
const MAX_ATTRIBUTES_OF_ELEMENT = 16;
const MAX_NAME_LENGTH = 128;

// "Char" of XML 1.0 (2.2), negated. Text decoded from UTF-8 has no lone surrogates.
const ILLEGAL_CHARACTER = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/** A section that is skipped as a whole, so that its content is not taken for markup. */
interface Section {
  readonly opens: string;
  readonly closes: string;
}

const CDATA: Section = { opens: "<![CDATA[", closes: "]]>" };
const COMMENT: Section = { opens: "<!--", closes: "-->" };
const INSTRUCTION: Section = { opens: "<?", closes: "?>" };

export interface ScannedDocument {
  /** Whether an element has an attribute other than namespace declarations. */
  readonly hasAttributes: boolean;
  /** Whether the root contains a comment, an instruction or a CDATA section, whose content may look like markup. */
  readonly hasSections: boolean;
}

/** @throws XmlSyntaxError unless the text is one document within the limits */
export function checkDocument(text: string, limits: DocumentLimits): ScannedDocument {
  if (ILLEGAL_CHARACTER.test(text)) throw new XmlSyntaxError("illegal character");
  return new Scanner(text, limits).scan();
}

function sectionAt(text: string, at: number): Section | undefined {
  const next = text.charAt(at + 1);
  if (next === "?") return INSTRUCTION;
  if (next !== "!") return undefined;
  if (text.startsWith(COMMENT.opens, at)) return COMMENT;
  if (text.startsWith(CDATA.opens, at)) return CDATA;
  throw new XmlSyntaxError("a DTD");
}

/** The index after the section. */
function endOf(text: string, at: number, { opens, closes }: Section): number {
  const end = text.indexOf(closes, at + opens.length);
  if (end === -1) throw new XmlSyntaxError("unclosed comment, CDATA section or instruction");
  return end + closes.length;
}

class Scanner {
  readonly #text: string;
  readonly #limits: DocumentLimits;
  /** Names of the open elements, with prefixes. */
  readonly #open: string[] = [];
  #at = 0;
  #elements = 0;
  #nodes = 0;
  #hasSections = false;
  #attributes = 0;
  /** Index of the next `&`. */
  #ampersand = -1;

  constructor(text: string, limits: DocumentLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  scan(): ScannedDocument {
    const text = this.#text;
    while (this.#at < text.length) {
      const markup = text.indexOf("<", this.#at);
      const end = markup === -1 ? text.length : markup;
      if (end > this.#at) this.#checkText(this.#at, end);
      this.#at = end;
      if (markup !== -1) this.#scanMarkup();
    }
    if (this.#elements === 0 || this.#open.length > 0) throw new XmlSyntaxError("not exactly one whole root");
    return { hasAttributes: this.#attributes > 0, hasSections: this.#hasSections };
  }

  #scanMarkup(): void {
    const text = this.#text;
    const start = this.#at;
    const section = sectionAt(text, start);
    if (section === undefined) {
      if (text.charAt(start + 1) === "/") this.#scanEndTag();
      else this.#scanStartTag();
      return;
    }
    this.#at = endOf(text, start, section);
    // The XML declaration does not count: with it, `reader.ts` may still remove blanks between elements.
    this.#hasSections ||= this.#elements > 0;
    if (section !== CDATA) return;
    if (this.#open.length === 0) throw new XmlSyntaxError("CDATA outside the root");
    this.#countNode();
  }

  /** Checks the references of text, and that text outside the root is blank. */
  #checkText(start: number, end: number): void {
    if (this.#ampersand < start) this.#ampersand = indexOrEnd(this.#text, "&", start);
    for (; this.#ampersand < end; this.#ampersand = indexOrEnd(this.#text, "&", this.#ampersand + 1)) {
      decodeReferenceAt(this.#text, this.#ampersand);
    }
    if (this.#open.length === 0 && !isBlank(this.#text.slice(start, end))) {
      throw new XmlSyntaxError("text outside the root");
    }
  }

  #scanEndTag(): void {
    const ended = this.#open.pop();
    this.#at += 2;
    if (ended === undefined || !this.#text.startsWith(ended, this.#at)) throw new XmlSyntaxError("tags do not pair");
    this.#at += ended.length;
    this.#skipBlanks();
    this.#require(">");
  }

  #scanStartTag(): void {
    this.#at++;
    const name = this.#scanName();
    checkQualifiedName(name);
    if (this.#open.length >= this.#limits.maxDepth) throw new XmlSyntaxError("nested too deeply");
    if (this.#open.length === 0 && this.#elements > 0) throw new XmlSyntaxError("several roots");
    this.#elements++;
    this.#countNode();
    this.#scanAttributes();
    if (this.#text.charAt(this.#at) === "/") this.#at++;
    else this.#open.push(name);
    this.#require(">");
  }

  /** Elements and CDATA sections become nodes of the parsed document. */
  #countNode(): void {
    if (++this.#nodes > this.#limits.maxElements) throw new XmlSyntaxError("too many elements");
  }

  #scanAttributes(): void {
    let seen: Set<string> | undefined;
    while (this.#skipBlanks() && this.#text.charAt(this.#at) !== ">" && this.#text.charAt(this.#at) !== "/") {
      seen ??= new Set();
      const name = this.#scanName();
      checkQualifiedName(name);
      this.#skipBlanks();
      this.#require("=");
      this.#skipBlanks();
      this.#scanQuoted();
      if (seen.has(name) || seen.size === MAX_ATTRIBUTES_OF_ELEMENT) throw new XmlSyntaxError("attributes");
      seen.add(name);
      if (name === "xmlns" || name.startsWith("xmlns:")) continue;
      if (++this.#attributes > MAX_ATTRIBUTES) throw new XmlSyntaxError("too many attributes");
    }
  }

  #scanQuoted(): void {
    const quote = this.#text.charAt(this.#at);
    const end = quote === '"' || quote === "'" ? this.#text.indexOf(quote, this.#at + 1) : -1;
    const value = this.#text.slice(this.#at + 1, end === -1 ? this.#at : end);
    if (end === -1 || value.includes("<")) throw new XmlSyntaxError("value of an attribute");
    this.#at = end + 1;
    decodeReferences(value);
  }

  #scanName(): string {
    const start = this.#at;
    while (isNameCharacter(this.#text.charCodeAt(this.#at))) {
      if (++this.#at - start > MAX_NAME_LENGTH) throw new XmlSyntaxError("name too long");
    }
    const name = this.#text.slice(start, this.#at);
    if (name === "" || /^[-.\d]/.test(name)) throw new XmlSyntaxError("not a name");
    return name;
  }

  /** Whether there was a blank. */
  #skipBlanks(): boolean {
    const start = this.#at;
    while (isBlankCharacter(this.#text.charCodeAt(this.#at))) this.#at++;
    return this.#at > start;
  }

  #require(character: string): void {
    if (this.#text.charAt(this.#at) !== character) throw new XmlSyntaxError(`${character} expected`);
    this.#at++;
  }
}

export function isBlank(text: string): boolean {
  return /^[ \t\r\n]*$/.test(text);
}

/** A name has at most one prefix, which is dropped later because clients choose it freely. */
function checkQualifiedName(name: string): void {
  const colon = name.indexOf(":");
  if (colon === -1) return;
  if (colon === 0 || colon === name.length - 1 || name.includes(":", colon + 1)) throw new XmlSyntaxError("not a name");
}

/** "Name" of XML 1.0 (2.3) for ASCII. Any other character is accepted, because S3 has no such names. NaN is the end. */
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

/** The length of the text if the character does not occur. */
function indexOrEnd(text: string, character: string, from: number): number {
  const index = text.indexOf(character, from);
  return index === -1 ? text.length : index;
}

const REFERENCE = /&(?:([a-z]{2,4})|#x([0-9a-fA-F]{1,6})|#(\d{1,7}));/y;

/** Text with its references replaced. @throws XmlSyntaxError for an unknown entity or a bare ampersand */
export function decodeReferences(text: string): string {
  let start = text.indexOf("&");
  if (start === -1) return text;
  const pieces: string[] = [];
  let from = 0;
  for (; start !== -1; start = text.indexOf("&", from)) {
    if (start > from) pieces.push(text.slice(from, start));
    pieces.push(decodeReferenceAt(text, start));
    from = REFERENCE.lastIndex;
  }
  pieces.push(text.slice(from));
  return pieces.join("");
}

/**
 * The character of the reference at an index; `REFERENCE.lastIndex` is then its end. References to control characters are
 * accepted although XML 1.0 forbids them: keys may contain control characters, and answers write them as references
 * (writer.ts).
 */
function decodeReferenceAt(text: string, index: number): string {
  REFERENCE.lastIndex = index;
  const match = REFERENCE.exec(text);
  const [, entity = "", hex, decimal] = match ?? [];
  const isNumeric = hex !== undefined || decimal !== undefined;
  const codePoint = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  const character = isNumeric ? characterOf(codePoint) : PREDEFINED.get(entity);
  if (character === undefined) throw new XmlSyntaxError("unknown entity or bare ampersand");
  return character;
}

function characterOf(codePoint: number): string | undefined {
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  return codePoint > 0x10ffff || isSurrogate ? undefined : String.fromCodePoint(codePoint);
}
