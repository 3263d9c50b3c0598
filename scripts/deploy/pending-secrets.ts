/**
 * Secrets that a deploy is about to set, kept in a file until they have been shown. Cloudflare never shows a secret again, so
 * a lost answer must not lose the keys.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type SecretName, type Secrets, secretNames } from "../secrets.ts";

export class PendingSecrets {
  readonly #path: string;
  readonly #id: string;

  /** @param id the Worker and its account; the secrets of other Workers are ignored */
  constructor(path: string, id: string) {
    this.#path = path;
    this.#id = id;
  }

  get path(): string {
    return this.#path;
  }

  /** The secrets of a run that did not end; empty if there is no such run. */
  read(): Partial<Secrets> {
    if (!existsSync(this.#path)) return {};
    const all = parse(readFileSync(this.#path, "utf8"));
    const found: Partial<Secrets> = {};
    for (const name of secretNames) {
      const value = all[this.#id]?.[name];
      if (typeof value === "string") found[name] = value;
    }
    return found;
  }

  /** Readable by its owner only. */
  write(secrets: Partial<Secrets>): void {
    const all = existsSync(this.#path) ? parse(readFileSync(this.#path, "utf8")) : {};
    this.#save({ ...all, [this.#id]: secrets });
  }

  remove(): void {
    if (!existsSync(this.#path)) return;
    const { [this.#id]: _, ...others } = parse(readFileSync(this.#path, "utf8"));
    if (Object.keys(others).length === 0) rmSync(this.#path);
    else this.#save(others);
  }

  #save(all: object): void {
    writeFileSync(this.#path, `${JSON.stringify(all, undefined, 2)}\n`, { mode: 0o600 });
  }
}

type ById = Readonly<Record<string, Partial<Record<SecretName, unknown>> | undefined>>;

function parse(text: string): ById {
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null ? (value as ById) : {};
}
