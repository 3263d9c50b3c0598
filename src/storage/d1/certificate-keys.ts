/** The deployment's signing key in D1. */
import type { CertificateKey } from "../../model/notification.ts";
import type { Sealer } from "../sealing.ts";

interface CertificateKeyRow {
  readonly fingerprint: string;
  readonly certificate: string;
  readonly private_key: string;
}

const SELECT = "SELECT fingerprint, certificate, private_key FROM signing_keys";

export class CertificateKeys {
  readonly #db: D1Database;
  readonly #sealer: Sealer;
  readonly #id: () => Promise<string>;

  /** @param id of the row that belongs to the SEAL_KEY of the sealer. */
  constructor(db: D1Database, sealer: Sealer, id: () => Promise<string>) {
    this.#db = db;
    this.#sealer = sealer;
    this.#id = id;
  }

  async find(): Promise<CertificateKey | undefined> {
    const row = await this.#db
      .prepare(`${SELECT} WHERE id = ?`)
      .bind(await this.#id())
      .first<CertificateKeyRow>();
    return row === null ? undefined : this.#unseal(row);
  }

  /** Stores the key unless another isolate has stored one meanwhile; returns the stored one. */
  async keepFirst(key: CertificateKey, now: Date): Promise<CertificateKey> {
    const id = await this.#id();
    const privateKey = await this.#sealer.seal(key.privateKey, key.fingerprint);
    const [, kept] = await this.#db.batch<CertificateKeyRow>([
      this.#db
        .prepare(
          `INSERT OR IGNORE INTO signing_keys (id, fingerprint, certificate, private_key, created_at)
           VALUES (?, ?, ?, ?, ?)`,
        )
        .bind(id, key.fingerprint, key.certificate, privateKey, now.getTime()),
      this.#db.prepare(`${SELECT} WHERE id = ?`).bind(id),
    ]);
    const [row] = kept?.results ?? [];
    if (row === undefined) throw new Error("the signing key was not kept");
    return row.fingerprint === key.fingerprint ? key : this.#unseal(row);
  }

  /** The certificate of this or an earlier key, PEM. For anyone: it is public. */
  async findCertificate(fingerprint: string): Promise<string | undefined> {
    const row = await this.#db
      .prepare("SELECT certificate FROM signing_keys WHERE fingerprint = ?")
      .bind(fingerprint)
      .first<{ certificate: string }>();
    return row?.certificate;
  }

  async #unseal(row: CertificateKeyRow): Promise<CertificateKey> {
    return {
      fingerprint: row.fingerprint,
      certificate: row.certificate,
      privateKey: await this.#sealer.unseal(row.private_key, row.fingerprint),
    };
  }
}
