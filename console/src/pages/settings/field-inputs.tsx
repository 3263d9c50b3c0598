/** Draws the fields of a form from their description. */
import { useId } from "preact/hooks";
import {
  type Field,
  itemsIn,
  linesOf,
  type Model,
  type Option,
  type Problems,
  textIn,
} from "../../documents/fields.ts";
import { Checkbox, Select, TextArea, TextField } from "../../ui/fields.tsx";

export interface FieldInputsProps {
  readonly fields: readonly Field[];
  readonly model: Model;
  readonly onChange: (model: Model) => void;
  readonly problems: Problems;
  /** Before the id of each field in `problems`. */
  readonly place?: string;
}

export function FieldInputs({ fields, model, onChange, problems, place = "" }: FieldInputsProps) {
  return (
    <>
      {fields
        .filter(({ onlyWith }) => onlyWith === undefined || textIn(model, onlyWith) !== "")
        .map((field) => (
          <FieldInput
            key={field.id}
            field={field}
            model={model}
            problems={problems}
            place={`${place}${field.id}`}
            onChange={(value) => onChange({ ...model, [field.id]: value })}
          />
        ))}
    </>
  );
}

interface FieldInputProps {
  readonly field: Field;
  readonly model: Model;
  readonly problems: Problems;
  readonly place: string;
  readonly onChange: (value: string | readonly Model[]) => void;
}

function FieldInput({ field, model, problems, place, onChange }: FieldInputProps) {
  const value = textIn(model, field.id);
  const common = { label: field.label, hint: field.hint, error: problems.get(place) };
  switch (field.kind) {
    case "text":
      return <TextField {...common} value={value} onChange={onChange} spellcheck={false} autocomplete="off" />;
    case "number":
      // A number field would hide what is no number.
      return <TextField {...common} value={value} onChange={onChange} autocomplete="off" />;
    case "choice":
      return <Select {...common} value={value} onChange={onChange} options={withValue(field.options, value)} />;
    case "flag":
      return <Checkbox label={field.label} checked={value !== ""} onChange={(on) => onChange(on ? "yes" : "")} />;
    case "lines":
      return <TextArea {...common} value={value} onChange={onChange} isCode rows={Math.max(2, lineCount(value))} />;
    case "choices":
      return <Choices {...common} options={field.options} value={value} onChange={onChange} />;
    case "list":
      return <List field={field} model={model} problems={problems} place={place} onChange={onChange} />;
    default:
      return field satisfies never;
  }
}

/** What the document says is an option, also if the form does not know it. */
function withValue(options: readonly Option[], value: string): readonly Option[] {
  return options.some((option) => option.value === value)
    ? options
    : [...options, { value, label: value || "Not set" }];
}

function lineCount(text: string): number {
  return Math.min(12, text.split("\n").length + 1);
}

interface ChoicesProps {
  readonly label: string;
  readonly hint: string | undefined;
  readonly error: string | undefined;
  readonly options: readonly Option[];
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function Choices({ label, hint, error, options, value, onChange }: ChoicesProps) {
  const id = useId();
  const chosen = linesOf(value);
  const unknown = chosen.filter((each) => !options.some((option) => option.value === each));
  const all = [...options, ...unknown.map((each) => ({ value: each, label: each }))];
  const choose = (option: string, isOn: boolean) =>
    onChange(
      all
        .map((each) => each.value)
        .filter((each) => (each === option ? isOn : chosen.includes(each)))
        .join("\n"),
    );
  return (
    <fieldset class="choices" aria-describedby={error === undefined ? undefined : `${id}-error`}>
      <legend>{label}</legend>
      {hint && <p class="hint">{hint}</p>}
      {all.map((option) => (
        <Checkbox
          key={option.value}
          label={option.label}
          checked={chosen.includes(option.value)}
          onChange={(isOn) => choose(option.value, isOn)}
        />
      ))}
      {error && (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </fieldset>
  );
}

interface ListProps {
  readonly field: Extract<Field, { kind: "list" }>;
  readonly model: Model;
  readonly problems: Problems;
  readonly place: string;
  readonly onChange: (items: readonly Model[]) => void;
}

function List({ field, model, problems, place, onChange }: ListProps) {
  const id = useId();
  const items = itemsIn(model, field.id);
  const error = problems.get(place);
  const add = () => {
    onChange([...items, field.initial ?? {}]);
    // The first field of the new item, once it is drawn.
    requestAnimationFrame(() => {
      const drawn = document.getElementById(id)?.querySelectorAll<HTMLElement>(":scope > fieldset");
      drawn?.[drawn.length - 1]?.querySelector<HTMLElement>("input, select, textarea")?.focus();
    });
  };
  const remove = (index: number) => {
    onChange(items.filter((_item, other) => other !== index));
    document.getElementById(`${id}-add`)?.focus();
  };
  return (
    <div class="list" id={id}>
      <h3>{field.label}</h3>
      {field.hint && <p class="hint">{field.hint}</p>}
      {items.map((item, index) => (
        // Items have no identity but their place.
        <fieldset key={`${index}`}>
          <legend>
            {field.itemLabel} {index + 1}
          </legend>
          <FieldInputs
            fields={field.fields}
            model={item}
            problems={problems}
            place={`${place}.${index}.`}
            onChange={(changed) => onChange(items.map((each, other) => (other === index ? changed : each)))}
          />
          <button type="button" onClick={() => remove(index)}>
            Remove {field.itemLabel} {index + 1}
          </button>
        </fieldset>
      ))}
      {error && <p class="field-error">{error}</p>}
      <button type="button" id={`${id}-add`} onClick={add}>
        Add {field.itemLabel}
      </button>
    </div>
  );
}
