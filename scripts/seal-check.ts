/** Checks whether a SEAL_KEY is the one with which a database was sealed. */
import type { DatabaseSync } from "node:sqlite";
import { openSealer } from "../src/storage/sealing.ts";

/** Sealed values, newest first: secrets of access keys and of remotes. */
export const SEALED_VALUES_QUERY = `SELECT * FROM (
  SELECT 'access-key-secrets' AS purpose, id AS name, secret_sealed AS sealed, created_at FROM access_keys
  UNION ALL SELECT 'remote-secrets', name, secret_sealed, created_at FROM remotes
) ORDER BY created_at DESC LIMIT 20`;

export type SealState = "unused" | "right" | "wrong";

/** One sealed text of the database. */
export interface SealedValue {
  readonly purpose: "access-key-secrets" | "remote-secrets";
  readonly name: string;
  readonly sealed: string;
}

export function readSealedValues(database: DatabaseSync): SealedValue[] {
  return database.prepare(SEALED_VALUES_QUERY).all().map(readRow);
}

/** "right" if the key opens any of the values: others may be sealed under an earlier key. */
export async function judgeSealKey(values: readonly SealedValue[], sealKey: string): Promise<SealState> {
  if (values.length === 0) return "unused";
  const bytes = Uint8Array.from(sealKey.match(/[0-9a-f]{2}/gi) ?? [], (pair) => Number.parseInt(pair, 16));
  for (const { purpose, name, sealed } of values) {
    const sealer = openSealer(bytes, purpose);
    const opens = await sealer.unseal(sealed, name).then(
      () => true,
      () => false,
    );
    if (opens) return "right";
  }
  return "wrong";
}

function readRow(row: Record<string, unknown>): SealedValue {
  return {
    purpose: row.purpose === "remote-secrets" ? "remote-secrets" : "access-key-secrets",
    name: String(row.name),
    sealed: String(row.sealed),
  };
}
