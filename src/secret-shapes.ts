/** The format of the Worker's secrets, checked by the Worker and by the scripts that set them. */

export type SecretName = "ROOT_ACCESS_KEY_ID" | "ROOT_SECRET_ACCESS_KEY" | "SEAL_KEY";

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
