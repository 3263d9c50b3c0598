/**
 * Writes the documents of answers: elements in the order given, text escaped so that a client reads any S3 key
 * unchanged.
 *
 * fast-xml-parser's builder is not used, because it writes carriage returns and control characters unescaped: readers
 * normalise the former and refuse the latter.
 */

/** Namespace of every S3 document except errors ("Common response"). */
export const S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";
/** Namespace of `xsi:type`, an attribute of grantees. */
export const XSI_NAMESPACE = "http://www.w3.org/2001/XMLSchema-instance";

declare const written: unique symbol;

/** An element as it is written, its text escaped. */
export type XmlNode = string & { readonly [written]: true };

/** An element with child elements. Undefined children are left out, so optional children need no condition. */
export function xmlElement(
  name: string,
  children: readonly (XmlNode | undefined)[],
  attributes?: Readonly<Record<string, string>>,
): XmlNode {
  if (children.length === 0) return emptyElement(name, attributes);
  let content = "";
  for (const child of children) if (child !== undefined) content += child;
  return element(name, content, attributes);
}

/** An element with text; numbers and booleans in their XML form. */
export function xmlText(
  name: string,
  value: string | number | boolean,
  attributes?: Readonly<Record<string, string>>,
): XmlNode {
  return value === "" ? emptyElement(name, attributes) : element(name, escapeXml(String(value)), attributes);
}

/** An element that is left out if the value is undefined. */
export function xmlOptional(name: string, value: string | number | boolean | undefined): XmlNode | undefined {
  return value === undefined ? undefined : xmlText(name, value);
}

/** Elements that the caller has written, with `escapeXml` around each value. For those that a document has by the thousand. */
export function xmlWritten(elements: string): XmlNode {
  return elements as XmlNode;
}

/** A whole document in S3's namespace. */
export function formatXml(root: string, children: readonly (XmlNode | undefined)[]): string {
  return formatDocument(xmlElement(root, children, { xmlns: S3_NAMESPACE }));
}

/** A whole document without S3's namespace, such as an error. */
export function formatDocument(root: XmlNode): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root}`;
}

function element(name: string, content: string, attributes?: Readonly<Record<string, string>>): XmlNode {
  return `<${name}${formatAttributes(attributes)}>${content}</${name}>` as XmlNode;
}

function emptyElement(name: string, attributes?: Readonly<Record<string, string>>): XmlNode {
  return `<${name}${formatAttributes(attributes)}/>` as XmlNode;
}

function formatAttributes(attributes: Readonly<Record<string, string>> | undefined): string {
  let text = "";
  if (attributes === undefined) return text;
  for (const [name, value] of Object.entries(attributes)) text += ` ${name}="${escapeXml(value)}"`;
  return text;
}

const ESCAPES = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
]);

const ESCAPED = /[&<>"\u0000-\u001f\u007f-\u009f\u2028\ufffe\uffff]/g;
/** Those, and surrogates, of which only lone ones are replaced. */
const MAY_NEED_ESCAPING = new RegExp(`${ESCAPED.source}|[\\ud800-\\udfff]`);

/**
 * Control characters become character references. A reader would otherwise normalise `\r` to `\n`. XML 1.0 cannot carry
 * characters such as U+0000 to U+0008 even as references, but our own reader accepts them; clients with a stricter
 * reader ask for `encoding-type=url`. Lone surrogates cannot be encoded and are replaced.
 */
export function escapeXml(text: string): string {
  if (!MAY_NEED_ESCAPING.test(text)) return text;
  return text
    .toWellFormed()
    .replace(ESCAPED, (character) => ESCAPES.get(character) ?? `&#x${character.charCodeAt(0).toString(16)};`);
}
