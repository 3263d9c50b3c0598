/**
 * Fields of a form about a document: each says where its value is in the document, so that one reader, one writer and one
 * renderer serve the forms of all settings.
 */
import { canonical, type Tree } from "./tree.ts";

interface Common {
  /** Names the value in the model. */
  readonly id: string;
  /** Names of elements from the root, or from the item of a list, to the value. */
  readonly path: readonly string[];
  readonly label: string;
  readonly hint?: string;
  readonly isRequired?: boolean;
  /** Written only if this other field has a value. */
  readonly onlyWith?: string;
}

export interface Option {
  readonly value: string;
  readonly label: string;
}

export type Field =
  /** `isKept`: the element is written also without text. */
  | (Common & { readonly kind: "text"; readonly isKept?: boolean; readonly pattern?: Pattern })
  | (Common & { readonly kind: "number"; readonly least?: number })
  /** The value `""` writes no element. */
  | (Common & { readonly kind: "choice"; readonly options: readonly Option[] })
  | (Common & { readonly kind: "flag"; readonly on: string; readonly off?: string })
  /** An element for each line. */
  | (Common & { readonly kind: "lines" })
  /** An element for each chosen option. */
  | (Common & { readonly kind: "choices"; readonly options: readonly Option[] })
  /** An element with fields of its own for each item. */
  | (Common & {
      readonly kind: "list";
      readonly itemLabel: string;
      readonly fields: readonly Field[];
      /** Values of a new item. */
      readonly initial?: Model;
    });

export interface Pattern {
  readonly regex: RegExp;
  readonly message: string;
}

/** Values by the id of their field: a text, lines in one text, or the items of a list. */
export interface Model {
  readonly [id: string]: string | readonly Model[];
}

export function textIn(model: Model, id: string): string {
  const value = model[id];
  return typeof value === "string" ? value : "";
}

export function itemsIn(model: Model, id: string): readonly Model[] {
  const value = model[id];
  return typeof value === "object" ? value : [];
}

export function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** What the fields say of the tree; undefined if it has more than they can say, which a form would lose. */
export function readModel(fields: readonly Field[], tree: Tree): Model | undefined {
  const model = readFields(fields, tree);
  return canonical(writeTree(fields, model, tree.name)) === canonical(tree) ? model : undefined;
}

function readFields(fields: readonly Field[], tree: Tree): Model {
  return Object.fromEntries(
    fields.map((field) => {
      const found = elementsAt(tree, field.path);
      const [first] = found;
      switch (field.kind) {
        case "text":
        case "number":
        case "choice":
          return [field.id, first?.text ?? ""];
        case "flag":
          return [field.id, first?.text.trim() === field.on ? "yes" : ""];
        case "lines":
        case "choices":
          return [field.id, found.map(({ text }) => text).join("\n")];
        case "list":
          return [field.id, found.map((item) => readFields(field.fields, item))];
        default:
          return field satisfies never;
      }
    }),
  );
}

function elementsAt(tree: Tree, path: readonly string[]): readonly Tree[] {
  let found: readonly Tree[] = [tree];
  for (const name of path) found = found.flatMap(({ children }) => children.filter((child) => child.name === name));
  return found;
}

interface Growing {
  readonly name: string;
  text: string;
  readonly children: Growing[];
}

/** The document of the values, with its elements in the order of the fields. */
export function writeTree(fields: readonly Field[], model: Model, rootName: string): Tree {
  return grow(fields, model, rootName);
}

function grow(fields: readonly Field[], model: Model, name: string): Growing {
  const root: Growing = { name, text: "", children: [] };
  for (const field of fields) {
    if (field.onlyWith !== undefined && textIn(model, field.onlyWith) === "") continue;
    for (const leaf of leavesOf(field, model)) parentOf(root, field.path).children.push(leaf);
  }
  return root;
}

function leavesOf(field: Field, model: Model): Growing[] {
  const name = field.path.at(-1) ?? "";
  const leaf = (text: string) => ({ name, text, children: [] });
  const text = textIn(model, field.id);
  switch (field.kind) {
    case "text":
      return text === "" && !field.isKept ? [] : [leaf(text)];
    case "number":
    case "choice":
      return text.trim() === "" ? [] : [leaf(text.trim())];
    case "flag":
      return text !== "" ? [leaf(field.on)] : field.off === undefined ? [] : [leaf(field.off)];
    case "lines":
    case "choices":
      return linesOf(text).map(leaf);
    case "list":
      return itemsIn(model, field.id).map((item) => grow(field.fields, item, name));
    default:
      return field satisfies never;
  }
}

/** The element that contains the last one of the path; made if it is missing. */
function parentOf(root: Growing, path: readonly string[]): Growing {
  let parent = root;
  for (const name of path.slice(0, -1)) {
    let child = parent.children.find((each) => each.name === name);
    if (child === undefined) {
      child = { name, text: "", children: [] };
      parent.children.push(child);
    }
    parent = child;
  }
  return parent;
}

/** Messages by the place of the field: `rules.0.days`. */
export type Problems = ReadonlyMap<string, string>;

/** What is wrong with the values before any request is made. The endpoint has the last word. */
export function findProblems(fields: readonly Field[], model: Model, place = ""): Map<string, string> {
  const problems = new Map<string, string>();
  for (const field of fields) {
    if (field.onlyWith !== undefined && textIn(model, field.onlyWith) === "") continue;
    const at = `${place}${field.id}`;
    const items = itemsIn(model, field.id);
    if (field.kind === "list") {
      if (field.isRequired && items.length === 0) problems.set(at, `Add a ${field.itemLabel}.`);
      for (const [index, item] of items.entries()) {
        for (const [inner, problem] of findProblems(field.fields, item, `${at}.${index}.`))
          problems.set(inner, problem);
      }
      continue;
    }
    const problem = problemOf(field, textIn(model, field.id));
    if (problem !== undefined) problems.set(at, problem);
  }
  return problems;
}

const WHOLE_NUMBER = /^\d{1,10}$/;

function problemOf(field: Exclude<Field, { kind: "list" }>, text: string): string | undefined {
  const value = text.trim();
  if (value === "") return field.isRequired ? "A value is needed." : undefined;
  if (field.kind === "number") {
    const { least = 0 } = field;
    if (!WHOLE_NUMBER.test(value) || Number(value) < least) return `A whole number from ${least} is needed.`;
  }
  if (field.kind === "text" && field.pattern && !field.pattern.regex.test(text)) return field.pattern.message;
  return undefined;
}
