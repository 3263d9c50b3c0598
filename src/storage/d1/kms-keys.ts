/**
 * Keys of SSE-KMS. Their material is sealed before it reaches a row and leaves this folder only sealed. An isolate caches the keys
 * it uses as long as other rows, so a disabled key is in use no longer than that.
 */
import type { RootGrant } from "../../access/authorize.ts";
import type { KeyGrant } from "../../access/authorize-kms.ts";
import { formatBase64, parseBase64 } from "../../checksum/digests.ts";
import { CONTENT_KEY_BYTES, ContentKey } from "../../model/encryption.ts";
import {
  DEFAULT_ALIAS,
  type KeyBinding,
  type KmsKey,
  type KmsKeyName,
  type KmsKeyStatus,
  kmsKeyArn,
  kmsKeyNotFound,
  kmsKeyUnusable,
} from "../../model/kms-key.ts";
import { DataKeySealer } from "../data-keys.ts";
import { openSealer, type Sealer } from "../sealing.ts";
import { TtlCache } from "../ttl-cache.ts";

interface KmsKeyRow {
  readonly id: string;
  readonly account_id: string;
  readonly region: string;
  readonly alias: string;
  readonly material_sealed: string;
  readonly status: KmsKeyStatus;
  readonly created_at: number;
}

interface OpenedKey {
  readonly key: KmsKey;
  /** Undefined if the row was sealed under another SEAL_KEY. */
  readonly sealer: DataKeySealer | undefined;
}

const MAX_KEYS = 256;

/** A key as an export holds it. */
export interface ExportedKey extends Omit<KmsKey, "createdAt"> {
  readonly createdAt: number;
  /** The material, sealed under the key of the export. */
  readonly sealed: string;
}

export interface ImportOutcome {
  readonly imported: readonly string[];
  /** ARNs of keys whose account does not exist. */
  readonly skipped: readonly string[];
}

export class KmsKeys {
  readonly #db: D1Database;
  readonly #sealer: Sealer;
  /** Of new keys. */
  readonly #region: string;
  /** By id, and by account and alias. */
  readonly #opened: TtlCache<OpenedKey>;

  constructor(db: D1Database, sealer: Sealer, options: { readonly region: string; readonly ttlMs: number }) {
    this.#db = db;
    this.#sealer = sealer;
    this.#region = options.region;
    this.#opened = new TtlCache({ ttlMs: options.ttlMs, maxEntries: 2 * MAX_KEYS });
  }

