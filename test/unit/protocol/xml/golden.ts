import { parseXml, type XmlElement } from "../../../../src/protocol/xml/reader.ts";

/** A golden document in S3's namespace: prolog and root around readable, indented content. */
export function golden(root: string, content: string, namespace = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"') {
  const flat = content.replace(/\n\s*/g, "");
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${namespace}>${flat}</${root}>`;
}

/** Reads a document that our writer wrote. */
export function reread(document: string, root: string): XmlElement {
  return parseXml(new TextEncoder().encode(document), root, { maxBytes: 1_000_000 });
}

export function bytes(document: string): Uint8Array {
  return new TextEncoder().encode(document);
}

export const OWNER = { id: "79a59df900b949e5", displayName: "Ana & Bo" };
export const OWNER_XML = "<ID>79a59df900b949e5</ID><DisplayName>Ana &amp; Bo</DisplayName>";
export const DATE = new Date("2009-10-12T17:50:30.750Z");
export const DATE_XML = "2009-10-12T17:50:30.000Z";

/** Keys that break careless escaping, trimming or encoding. */
export const HOSTILE_KEYS = [
  " both ends ",
  "a\rb\nc\td",
  "\u0001\u001f",
  "]]>",
  "<Key>&amp;</Key>",
  "\"'",
  "ünï/日本/😀",
  "+ %20 & =",
  "a//b/../c",
];
