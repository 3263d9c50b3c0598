/** A document that is being edited, as a form and as text: each follows the other. */
import { type Field, findProblems, type Model, type Problems, readModel, writeTree } from "./fields.ts";
import { parseTree } from "./parse-tree.ts";
import { formatTree } from "./tree.ts";

/** How one kind of document is read and written. */
export interface Format {
  readonly fields: readonly Field[];
  readonly contentType: string;
  /** Undefined if the form cannot say all that is in the text. @throws Error for a text that is no such document */
  read(text: string): Model | undefined;
  /** @throws Error for values that cannot be written */
  write(model: Model): string;
  /** For a bucket without the document. */
  readonly empty: Model;
}

export interface Editing {
  readonly text: string;
  /** Undefined while the text has what the form has no fields for, or is no document. */
  readonly model: Model | undefined;
  /** Why the text is no document. */
  readonly mistake: string | undefined;
}

export function startEditing(format: Format, text: string | undefined): Editing {
  if (text !== undefined) return editText(format, format.contentType === "application/xml" ? text : pretty(text));
  return editModel(format, { text: "", model: format.empty, mistake: undefined }, format.empty);
}

export function editText({ read }: Format, text: string): Editing {
  try {
    return { text, model: read(text), mistake: undefined };
  } catch (error) {
    return { text, model: undefined, mistake: error instanceof Error ? error.message : String(error) };
  }
}

/** The text stays as it is while the values cannot be written. */
export function editModel({ write }: Format, before: Editing, model: Model): Editing {
  try {
    return { text: write(model), model, mistake: undefined };
  } catch (error) {
    return { text: before.text, model, mistake: error instanceof Error ? error.message : String(error) };
  }
}

export function problemsOf({ fields }: Format, { model }: Editing): Problems {
  return model === undefined ? new Map() : findProblems(fields, model);
}

const NAMESPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

interface XmlDocument {
  readonly root: string;
  readonly fields: readonly Field[];
}

export function xmlFormat({ root, fields }: XmlDocument): Format {
  return {
    fields,
    contentType: "application/xml",
    empty: Object.fromEntries(fields.map((field) => [field.id, field.kind === "list" ? [] : firstValue(field)])),
    read(text) {
      const tree = parseTree(text);
      if (tree.name !== root) throw new Error(`The document must be a ${root}.`);
      return readModel(fields, tree);
    },
    write: (model) => formatTree(writeTree(fields, model, root), NAMESPACE),
  };
}

/** A choice that needs a value has the first one. */
function firstValue(field: Field): string {
  return field.kind === "choice" && field.isRequired ? (field.options[0]?.value ?? "") : "";
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
