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

/** An element. Undefined children are left out, so optional children need no condition. */
export interface XmlNode {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly content: string | readonly (XmlNode | undefined)[];
}

/** An element with child elements. */
export function xmlElement(
  name: string,
  children: readonly (XmlNode | undefined)[],
  attributes: Readonly<Record<string, string>> = {},
): XmlNode {
  return { name, attributes, content: children };
}

/** An element with text; numbers and booleans in their XML form. */
export function xmlText(name: string, value: string | number | boolean): XmlNode {
  return { name, attributes: {}, content: String(value) };
}

/** An element that is left out if the value is undefined. */
export function xmlOptional(name: string, value: string | number | boolean | undefined): XmlNode | undefined {
  return value === undefined ? undefined : xmlText(name, value);
}

/** A whole document in S3's namespace. */
export function formatXml(root: string, children: readonly (XmlNode | undefined)[]): string {
  return formatDocument(xmlElement(root, children, { xmlns: S3_NAMESPACE }));
}

/** A whole document without S3's namespace, such as an error. */
export function formatDocument(root: XmlNode): string {
  const parts = ['<?xml version="1.0" encoding="UTF-8"?>\n'];
  write(root, parts);
  return parts.join("");
}

function write(node: XmlNode, parts: string[]): void {
  parts.push("<", node.name);
  for (const [name, value] of Object.entries(node.attributes)) parts.push(" ", name, '="', escapeXml(value), '"');
  if (node.content.length === 0) {
    parts.push("/>");
    return;
  }
  parts.push(">");
  if (typeof node.content === "string") parts.push(escapeXml(node.content));
  else for (const child of node.content) if (child !== undefined) write(child, parts);
  parts.push("</", node.name, ">");
}

const ESCAPES = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
]);

/**
 * Control characters become character references. A reader would otherwise normalise `\r` to `\n`. XML 1.0 cannot carry
 * characters such as U+0000 to U+0008 even as references, but our own reader accepts them; clients with a stricter
 * reader ask for `encoding-type=url`. Lone surrogates cannot be encoded and are replaced.
 */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(
      /[&<>"\u0000-\u001f\u007f-\u009f\u2028\ufffe\uffff]/g,
      (character) => ESCAPES.get(character) ?? `&#x${character.charCodeAt(0).toString(16)};`,
    );
}
