/** Where a pass over a bucket continues. Uploads come first, then objects. */

export type PassPosition =
  /** Uploads of one rule, after one of them. */
  | { readonly stage: "uploads"; readonly rule: number; readonly key: string; readonly uploadId: string }
  /** Entries of a bucket that was never versioned, after one of them, within a prefix of the plan. */
  | { readonly stage: "entries"; readonly prefix: string; readonly after: string }
  /** The same for versions, after one of them: older ones of its key, and later keys. */
  | {
      readonly stage: "versions";
      readonly prefix: string;
      readonly key: string;
      /** Absent: only later keys. */
      readonly token?: string;
      /** Noncurrent versions of the key that have been seen, without delete markers. */
      readonly newerNoncurrent: number;
    };

const FIRST: PassPosition = { stage: "uploads", rule: 0, key: "", uploadId: "" };

/** @param text empty: the pass begins */
export function parsePosition(text: string): PassPosition {
  return text === "" ? FIRST : (JSON.parse(text) as PassPosition);
}

export function formatPosition(position: PassPosition): string {
  return JSON.stringify(position);
}
