/**
 * Answer documents, written by hand: elements in the order given, text escaped so that any S3 key survives the trip.
 *
 * Why not a library: fast-xml-parser's builder writes carriage returns and control characters raw, and readers then
 * normalise the one and refuse the other.
 */

/** Namespace of every S3 document except errors ("Common response"). */
export const S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";
/** Of `xsi:type`, which grantees carry. */
export const XSI_NAMESPACE = "http://www.w3.org/2001/XMLSchema-instance";

/** An element; undefined children are left out, so optional ones need no condition around them. */
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

/** An element that is left out where it has no value. */
export function xmlOptional(name: string, value: string | number | boolean | undefined): XmlNode | undefined {
  return value === undefined ? undefined : xmlText(name, value);
}

/** A whole document in S3's namespace. */
export function formatXml(root: string, children: readonly (XmlNode | undefined)[]): string {
  return formatDocument(xmlElement(root, children, { xmlns: S3_NAMESPACE }));
}

/** A whole document as given, for the few without a namespace (errors). */
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
 * Control characters become numeric references. For `\r` the reference is what keeps it from being normalised to `\n`;
 * for U+0000 to U+0008 and their like, which XML 1.0 has no way to carry, it at least names the character, and our own
 * reader takes it back: clients with stricter ones ask for `encoding-type=url`. Lone surrogates cannot be encoded at all.
 */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(
      /[&<>"\u0000-\u001f\u007f-\u009f\u2028\ufffe\uffff]/g,
      (character) => ESCAPES.get(character) ?? `&#x${character.charCodeAt(0).toString(16)};`,
    );
}
