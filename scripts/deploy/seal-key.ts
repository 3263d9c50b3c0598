/** Checks whether a database holds values that only the SEAL_KEY, or the SETUP_CODE, of an earlier deploy can open. */
import { nameSealKey, openSealer } from "../../src/storage/sealing.ts";
import { type SealedSecrets, unsealSecrets } from "../../src/storage/setup-sealing.ts";
import type { CloudflareApi } from "./cloudflare-api.ts";
import { queryDatabase } from "./database.ts";
import { DeployError } from "./error.ts";
import type { Inspection } from "./inspection.ts";
import type { Run } from "./run.ts";

/** After the loss of a SEAL_KEY, a database holds access keys that are sealed under different ones. */
const KEYS_TRIED = 50;

interface SealedKey {
  readonly id: string;
  readonly sealed: string;
}

/**
 * A Worker without SEAL_KEY on a database in use needs the key with which that database was used.
 * @returns whether the data is that of a Worker that was removed
 * @throws DeployError if the key is missing or a different one
 */
export async function requireSealKey(run: Run, { worker, databaseId }: Inspection): Promise<boolean> {
  const hasKey = worker?.secrets.some((name) => name === "SEAL_KEY" || name === "SETUP_CODE");
  if (hasKey || databaseId === undefined) return false;
  const use = await findUse(run.api, `${run.account}/d1/database/${databaseId}`);
  if (use === undefined) return false;
  const isReused = worker === undefined && !use.isUnused;
  if (run.args.isNewSealKeyAccepted) return isReused;
  if (use.stored !== undefined && process.env.SETUP_CODE) {
    if (await opensStored(use.stored, process.env.SETUP_CODE)) return isReused;
    throw new DeployError(
      "SETUP_CODE is not the code with which this database was set up. Nothing was changed. Run the command again with that one,\n" +
        "or with ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY and SEAL_KEY set to the keys that the set-up has shown.",
    );
  }
  const given = process.env.SEAL_KEY || run.pending.read().SEAL_KEY;
  const remedy = [
    "Nothing was changed. Run the command again with SEAL_KEY set in the environment to the key that the first deploy printed.",
    "If it is lost, `npm run deploy -- --new-seal-key` creates a new one. All access keys except the root's, registered remotes and",
    "unfinished uploads are unusable then; objects stay.",
    ...(use.stored === undefined
      ? []
      : ["This database was set up with a SETUP_CODE: set that one instead, if you have it."]),
  ];
  if (!given) {
    const problem =
      "The database is in use, but the Worker has no SEAL_KEY. Access keys in it can be read with the old one only.";
    throw new DeployError([problem, ...remedy].join("\n"));
  }
  if (!(await opens(given, use))) {
    throw new DeployError(["SEAL_KEY is not the key that this database was used with.", ...remedy].join("\n"));
  }
  return isReused;
}

interface Use {
  /** Newest first. */
  readonly keys: readonly SealedKey[];
  /** Names of the seal keys under which signing keys are stored. */
  readonly sealKeyNames: readonly string[];
  /** What the set-up has stored. */
  readonly stored: SealedSecrets | undefined;
  /** Whether the secrets of the set-up are all. */
  readonly isUnused: boolean;
}

async function findUse(api: CloudflareApi, database: string): Promise<Use | undefined> {
  const tables = new Set(
    (await queryDatabase(api, database, "SELECT name FROM sqlite_master WHERE type = 'table'")).map(({ name }) => name),
  );
  const rows = async (table: string, sql: string) => (tables.has(table) ? queryDatabase(api, database, sql) : []);
  const keys = await rows(
    "access_keys",
    `SELECT id, secret_sealed AS sealed FROM access_keys ORDER BY created_at DESC LIMIT ${KEYS_TRIED}`,
  );
  const names = await rows("signing_keys", "SELECT id FROM signing_keys");
  const [stored] = await rows("setup_secrets", "SELECT salt, iterations, sealed FROM setup_secrets");
  const others = await Promise.all(
    ["buckets", "remotes", "open_uploads"].map((table) => rows(table, `SELECT 1 AS used FROM ${table} LIMIT 1`)),
  );
  const isUnused = [keys, names, ...others].every(({ length }) => length === 0);
  if (isUnused && stored === undefined) return undefined;
  return {
    isUnused,
    keys: keys.map(({ id, sealed }) => ({ id: String(id), sealed: String(sealed) })),
    sealKeyNames: names.map(({ id }) => String(id)),
    stored: stored && {
      salt: String(stored.salt),
      iterations: Number(stored.iterations),
      sealed: String(stored.sealed),
    },
  };
}

/** Whether the key opens what is stored. If nothing sealed is stored, any key is accepted. */
async function opens(sealKey: string, { keys, sealKeyNames }: Use): Promise<boolean> {
  const bytes = Uint8Array.from(Buffer.from(sealKey, "hex"));
  if (keys.length === 0) return sealKeyNames.length === 0 || sealKeyNames.includes(await nameSealKey(bytes));
  const sealer = openSealer(bytes, "access-key-secrets");
  const attempts = keys.map(({ id, sealed }) => sealer.unseal(sealed, id));
  return (await Promise.allSettled(attempts)).some(({ status }) => status === "fulfilled");
}

function opensStored(stored: SealedSecrets, code: string): Promise<boolean> {
  return unsealSecrets(stored, code).then(
    () => true,
    () => false,
  );
}

/** What opens the data that a removal keeps. */
export interface KeptKeys {
  readonly name: "SEAL_KEY" | "SETUP_CODE";
  /** Whether the environment has it. */
  readonly isShown: boolean;
  /** For the person who removes the Worker. */
  readonly notes: readonly string[];
}

/** Undefined if nothing is kept that needs a key. */
export async function keptKeys(run: Run, { worker, databaseId }: Inspection): Promise<KeptKeys | undefined> {
  const use = databaseId && (await findUse(run.api, `${run.account}/d1/database/${databaseId}`));
  if (!use) return undefined;
  const { SEAL_KEY: sealKey = run.pending.read().SEAL_KEY, SETUP_CODE: code } = process.env;
  const hasCode = use.stored !== undefined && !worker?.secrets.includes("SEAL_KEY");
  const isShownCode = use.stored !== undefined && Boolean(code) && (await opensStored(use.stored, code ?? ""));
  const isShownKey = Boolean(sealKey) && (await opens(sealKey ?? "", use));
  const name = hasCode ? "SETUP_CODE" : "SEAL_KEY";
  const isShown = isShownKey || (hasCode && isShownCode);
  return {
    name,
    isShown,
    notes: [
      `${name} is a secret of the Worker and goes with it. Cloudflare does not show it again, and a later deploy on the kept`,
      `database needs it: without it, access keys except the root's, remotes and keys of SSE-KMS are lost.${isShown ? " The one in the" : ""}`,
      ...(isShown ? ["environment is the right one: keep it."] : []),
      'The Durable Objects know which copies share their bytes, and the parts of unfinished uploads. Read "What is lost with each',
      'store" in docs/operations.md, row "Durable Objects", before you deploy again on the kept data.',
    ],
  };
}
