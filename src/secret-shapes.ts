/** The format of the Worker's secrets, checked by the Worker and by the scripts that set them. */

export type SecretName = "ROOT_ACCESS_KEY_ID" | "ROOT_SECRET_ACCESS_KEY" | "SEAL_KEY";

/** The keys of a deployment. */
export type Secrets = Readonly<Record<SecretName, string>>;

export const SECRET_NAMES: readonly SecretName[] = ["ROOT_ACCESS_KEY_ID", "ROOT_SECRET_ACCESS_KEY", "SEAL_KEY"];

export interface SecretShape {
  readonly pattern: RegExp;
  /** Completes "The secret X must be …". */
  readonly expected: string;
}

export const SECRET_SHAPES: Readonly<Record<SecretName, SecretShape>> = {
  ROOT_ACCESS_KEY_ID: { pattern: /^[\w]{16,128}$/, expected: "16 to 128 letters, digits or underscores" },
  ROOT_SECRET_ACCESS_KEY: { pattern: /^\S{16,128}$/, expected: "16 to 128 characters without blanks" },
  SEAL_KEY: { pattern: /^[0-9a-fA-F]{64}$/, expected: "64 hexadecimal digits" },
};

/** Completes "The secret SETUP_CODE must be …". */
export const SETUP_CODE_EXPECTED = "16 to 256 characters, at least 8 of them different";

/** A code of few characters could be guessed by anyone who reaches the set-up. Blanks at its ends are not part of it. */
export function isSetupCode(text: string): boolean {
  const code = text.trim();
  return code.length >= 16 && code.length <= 256 && new Set(code).size >= 8;
}
