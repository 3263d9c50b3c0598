/** Keys of files that the operator seals with a passphrase, which stays on this machine: the Worker gets the derived key. */
import { scryptSync } from "node:crypto";
import { UsageError } from "./commands.ts";

/** 128 MiB of memory and about half a second for each guess. */
export const SCRYPT = { N: 2 ** 17, r: 8, p: 1 };
const MIN_PASSPHRASE = 12;
const KEY_BYTES = 32;

export type Scrypt = typeof SCRYPT & { readonly salt: string };

/** A passphrase, and the environment variable it is from. */
export interface Passphrase {
  readonly name: "KMS_PASSPHRASE" | "CONFIG_PASSPHRASE";
  readonly text: string;
}

/** So many keys of 32 bytes. @throws UsageError if the passphrase is short */
export function deriveKeys({ name, text }: Passphrase, { salt, N, r, p }: Scrypt, count: number): Buffer[] {
  if (text.length < MIN_PASSPHRASE) {
    throw new UsageError(`${name} must be set, to ${MIN_PASSPHRASE} characters or more.`);
  }
  const options = { N, r, p, maxmem: 256 * N * r };
  const bytes = scryptSync(text.normalize("NFC"), Buffer.from(salt, "base64"), count * KEY_BYTES, options);
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * KEY_BYTES, (index + 1) * KEY_BYTES));
}

/** Other parameters could be a request for any amount of memory. */
export function isScrypt(value: unknown): value is Scrypt {
  const { N, r, p, salt } = (value ?? {}) as Partial<Scrypt>;
  return N === SCRYPT.N && r === SCRYPT.r && p === SCRYPT.p && typeof salt === "string";
}
