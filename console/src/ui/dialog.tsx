/**
 * A modal dialog: the browser's own, which keeps the focus inside, makes the rest of the page inert, and closes on Escape.
 * When it closes, the focus returns to what opened it.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { ErrorBox } from "./basics.tsx";
import { TextField } from "./fields.tsx";
import { useTask } from "./use.ts";

export interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  readonly isWide?: boolean;
}

export function Dialog({ title, onClose, children, isWide = false }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const opener = document.activeElement;
    ref.current?.showModal();
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={isWide ? "wide" : ""}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header>
        <h2 id={titleId}>{title}</h2>
        <button type="button" class="plain" aria-label="Close" onClick={onClose}>
          ×
        </button>
      </header>
      {children}
    </dialog>
  );
}

export interface FormDialogProps extends DialogProps {
  readonly submitLabel: string;
  readonly onSubmit: () => Promise<unknown>;
  readonly isDangerous?: boolean;
  readonly isDisabled?: boolean;
}

/** A dialog with a form: closes when `onSubmit` succeeds, else shows its error. */
export function FormDialog(props: FormDialogProps) {
  const { children, submitLabel, onSubmit, isDangerous = false, isDisabled = false, ...dialog } = props;
  const task = useTask();
  const submit = async (event: Event) => {
    event.preventDefault();
    if (await task.run(onSubmit)) dialog.onClose();
  };
  return (
    <Dialog {...dialog}>
      <form onSubmit={submit}>
        {children}
        <ErrorBox error={task.error} />
        <footer>
          <button type="button" onClick={dialog.onClose}>
            Cancel
          </button>
          <button type="submit" class={isDangerous ? "danger" : "primary"} disabled={isDisabled || task.isRunning}>
            {task.isRunning ? "Please wait…" : submitLabel}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

export interface ConfirmDialogProps extends FormDialogProps {
  /** What the user has to type: the name of what is deleted. */
  readonly typedName: string;
}

/** Asks before something cannot be undone. */
export function ConfirmDialog({ typedName, children, ...form }: ConfirmDialogProps) {
  const [typed, setTyped] = useState("");
  return (
    <FormDialog {...form} isDangerous isDisabled={typed !== typedName}>
      {children}
      <TextField
        label={`Type ${typedName} to confirm`}
        value={typed}
        onChange={setTyped}
        autocomplete="off"
        spellcheck={false}
      />
    </FormDialog>
  );
}
