/**
 * Pages of an export of the configuration. A page is JSON, sealed as a whole under a key that the operator's program derives from a
 * passphrase, and bound to its export and its number. In it, secrets are in clear; outside of it they are sealed under SEAL_KEY.
 */
import { kmsKeyArn } from "../../model/kms-key.ts";
import { openSealer, type Sealer } from "../sealing.ts";
import { CONFIG_TABLES, type ConfigTable } from "./config-tables.ts";
import { NEWEST_MIGRATION } from "./directory.ts";

const VERSION = 1;
/**
 * Of the exports that are restored. A migration that adds a column to an exported table raises it, unless NULL is right for a row that
 * lacks the column.
 */
const OLDEST_SCHEMA = "0018";

/** The place of a row in `config_rows`, in the order of its key. */
export interface RowPlace {
  readonly source: string;
  readonly number: number;
  readonly piece: number;
}

/** A row of `config_rows`. */
export interface ConfigRow extends RowPlace {
  /** JSON. */
  readonly fields: string;
  readonly text: string | null;
}

/** A value of a column; of a sealed column the secret, or the sealed value if another SEAL_KEY sealed it. */
type FieldValue = string | number | null | { readonly clear: string } | { readonly sealed: string };
type Fields = Readonly<Record<string, FieldValue>>;

interface PortableRow extends RowPlace {
  readonly fields: Fields;
  readonly text: string | null;
}

interface PageText {
  readonly version: typeof VERSION;
  /** File name of the newest migration of the exported database. */
  readonly schema: string;
  readonly isLast: boolean;
  readonly rows: readonly PortableRow[];
}

/** Seals secrets of this deployment at rest. */
export interface ConfigSealers {
  readonly accessKeys: Sealer;
  readonly remotes: Sealer;
  readonly kmsKeys: Sealer;
  readonly signingKeys: Sealer;
  /** Id of the signing key that belongs to the present SEAL_KEY. */
  sealKeyName(): Promise<string>;
}

export interface PagePlace {
  readonly exportId: string;
  /** From 0. */
  readonly page: number;
}

export interface SealedPage {
  readonly sealed: string;
  /** Rows whose secrets were sealed under another SEAL_KEY, and are exported as they are. */
  readonly unavailable: readonly string[];
}

export async function sealPage(
  sealers: ConfigSealers,
  wrappingKey: Uint8Array<ArrayBuffer>,
  { rows, isLast, ...place }: PagePlace & { readonly rows: readonly ConfigRow[]; readonly isLast: boolean },
): Promise<SealedPage> {
  const unavailable: string[] = [];
  const portable: PortableRow[] = [];
  for (const row of rows) {
    const fields = await toPortable(sealers, row);
    portable.push({ ...row, fields });
    const { sealed, key } = tableOf(row.source) ?? {};
    const isUnavailable = sealed !== undefined && hasMember(fields[sealed.column], "sealed");
    // Earlier certificates are kept for what was signed with them; their keys are of no use.
    if (isUnavailable && sealed?.by !== "signingKeys") unavailable.push(`${row.source} ${fields[key ?? ""]}`);
  }
  const text: PageText = { version: VERSION, schema: NEWEST_MIGRATION, isLast, rows: portable };
  const sealer = openSealer(wrappingKey, "config-export");
  return { sealed: await sealer.seal(JSON.stringify(text), nameOf(place)), unavailable };
}

export type OpenedPage =
  | { readonly outcome: "opened"; readonly rows: readonly ConfigRow[]; readonly isLast: boolean }
  | { readonly outcome: "wrong-key" }
  | { readonly outcome: "other-schema"; readonly schema: string };

/** The rows of a page, with secrets sealed under the SEAL_KEY of this deployment. */
export async function openPage(
  sealers: ConfigSealers,
  wrappingKey: Uint8Array<ArrayBuffer>,
  { sealed, ...place }: PagePlace & { readonly sealed: string },
): Promise<OpenedPage> {
  const text = await openSealer(wrappingKey, "config-export")
    .unseal(sealed, nameOf(place))
    .catch(() => undefined);
  if (text === undefined) return { outcome: "wrong-key" };
  // Only an export by a Worker has such a seal.
  const { version, schema, isLast, rows } = JSON.parse(text) as PageText;
  if (version !== VERSION || schema > NEWEST_MIGRATION || schema < OLDEST_SCHEMA) {
    return { outcome: "other-schema", schema };
  }
  const opened: ConfigRow[] = [];
  for (const row of rows) opened.push({ ...row, fields: JSON.stringify(await toStored(sealers, row)) });
  return { outcome: "opened", rows: opened, isLast };
}

async function toPortable(sealers: ConfigSealers, row: ConfigRow): Promise<Fields> {
  const fields = JSON.parse(row.fields) as Record<string, string | number | null>;
  const { sealed } = tableOf(row.source) ?? {};
  if (sealed === undefined) return fields;
  const stored = String(fields[sealed.column]);
  const secret = await sealers[sealed.by].unseal(stored, bindingOf(sealed.by, fields)).catch(() => undefined);
  const value = secret === undefined ? { sealed: stored } : { clear: secret };
  // A deployment has one signing key for each SEAL_KEY it has had, and uses that of the present one.
  const id = secret === undefined ? `earlier/${fields.fingerprint}` : null;
  return { ...fields, [sealed.column]: value, ...(sealed.by === "signingKeys" && { id }) };
}

async function toStored(sealers: ConfigSealers, { source, fields }: PortableRow): Promise<Fields> {
  const { sealed } = tableOf(source) ?? {};
  if (sealed === undefined) return fields;
  const value = fields[sealed.column];
  if (hasMember(value, "sealed")) return { ...fields, [sealed.column]: value.sealed };
  if (!hasMember(value, "clear")) throw new TypeError(`A row of ${source} has no secret.`);
  return {
    ...fields,
    [sealed.column]: await sealers[sealed.by].seal(value.clear, bindingOf(sealed.by, fields)),
    ...(sealed.by === "signingKeys" && { id: await sealers.sealKeyName() }),
  };
}

/** The name to which a row's secret is bound. */
function bindingOf(by: NonNullable<ConfigTable["sealed"]>["by"], fields: Fields): string {
  const text = (name: string) => String(fields[name]);
  switch (by) {
    case "accessKeys":
      return text("id");
    case "remotes":
      return text("name");
    case "kmsKeys":
      return kmsKeyArn({ id: text("id"), accountId: text("account_id"), region: text("region") });
    case "signingKeys":
      return text("fingerprint");
  }
}

function tableOf(source: string): ConfigTable | undefined {
  return CONFIG_TABLES.find(({ name }) => name === source);
}

function hasMember<Name extends string>(
  value: FieldValue | undefined,
  name: Name,
): value is Extract<FieldValue, Readonly<Record<Name, string>>> {
  return typeof value === "object" && value !== null && name in value;
}

function nameOf({ exportId, page }: PagePlace): string {
  return JSON.stringify([exportId, page]);
}
