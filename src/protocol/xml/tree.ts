/** A checked document as a small tree that keeps text exactly as sent. fast-xml-parser reads, with everything off that guesses. */
import { XMLParser } from "fast-xml-parser";
import { decodeReferences, type Scanned } from "./scanner.ts";

export interface XmlElement {
  /** Local name: namespace prefixes are dropped, because clients choose them freely. */
  readonly name: string;
  /** By local name, without namespace declarations. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** All text directly inside, CDATA included, untrimmed. */
  readonly text: string;
}

const TEXT = "#text";
const CDATA = "#cdata";
const ATTRIBUTES = ":@";
/** Values of attributes hold no `<` in a checked document, so this is never inside one. */
const BLANKS_BEFORE_ELEMENT = />[ \t\n]+<(?!\/)/g;
const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();

/** fast-xml-parser's ordered node: `{ name: [nodes], ":@": { attributes } }`, or text as `{ "#text": "…" }`. */
type Node = Readonly<Record<string, unknown>>;

/** @param text that has passed `checkDocument`; what that found out about it spares work */
export function buildTree(text: string, { hasAttributes, hasSections }: Scanned): XmlElement | undefined {
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: !hasAttributes,
    attributeNamePrefix: "",
    removeNSPrefix: true,
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: false,
    processEntities: false,
    cdataPropName: CDATA,
    ignoreDeclaration: true,
    ignorePiTags: true,
    jPath: false,
  });
  // Indentation means nothing in any document of S3, and would be half of the nodes.
  const dense = hasSections ? text : text.replaceAll(BLANKS_BEFORE_ELEMENT, "><");
  const nodes = parser.parse(dense) as readonly Node[];
  return nodes.map(toElement).find((element) => element !== undefined);
}

/** Undefined for text. */
function toElement(node: Node): XmlElement | undefined {
  for (const name in node) {
    if (name === TEXT || name === CDATA) return undefined;
    if (name === ATTRIBUTES) continue;
    const children: XmlElement[] = [];
    let text = "";
    for (const inner of node[name] as readonly Node[]) {
      const child = toElement(inner);
      if (child === undefined) text += textOfNode(inner);
      else children.push(child);
    }
    return { name, attributes: toAttributes(node[ATTRIBUTES]), children, text };
  }
  return undefined;
}

function toAttributes(attributes: unknown): ReadonlyMap<string, string> {
  if (typeof attributes !== "object" || attributes === null) return NO_ATTRIBUTES;
  return new Map(Object.entries(attributes).map(([name, value]) => [name, decodeReferences(String(value))]));
}

function textOfNode(node: Node): string {
  const text = node[TEXT];
  if (typeof text === "string") return decodeReferences(text);
  const parts = (node[CDATA] ?? []) as readonly Node[];
  return parts.map((part) => String(part[TEXT] ?? "")).join("");
}
