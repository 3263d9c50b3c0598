/** What is known of a document that S3 keeps for a bucket. */
import type { Field, Option } from "./fields.ts";

export interface XmlSetting {
  readonly id: string;
  readonly label: string;
  readonly about: string;
  /** The sub-resource of the bucket. */
  readonly query: string;
  readonly root: string;
  readonly fields: readonly Field[];
  /** The error when the bucket has no such document. */
  readonly absent?: string;
  /** Whether DELETE removes it; others are put without content. */
  readonly isDeletable: boolean;
}

export function options(...values: readonly (string | readonly [value: string, label: string])[]): Option[] {
  return values.map((each) =>
    typeof each === "string" ? { value: each, label: each } : { value: each[0], label: each[1] },
  );
}
