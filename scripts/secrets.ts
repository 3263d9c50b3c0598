/** The three secrets a Worker needs, and how fresh ones are made. */
import { randomBytes, randomInt } from "node:crypto";

export const secretNames = ["ROOT_ACCESS_KEY_ID", "ROOT_SECRET_ACCESS_KEY", "SEAL_KEY"] as const;

export type SecretName = (typeof secretNames)[number];
export type Secrets = Record<SecretName, string>;

const keyIdAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
// AWS secrets also hold "/" and "+", which break when pasted into URLs and unquoted shell words.
const secretAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** A fresh random value in the shape its readers expect. */
export function randomSecret(name: SecretName): string {
  switch (name) {
    case "ROOT_ACCESS_KEY_ID":
      return `AKIA${randomText(keyIdAlphabet, 16)}`;
    case "ROOT_SECRET_ACCESS_KEY":
      return randomText(secretAlphabet, 40);
    case "SEAL_KEY":
      return randomBytes(32).toString("hex");
    default:
      return name satisfies never;
  }
}

/** The names that `present` has no non-empty value for. */
export function missingSecrets(present: Readonly<Record<string, string | undefined>>): SecretName[] {
  return secretNames.filter((name) => !present[name]);
}

function randomText(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join("");
}
