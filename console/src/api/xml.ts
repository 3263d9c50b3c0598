/** Reading of answers with the browser's parser, and writing of request documents. */

/** @throws Error if the text is not an XML document */
export function parseXml(text: string): Element {
  const document = new DOMParser().parseFromString(text, "application/xml");
  const root = document.documentElement;
  if (document.getElementsByTagName("parsererror").length > 0) throw new Error("The answer is not an XML document.");
  return root;
}

export function childrenOf(parent: Element, name: string): Element[] {
  return [...parent.children].filter(({ localName }) => localName === name);
}

/** The first element at a path of names. */
export function findElement(parent: Element, ...path: readonly string[]): Element | undefined {
  let element: Element | undefined = parent;
  for (const name of path) element = element && childrenOf(element, name)[0];
  return element;
}

/** The text of the first element at a path of names. */
export function findText(parent: Element, ...path: readonly string[]): string | undefined {
  return findElement(parent, ...path)?.textContent ?? undefined;
}

export function textOf(parent: Element, ...path: readonly string[]): string {
  return findText(parent, ...path) ?? "";
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Also what XML parsers change (line ends) is a reference. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => ESCAPES[char] ?? char).replace(/\r/g, "&#13;");
}

export type XmlContent = string | readonly (XmlNode | undefined)[];
export interface XmlNode {
  readonly xml: string;
}

/** An element; text is escaped. */
export function element(name: string, content: XmlContent, attributes = ""): XmlNode {
  const inner = typeof content === "string" ? escapeXml(content) : content.map((node) => node?.xml ?? "").join("");
  return { xml: `<${name}${attributes}>${inner}</${name}>` };
}

const NAMESPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

/** A document of S3. */
export function formatDocument(name: string, content: XmlContent): string {
  return element(name, content, NAMESPACE).xml;
}