  /**
   * The key with this name. No call if it is cached, otherwise one; three for the first use of an account's default key, which
   * makes it.
   * @throws S3Error `KMS.NotFoundException`
   */
  async require(name: KmsKeyName): Promise<KmsKey> {
    const found = (await this.#open(name)) ?? (await this.#openDefault(name));
    if (found === undefined || (name.region !== undefined && name.region !== found.key.region)) {
      throw kmsKeyNotFound(name, found?.key.region ?? this.#region);
    }
    return found.key;
  }

  /** Whether `require` needs no call. */
  isCached(name: KmsKeyName): boolean {
    return this.#opened.get(cacheKey(name), Date.now()) !== undefined;
  }

  /** A new data key: random bytes, and the same sealed. @throws S3Error as `seal` */
  async generate(grant: KeyGrant, binding: KeyBinding): Promise<{ contentKey: ContentKey; sealed: string }> {
    const contentKey = new ContentKey(crypto.getRandomValues(new Uint8Array(CONTENT_KEY_BYTES)));
    return { contentKey, sealed: await this.seal(grant, contentKey, binding) };
  }

  /**
   * Seals the data key of an object under a key.
   * @throws S3Error `KMS.NotFoundException`, `KMS.DisabledException`, `KMS.KMSInvalidStateException`
   */
  async seal(grant: KeyGrant, dataKey: ContentKey, binding: KeyBinding): Promise<string> {
    return (await this.#use(grant)).seal(dataKey, binding);
  }

  /** @throws S3Error as `seal`; `KMS.InvalidCiphertextException` if it was sealed for another object, or was altered */
  async unseal(grant: KeyGrant, sealed: string, binding: KeyBinding): Promise<ContentKey> {
    const dataKey = await (await this.#use(grant)).unseal(sealed, binding);
    if (dataKey === undefined) throw kmsKeyUnusable("ciphertext");
    return dataKey;
  }

  /**
   * What unseals the data keys under a key, enabled or not. "unavailable": it was sealed under another SEAL_KEY. No call if it is
   * cached, otherwise one.
   */
  async sealerOf(
    _by: RootGrant,
    name: KmsKeyName & { readonly id: string },
  ): Promise<DataKeySealer | "missing" | "unavailable"> {
    const found = await this.#open(name);
    if (found === undefined) return "missing";
    return found.sealer ?? "unavailable";
  }

  async #use({ name }: KeyGrant): Promise<DataKeySealer> {
    const found = await this.#open(name);
    if (found === undefined) throw kmsKeyNotFound(name, name.region ?? this.#region);
    if (found.key.status === "Disabled") throw kmsKeyUnusable("disabled", kmsKeyArn(found.key));
    if (found.sealer === undefined) throw kmsKeyUnusable("unavailable", kmsKeyArn(found.key));
    return found.sealer;
  }

  async #open(name: KmsKeyName): Promise<OpenedKey | undefined> {
    const now = Date.now();
    const known = this.#opened.get(cacheKey(name), now);
    if (known !== undefined) return known.value;
    const { accountId, id, alias } = name;
    const row = await this.#db
      .prepare("SELECT * FROM kms_keys WHERE account_id = ?1 AND (id = ?2 OR alias = ?3)")
      .bind(accountId, id ?? null, alias ?? null)
      .first<KmsKeyRow>();
    if (row === null) return undefined;
    const material = await this.#unsealMaterial(row);
    const opened = { key: toKey(row), sealer: material && (await DataKeySealer.open(material)) };
    for (const cached of [{ id: row.id }, { alias: row.alias }]) {
      this.#opened.set(cacheKey({ accountId, ...cached }), { value: opened }, now);
    }
    return opened;
  }

  async #openDefault(name: KmsKeyName): Promise<OpenedKey | undefined> {
    if (name.alias !== DEFAULT_ALIAS) return undefined;
    await this.#insert({ accountId: name.accountId, alias: DEFAULT_ALIAS }, new Date());
    return this.#open(name);
  }

  /** Undefined if the account has a key with this alias, or does not exist. */
  async #insert({ accountId, alias }: { accountId: string; alias: string }, now: Date): Promise<KmsKey | undefined> {
    const id = crypto.randomUUID();
    const region = this.#region;
    const material = formatBase64(crypto.getRandomValues(new Uint8Array(CONTENT_KEY_BYTES)));
    const sealed = await this.#sealer.seal(material, kmsKeyArn({ id, accountId, region }));
    const { meta } = await this.#db
      .prepare(
        `INSERT INTO kms_keys (id, account_id, region, alias, material_sealed, status, created_at)
         SELECT ?1, a.id, ?3, ?4, ?5, 'Enabled', ?6 FROM accounts a WHERE a.id = ?2 ON CONFLICT DO NOTHING`,
      )
      .bind(id, accountId, region, alias, sealed, now.getTime())
      .run();
    if (meta.changes === 0) return undefined;
    return { id, accountId, region, alias, status: "Enabled", createdAt: now };
  }

  async #unsealMaterial(row: KmsKeyRow): Promise<Uint8Array<ArrayBuffer> | undefined> {
    try {
      return parseBase64(await this.#sealer.unseal(row.material_sealed, kmsKeyArn(toKey(row))), CONTENT_KEY_BYTES);
    } catch {
      return undefined;
    }
  }

  /** @param accountId default: the root account */
  async create(
    _by: RootGrant,
    { accountId, alias }: { readonly accountId: string | undefined; readonly alias: string },
    now: Date,
  ): Promise<KmsKey | "exists" | "no-such-account"> {
    const owner = await this.#findAccount(accountId);
    if (owner === undefined) return "no-such-account";
    return (await this.#insert({ accountId: owner, alias }, now)) ?? "exists";
  }

  async list(_by: RootGrant): Promise<KmsKey[]> {
    return (await this.#rows()).map(toKey);
  }

  /** @param name an id, or an alias of the account. Undefined if there is no such key */
  async setStatus(
    _by: RootGrant,
    { accountId, name }: { readonly accountId: string | undefined; readonly name: string },
    status: KmsKeyStatus,
  ): Promise<KmsKey | undefined> {
    const row = await this.#db
      .prepare("UPDATE kms_keys SET status = ?3 WHERE id = ?1 OR (account_id = ?2 AND alias = ?1) RETURNING *")
      .bind(name, (await this.#findAccount(accountId)) ?? "", status)
      .first<KmsKeyRow>();
    this.#opened.clear();
    return row === null ? undefined : toKey(row);
  }

  /**
   * All keys, sealed under a key that the operator has, so that they outlast D1 and SEAL_KEY.
   * @param wrappingKey 32 bytes
   * @returns also the ARNs of keys that cannot be exported, because they were sealed under another SEAL_KEY
   */
  async export(
    _by: RootGrant,
    wrappingKey: Uint8Array<ArrayBuffer>,
  ): Promise<{ keys: ExportedKey[]; unavailable: string[] }> {
    const sealer = openSealer(wrappingKey, "kms-export");
    const keys: ExportedKey[] = [];
    const unavailable: string[] = [];
    for (const row of await this.#rows()) {
      const material = await this.#unsealMaterial(row);
      const key = toKey(row);
      if (material === undefined) unavailable.push(kmsKeyArn(key));
      else {
        const exported = { ...key, createdAt: row.created_at };
        keys.push({ ...exported, sealed: await sealer.seal(formatBase64(material), exportName(exported)) });
      }
    }
    return { keys, unavailable };
  }

  /**
   * Adds keys of an export. Of a key that exists, only the material is written: it may be sealed under a SEAL_KEY that is lost.
   * A key whose alias another key of the account has by now, as the default key soon has, gets the alias `imported/<id>`: objects
   * name keys by id.
   * @returns undefined if the wrapping key is not that of the export, or the export was altered; then nothing is imported
   */
  async import(
    _by: RootGrant,
    wrappingKey: Uint8Array<ArrayBuffer>,
    keys: readonly ExportedKey[],
  ): Promise<ImportOutcome | undefined> {
    const sealer = openSealer(wrappingKey, "kms-export");
    const statements: D1PreparedStatement[] = [];
    for (const { sealed, ...key } of keys) {
      const { id, accountId, region, alias, status, createdAt } = key;
      const material = await sealer.unseal(sealed, exportName(key)).catch(() => undefined);
      if (material === undefined || parseBase64(material, CONTENT_KEY_BYTES) === undefined) return undefined;
      const statement = this.#db.prepare(
        `INSERT INTO kms_keys (id, account_id, region, alias, material_sealed, status, created_at)
         SELECT ?1, a.id, ?3,
           CASE WHEN EXISTS (SELECT 1 FROM kms_keys k WHERE k.account_id = ?2 AND k.alias = ?4 AND k.id <> ?1)
             THEN 'imported/' || ?1 ELSE ?4 END,
           ?5, ?6, ?7 FROM accounts a WHERE a.id = ?2
         ON CONFLICT (id) DO UPDATE SET material_sealed = ?5 WHERE account_id = ?2 RETURNING id`,
      );
      const material_sealed = await this.#sealer.seal(material, kmsKeyArn({ id, accountId, region }));
      statements.push(statement.bind(id, accountId, region, alias, material_sealed, status, createdAt));
    }
    const results = statements.length === 0 ? [] : await this.#db.batch(statements);
    this.#opened.clear();
    const isImported = (index: number) => (results[index]?.results.length ?? 0) > 0;
    return {
      imported: keys.filter((_key, index) => isImported(index)).map(kmsKeyArn),
      skipped: keys.filter((_key, index) => !isImported(index)).map(kmsKeyArn),
    };
  }

  async #rows(): Promise<KmsKeyRow[]> {
    const { results } = await this.#db.prepare("SELECT * FROM kms_keys ORDER BY account_id, alias").all<KmsKeyRow>();
    return results;
  }

  async #findAccount(accountId: string | undefined): Promise<string | undefined> {
    const row = await this.#db
      .prepare("SELECT id FROM accounts WHERE id = ?1 OR (?1 IS NULL AND is_root = 1)")
      .bind(accountId ?? null)
      .first<{ id: string }>();
    return row?.id;
  }
}

/**
 * What the seal of an exported key authenticates: all that an import takes over. Another alias would be another permission, since
 * the default key needs none.
 */
function exportName({ alias, status, createdAt, ...key }: Omit<ExportedKey, "sealed">): string {
  return JSON.stringify([kmsKeyArn(key), alias, status, createdAt]);
}

function cacheKey({ accountId, id, alias }: Pick<KmsKeyName, "accountId" | "id" | "alias">): string {
  return id === undefined ? `${accountId}/alias/${alias}` : `${accountId}/key/${id}`;
}

function toKey({ id, account_id: accountId, region, alias, status, created_at: createdAt }: KmsKeyRow): KmsKey {
  return { id, accountId, region, alias, status, createdAt: new Date(createdAt) };
}
