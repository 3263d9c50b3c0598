/**
 * Damaged versions of known inputs. fast-check chooses an input and a few changes, so a failure shrinks to one input and the
 * change that matters.
 */
import fc from "fast-check";

type Change =
  | { readonly kind: "remove"; readonly from: number; readonly length: number }
  | { readonly kind: "insert"; readonly at: number; readonly text: string }
  | { readonly kind: "replace"; readonly at: number; readonly text: string }
  | { readonly kind: "repeat"; readonly from: number; readonly length: number; readonly times: number }
  | { readonly kind: "field"; readonly number: number; readonly text: string; readonly quotes: boolean }
  | { readonly kind: "splice"; readonly at: number; readonly other: number; readonly otherAt: number };

/** Text that parsers of these formats treat in special ways. */
const TOKENS = [
  "",
  "\0",
  "\r\n",
  "\n",
  "\t",
  " ",
  "\u007f",
  "\u0085",
  "\u00e9",
  "\u202e",
  "\ufeff",
  "\ufffe",
  "\ud800",
  "\u{1f600}",
  "%",
  "%00",
  "%2F",
  "%2f..",
  "%25",
  "%ZZ",
  "%C0%AF",
  "+",
  "..",
  "//",
  "/",
  "\\",
  "?",
  "#",
  "&",
  "=",
  ";",
  ",",
  ":",
  "*",
  '"',
  "'",
  "<",
  ">",
  "</",
  "<!--",
  "-->",
  "<![CDATA[",
  "]]>",
  "<?",
  "&amp;",
  "&#0;",
  "&#x110000;",
  "{",
  "}",
  "[",
  "]",
  "null",
  "true",
  "__proto__",
  "constructor",
  "-1",
  "0",
  "1e999",
  "NaN",
  "Infinity",
  "9007199254740993",
  "18446744073709551616",
  "1970-01-01T00:00:00Z",
  "99999-01-01T00:00:00Z",
  "$\u007baws:username}",
  "arn:aws:s3:::",
  "=?UTF-8?Q?=00?=",
  "1",
  "33",
  "129",
  "4294967296",
  "{}",
  "[]",
  "[{}]",
  '""',
] as const;

/** What is between two delimiters of any of the formats: the text of an element, a value, a segment. */
const FIELD = /[^<>"'=:/,&;?\s{}[\]]+/g;
const QUOTED_FIELD = /"[^"]*"/g;

const position = fc.nat({ max: 10_000 });
const token: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...TOKENS) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 4 }) },
);

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant("remove" as const), from: position, length: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant("insert" as const), at: position, text: token }),
  fc.record({ kind: fc.constant("replace" as const), at: position, text: token }),
  fc.record({
    kind: fc.constant("repeat" as const),
    from: position,
    length: fc.integer({ min: 1, max: 60 }),
    times: fc.constantFrom(2, 3, 17, 300),
  }),
  fc.record({
    kind: fc.constant("field" as const),
    number: fc.nat({ max: 200 }),
    text: token,
    quotes: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("splice" as const), at: position, other: position, otherAt: position }),
);

/** One of the inputs, with up to five changes; also whole, so that the input itself is tried. Lone surrogates are possible. */
export function damaged(inputs: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.nat({ max: inputs.length - 1 }),
      fc.oneof({ weight: 2, arbitrary: fc.array(change, { maxLength: 1 }) }, fc.array(change, { maxLength: 5 })),
    )
    .map(([index, changes]) => changes.reduce((text, each) => applyChange(text, each, inputs), inputs[index] ?? ""));
}

/** The text of an element of a document. */
export const ELEMENT_TEXT = /(?<=>)[^<>]+(?=<)/g;

/** Every input with each of its fields, and of what is in quotes, replaced by each token. */
export function* withEachField(inputs: readonly string[], fields = FIELD): Generator<string> {
  for (const input of inputs) {
    for (const field of [...input.matchAll(fields), ...input.matchAll(QUOTED_FIELD)]) {
      const end = field.index + field[0].length;
      for (const text of TOKENS) yield input.slice(0, field.index) + text + input.slice(end);
    }
  }
}

/** Positions wrap around, so that every change has an effect in a short input too. */
function applyChange(text: string, by: Change, inputs: readonly string[]): string {
  const place = (at: number) => at % (text.length + 1);
  switch (by.kind) {
    case "remove":
      return text.slice(0, place(by.from)) + text.slice(place(by.from) + by.length);
    case "insert":
      return text.slice(0, place(by.at)) + by.text + text.slice(place(by.at));
    case "replace":
      return text.slice(0, place(by.at)) + by.text + text.slice(place(by.at) + Math.max(1, by.text.length));
    case "repeat": {
      const from = place(by.from);
      const part = text.slice(from, from + by.length);
      return text.slice(0, from) + part.repeat(by.times) + text.slice(from + by.length);
    }
    case "field": {
      const fields = [...text.matchAll(by.quotes ? QUOTED_FIELD : FIELD)];
      const field = fields[by.number % Math.max(1, fields.length)];
      if (field === undefined) return by.text;
      return text.slice(0, field.index) + by.text + text.slice(field.index + field[0].length);
    }
    case "splice": {
      const other = inputs[by.other % inputs.length] ?? "";
      return text.slice(0, place(by.at)) + other.slice(by.otherAt % (other.length + 1));
    }
    default:
      return by satisfies never;
  }
}
