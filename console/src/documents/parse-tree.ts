/**
 * Reads documents that people edit. The browser's parser is not used for them: it answers mistakes with markup that has inline styles,
 * which the Content-Security-Policy refuses and reports, and does not say in which line they are.
 */
import type { Tree } from "./tree.ts";

interface Open {
  readonly name: string;
  text: string;
  readonly children: Tree[];
}

const TOKEN =
  /<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\/([^\s<>/]+)\s*>|<([A-Za-z_][\w:.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/gy;
/** Enough for every document of S3. */
const MAX_DEPTH = 20;

/** @throws Error with the line, for a text that is not one XML document */
export function parseTree(text: string): Tree {
  const root: Open = { name: "", text: "", children: [] };
  const open: Open[] = [root];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [token, cdata, closed, opened, , slash, characters] = match;
    const current = open.at(-1) ?? root;
    const at = () => ` in line ${lineAt(text, match.index)}`;
    if (cdata !== undefined) current.text += cdata;
    else if (characters !== undefined) {
      current.text += decode(characters, (offset) => lineAt(text, match.index + offset));
    } else if (closed !== undefined) {
      if (open.length === 1 || current.name !== closed)
        throw new Error(`</${closed}>${at()} closes nothing that is open.`);
      open.pop();
      open.at(-1)?.children.push(finish(current));
    } else if (opened !== undefined) {
      if (open.length > MAX_DEPTH) throw new Error(`<${opened}>${at()} is nested too deeply.`);
      const element = { name: opened, text: "", children: [] };
      if (slash === "") open.push(element);
      else current.children.push(finish(element));
    }
    end = match.index + token.length;
  }
  if (end < text.length) throw new Error(`Line ${lineAt(text, end)} is not XML.`);
  const unclosed = open.at(-1);
  if (open.length > 1 && unclosed !== undefined) throw new Error(`<${unclosed.name}> is not closed.`);
  const [document, ...others] = root.children;
  if (document === undefined || others.length > 0 || root.text.trim() !== "") {
    throw new Error("An XML document is one element with all others in it.");
  }
  return document;
}

/** The name without the prefix of its namespace; text between elements is only layout. */
function finish({ name, text, children }: Open): Tree {
  return { name: name.replace(/^.*:/, ""), text: children.length === 0 ? text : "", children };
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decode(text: string, lineOf: (offset: number) => number): string {
  return text.replace(/&([^\s&;]{0,10});?/g, (reference: string, name: string, offset: number) => {
    const [, hex, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(name) ?? [];
    const code = hex !== undefined ? Number.parseInt(hex, 16) : Number(decimal);
    const character = Number.isInteger(code) && code <= 0x10ffff ? String.fromCodePoint(code) : NAMED[name];
    if (character === undefined || !reference.endsWith(";")) {
      throw new Error(`${reference} in line ${lineOf(offset)} is no reference: & is written &amp; in XML.`);
    }
    return character;
  });
}
