/**
 * A document as a form and, next to it, as text. Both can be edited, and each shows what the other says. What was typed stays until it
 * is saved or discarded: after errors, after going to other pages, and when the endpoint has another document meanwhile.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Editing, editModel, editText, type Format, problemsOf, startEditing } from "../../documents/editing.ts";
import { Await, ErrorBox } from "../../ui/basics.tsx";
import { TextArea } from "../../ui/fields.tsx";
import { notify } from "../../ui/toast.tsx";
import { useLoad, useSession, useTask } from "../../ui/use.ts";
import { dropDraft, findDraft, keepDraft } from "./drafts.ts";
import { FieldInputs } from "./field-inputs.tsx";

export interface EditedDocument {
  /** Unlike that of all other documents. */
  readonly id: string;
  readonly label: string;
  readonly about: string;
  readonly format: Format;
  /** Undefined if it does not exist. */
  readonly load: (signal: AbortSignal) => Promise<string | undefined>;
  readonly save: (text: string) => Promise<void>;
  readonly remove?: (() => Promise<void>) | undefined;
  /** Between form and buttons, about what is edited. */
  readonly notes?: (editing: Editing, apply: (editing: Editing) => void) => ComponentChildren;
}

export function DocumentEditor({ edited }: { readonly edited: EditedDocument }) {
  const [loaded, reload] = useLoad(async (signal) => ({ text: await edited.load(signal) }), [edited.id]);
  return (
    <section aria-label={edited.label}>
      <h2>{edited.label}</h2>
      <p>{edited.about}</p>
      <Await loaded={loaded}>
        {({ text }) => <Editor key={edited.id} edited={edited} saved={text} onSaved={reload} />}
      </Await>
    </section>
  );
}

interface EditorProps {
  readonly edited: EditedDocument;
  readonly saved: string | undefined;
  readonly onSaved: () => void;
}

function Editor({ edited, saved, onSaved }: EditorProps) {
  const { label, format, notes } = edited;
  const { identity } = useSession();
  const id = `${identity.arn} ${edited.id}`;
  const fresh = () => startEditing(format, saved);
  const [draft] = useState(() => findDraft(id));
  const [editing, setEditing] = useState<Editing>(() => draft?.editing ?? fresh());
  const [isEdited, setEdited] = useState(draft !== undefined);
  const [isChecked, setChecked] = useState(false);
  const [base, setBase] = useState(draft === undefined ? saved : draft.base);
  const task = useTask();
  useEffect(() => {
    // A document that was loaded again replaces only what was not edited.
    if (isEdited) return;
    setEditing(fresh());
    setBase(saved);
  }, [saved]);
  const problems = isChecked ? problemsOf(format, editing) : new Map<string, string>();

  const apply = (changed: Editing) => {
    setEditing(changed);
    setEdited(true);
    keepDraft(id, { editing: changed, base });
  };
  const forget = () => {
    dropDraft(id);
    setEdited(false);
    setChecked(false);
  };
  const save = async (event: Event) => {
    event.preventDefault();
    setChecked(true);
    if (editing.mistake !== undefined || problemsOf(format, editing).size > 0) {
      requestAnimationFrame(() => document.querySelector<HTMLElement>('form.document [aria-invalid="true"]')?.focus());
      return;
    }
    if (!(await task.run(() => edited.save(editing.text)))) return;
    forget();
    notify(`${label}: saved.`);
    onSaved();
  };
  const remove = async () => {
    if (edited.remove === undefined || !(await task.run(edited.remove))) return;
    forget();
    notify(`${label}: removed.`);
    onSaved();
  };
  const discard = () => {
    forget();
    task.clear();
    setEditing(fresh());
    setBase(saved);
  };

  return (
    <form class="document" onSubmit={save} noValidate>
      {isEdited && base !== saved && (
        <p class="note" role="status">
          The endpoint has another document now than when you began. Saving replaces it; “Discard” shows it.
        </p>
      )}
      <div class="beside">
        <div class="panel">
          {editing.model === undefined ? (
            <p class="note">
              {editing.mistake === undefined
                ? "The document has parts that this form has no fields for. Edit it as text."
                : "The form shows the document again when its text is correct."}
            </p>
          ) : (
            <FieldInputs
              fields={format.fields}
              model={editing.model}
              problems={problems}
              onChange={(model) => apply(editModel(format, editing, model))}
            />
          )}
        </div>
        <div class="panel">
          <TextArea
            label="Document"
            hint={saved === undefined ? "Nothing is saved yet." : undefined}
            error={editing.mistake}
            value={editing.text}
            onChange={(text) => apply(editText(format, text))}
            rows={Math.min(32, Math.max(10, editing.text.split("\n").length + 1))}
            isCode
          />
        </div>
      </div>
      {notes?.(editing, apply)}
      {isChecked && problems.size > 0 && (
        <p class="error" role="alert">
          Not saved: {problems.size === 1 ? "one field" : `${problems.size} fields`} must be corrected.
        </p>
      )}
      <ErrorBox error={task.error} />
      <div class="actions">
        <button type="submit" class="primary" disabled={task.isRunning}>
          {task.isRunning ? "Please wait…" : "Save"}
        </button>
        <button type="button" disabled={!isEdited || task.isRunning} onClick={discard}>
          Discard changes
        </button>
        {edited.remove !== undefined && saved !== undefined && (
          <button type="button" disabled={task.isRunning} onClick={remove}>
            Remove {label}
          </button>
        )}
        {isEdited && <span role="status">Not saved yet</span>}
      </div>
    </form>
  );
}
