/** Compares answers with what the model expects of them. */
import { type Element, readXml } from "../xml.ts";
import { type Answer, COMPARED_HEADERS, type Document } from "./answers.ts";
import type { Bindings } from "./bindings.ts";
import type { Callers, WireAnswer } from "./wire.ts";

/** Elements that may occur any number of times. */
const LISTS = new Set([
  "Contents",
  "CommonPrefixes",
  "Row",
  "Tag",
  "Grant",
  "Part",
  "Upload",
  "Deleted",
  "Error",
  "Bucket",
]);

/** Times, ids of requests, and what docs/compatibility.md says about ChecksumAlgorithm and DisplayName in listings. */
const IGNORED = new Set([
  "LastModified",
  "Initiated",
  "CreationDate",
  "BucketRegion",
  "BucketArn",
  "Message",
  "DisplayName",
  "ChecksumAlgorithm",
  "ChecksumType",
  "ChecksumCRC64NVME",
]);

export interface Comparison {
  readonly bindings: Bindings;
  readonly callers: Callers;
}

/** What is different; empty if nothing is. */
export function differences(expected: Answer, actual: WireAnswer, comparison: Comparison): string[] {
  const { bindings } = comparison;
  const { status, headers, text } = actual;
  const found: string[] = [];
  if (status !== expected.status) found.push(`status ${status}, expected ${expected.status} ${expected.code ?? ""}`);
  const isError = expected.code !== undefined;
  if (isError && text !== "" && codeOf(text) !== expected.code)
    found.push(`code ${codeOf(text)}, expected ${expected.code}`);
  for (const name of new Set([...COMPARED_HEADERS, ...Object.keys(expected.headers ?? {})])) {
    const wanted = expected.headers?.[name];
    const present = headers.get(name) ?? undefined;
    const isRight =
      wanted === undefined || present === undefined ? wanted === present : bindings.accepts(wanted, present);
    if (!isRight) found.push(`${name}: ${present && bindings.nameOf(present)}, expected ${wanted}`);
  }
  if (found.length > 0) return [...found, ...(text === "" ? [] : [text.slice(0, 400)])];
  if (isError) return [];
  const { body = "" } = expected;
  if (typeof body === "string") return text === body ? [] : [`body ${shorten(text)}, expected ${shorten(body)}`];
  const read = documentOf(readXml(text), comparison.callers);
  return documentDifferences(body.document, read, { bindings, path: "" });
}

function codeOf(text: string): string {
  return /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? "";
}

function shorten(text: string): string {
  return text.length < 200 ? JSON.stringify(text) : `${text.length} characters that begin with ${text.slice(0, 20)}`;
}

/** The document in the model's shape: canonical ids become names of callers, and versions and markers rows of one list. */
function documentOf(element: Element, callers: Callers): Document {
  const { children, text } = element;
  if (children.length === 0) return LISTS.has(element.name) ? {} : text;
  const result: Record<string, Document> = {};
  for (const child of children) {
    if (IGNORED.has(child.name)) continue;
    const { name, value } = shapeOf(child, callers);
    if (LISTS.has(name)) {
      const before = result[name];
      result[name] = [...(Array.isArray(before) ? before : []), value];
    } else {
      result[name] = value;
    }
  }
  return result;
}

function shapeOf(child: Element, callers: Callers): { readonly name: string; readonly value: Document } {
  const id = child.children.find(({ name }) => name === "ID" || name === "URI")?.text;
  if (id !== undefined) {
    const known = Object.entries(callers.canonicalIds).find(([, canonicalId]) => canonicalId === id)?.[0];
    return { name: child.name, value: known ?? id };
  }
  if (child.name === "Bucket" && child.children.length === 0) return { name: "BucketName", value: child.text };
  const value = documentOf(child, callers);
  const isRow = child.name === "Version" || child.name === "DeleteMarker";
  if (isRow && typeof value === "object" && !Array.isArray(value))
    return { name: "Row", value: { Kind: child.name, ...value } };
  return { name: child.name, value };
}

interface Place {
  readonly bindings: Bindings;
  readonly path: string;
}

function documentDifferences(expected: Document | undefined, actual: Document | undefined, place: Place): string[] {
  const { bindings, path } = place;
  if (expected === "§maybe") return [];
  if (typeof expected === "string" && typeof actual === "string") {
    return bindings.accepts(expected, actual) ? [] : [`${path}: ${bindings.nameOf(actual)}, expected ${expected}`];
  }
  if (isList(expected) && (actual === undefined || isList(actual))) {
    const rows = actual ?? [];
    const found = expected.flatMap((row, index) =>
      documentDifferences(row, rows[index], { bindings, path: `${path}/${index}` }),
    );
    if (rows.length > expected.length) found.push(`${path}: ${rows.length} rows, expected ${expected.length}`);
    return found;
  }
  if (isElement(expected) && (actual === "" || isElement(actual))) {
    const present = actual === "" ? {} : actual;
    const names = new Set([...Object.keys(expected), ...Object.keys(present)]);
    return [...names].flatMap((name) =>
      documentDifferences(expected[name], present[name], { bindings, path: `${path}/${name}` }),
    );
  }
  if (expected === undefined && actual === undefined) return [];
  return [`${path}: ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`];
}

function isList(value: Document | undefined): value is readonly Document[] {
  return Array.isArray(value);
}

function isElement(value: Document | undefined): value is { readonly [name: string]: Document | undefined } {
  return typeof value === "object" && !Array.isArray(value);
}
