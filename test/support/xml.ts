/** Reads the documents of answers, without the reader and the writer in src. */

export interface Element {
  readonly name: string;
  readonly attributes: string;
  readonly children: readonly Element[];
  readonly text: string;
}

const TOKEN = /<\?[^>]*\?>|<(\/?)([A-Za-z][\w:.-]*)([^>]*?)(\/?)>|([^<]+)/g;

/** The root of a document. Throws if tags do not match up or if anything follows the root. */
export function readXml(text: string): Element {
  type Open = { name: string; attributes: string; children: Element[]; text: string };
  const document: Open = { name: "", attributes: "", children: [], text: "" };
  const stack: Open[] = [document];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index !== end) throw new Error(`not XML at ${end}: ${text.slice(end, end + 40)}`);
    end = match.index + match[0].length;
    const [, close, name, attributes = "", empty, characters] = match;
    const parent = stack.at(-1);
    if (parent === undefined) throw new Error("text after the root");
    if (characters !== undefined) parent.text += decode(characters);
    else if (close === "/") {
      if (parent.name !== name) throw new Error(`</${name}> closes <${parent.name}>`);
      stack.pop();
    } else if (name !== undefined) {
      const element: Open = { name, attributes: attributes.trim(), children: [], text: "" };
      parent.children.push(element);
      if (empty !== "/") stack.push(element);
    }
  }
  const [root, ...others] = document.children;
  if (end !== text.length || stack.length !== 1 || root === undefined || others.length > 0) {
    throw new Error(`not one XML document: ${text.slice(0, 200)}`);
  }
  return root;
}

function decode(text: string): string {
  const named = new Map([
    ["amp", "&"],
    ["lt", "<"],
    ["gt", ">"],
    ["quot", '"'],
    ["apos", "'"],
  ]);
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (_whole, hex, decimal, name) => {
    if (name !== undefined) return named.get(name) ?? "\ufffd";
    return String.fromCodePoint(Number.parseInt(hex ?? decimal, hex === undefined ? 10 : 16));
  });
}

export function all(element: Element, name: string): Element[] {
  return element.children.filter((child) => child.name === name);
}

/** Text of a child; undefined if absent. */
export function textIn(element: Element | undefined, ...path: string[]): string | undefined {
  let current = element;
  for (const name of path) current = current?.children.find((child) => child.name === name);
  return current?.text;
}

/** Texts of one grandchild each: the keys of a listing's Contents. */
export function texts(element: Element, name: string, child: string): string[] {
  return all(element, name).map((found) => textIn(found, child) ?? "");
}

/** A flat element as an object of its children's texts. */
export function fields(element: Element | undefined): Record<string, string> {
  return Object.fromEntries((element?.children ?? []).map((child) => [child.name, child.text]));
}

/** The document of a successful answer; checks the headers and the namespace that all of them have. */
export async function documentOf(response: Response, root: string): Promise<Element> {
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  if (response.headers.get("content-type") !== "application/xml") throw new Error("not application/xml");
  if (!text.startsWith('<?xml version="1.0" encoding="UTF-8"?>\n')) throw new Error(`no XML declaration: ${text}`);
  const element = readXml(text);
  if (element.name !== root) throw new Error(`root is ${element.name}`);
  if (element.attributes !== 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"') throw new Error(element.attributes);
  return element;
}
