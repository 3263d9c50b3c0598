/** A list of names and values: metadata and tags. */
import type { TextPair } from "./pairs.ts";

interface Props {
  readonly legend: string;
  readonly keyLabel: string;
  readonly pairs: readonly TextPair[];
  readonly onChange: (pairs: readonly TextPair[]) => void;
}

export function PairsEditor({ legend, keyLabel, pairs, onChange }: Props) {
  const change = (index: number, changed: Partial<TextPair>) =>
    onChange(pairs.map((pair, position) => (position === index ? { ...pair, ...changed } : pair)));
  return (
    <fieldset class="pairs">
      <legend>{legend}</legend>
      {pairs.map((pair, index) => (
        <div key={index} class="pair">
          <input
            aria-label={`${keyLabel} ${index + 1}`}
            value={pair.key}
            spellcheck={false}
            onInput={(event) => change(index, { key: event.currentTarget.value })}
          />
          <input
            aria-label={`Value ${index + 1}`}
            value={pair.value}
            spellcheck={false}
            onInput={(event) => change(index, { value: event.currentTarget.value })}
          />
          <button
            type="button"
            aria-label={`Remove ${pair.key || `pair ${index + 1}`}`}
            onClick={() => onChange(pairs.filter((_pair, position) => position !== index))}
          >
            Remove
          </button>
        </div>
      ))}
      <button type="button" onClick={() => onChange([...pairs, { key: "", value: "" }])}>
        Add
      </button>
    </fieldset>
  );
}
