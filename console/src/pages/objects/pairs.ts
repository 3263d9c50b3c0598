export interface TextPair {
  readonly key: string;
  readonly value: string;
}

/** Without pairs that have no name. @throws Error for a name that occurs twice */
export function toRecord(pairs: readonly TextPair[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (const { key, value } of pairs) {
    const name = key.trim();
    if (name === "") continue;
    if (Object.hasOwn(record, name)) throw new Error(`${name} occurs twice.`);
    record[name] = value.trim();
  }
  return record;
}
