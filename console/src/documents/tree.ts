/** Documents of elements and texts, as the forms read and write them. */
import { escapeXml } from "../api/xml.ts";

/** Without attributes, and without texts between elements. */
export interface Tree {
  readonly name: string;
  /** Of an element without children. */
  readonly text: string;
  readonly children: readonly Tree[];
}

/** Indented, for people to read and edit. */
export function formatTree(tree: Tree, attributes = "", indent = ""): string {
  const { name, text, children } = tree;
  if (children.length === 0) return `${indent}<${name}${attributes}>${escapeXml(text)}</${name}>`;
  const inner = children.map((child) => formatTree(child, "", `${indent}  `));
  return [`${indent}<${name}${attributes}>`, ...inner, `${indent}</${name}>`].join("\n");
}

/**
 * Equal for trees that say the same: without empty elements, and without an order of siblings of different names. Siblings of one
 * name keep theirs.
 */
export function canonical({ name, text, children }: Tree): string {
  if (children.length === 0) return text.trim() === "" ? "" : `<${name}>${escapeXml(text)}</${name}>`;
  const byName = new Map<string, string>();
  for (const child of children) byName.set(child.name, (byName.get(child.name) ?? "") + canonical(child));
  const inner = [...byName]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, texts]) => texts)
    .join("");
  return inner === "" ? "" : `<${name}>${inner}</${name}>`;
}
