/** How the secrets of a deployment are sealed under its SETUP_CODE. The deploy command checks codes with it. */
import { formatHex, parseHex } from "../checksum/digests.ts";
import type { Secrets } from "../secret-shapes.ts";
import { openSealer, stretch } from "./sealing.ts";

/** PBKDF2 with SHA-256. Each new isolate takes them once, within the CPU time that the Free plan allows a request. */
const ITERATIONS = 20_000;
const SALT_BYTES = 16;
const NAME = "deployment";

export interface SealedSecrets {
  /** Hexadecimal. */
  readonly salt: string;
  readonly iterations: number;
  readonly sealed: string;
}

export async function sealSecrets(secrets: Secrets, code: string): Promise<SealedSecrets> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const by = { salt: formatHex(salt), iterations: ITERATIONS };
  return { ...by, sealed: await (await sealerOf(code, by)).seal(JSON.stringify(secrets), NAME) };
}

/** @throws if the code is another one, or the values were altered */
export async function unsealSecrets(values: SealedSecrets, code: string): Promise<Secrets> {
  return JSON.parse(await (await sealerOf(code, values)).unseal(values.sealed, NAME)) as Secrets;
}

/** Blanks at the ends of a code are not part of it. */
async function sealerOf(code: string, { salt, iterations }: Omit<SealedSecrets, "sealed">) {
  const bytes = parseHex(salt, SALT_BYTES) ?? new Uint8Array(SALT_BYTES);
  return openSealer(await stretch(code.trim(), { salt: bytes, iterations }), "setup-secrets");
}
