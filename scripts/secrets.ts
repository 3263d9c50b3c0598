/** The three secrets of a Worker, and random values for them; or the SETUP_CODE that it may have in their place. */
import { randomBytes, randomInt } from "node:crypto";
import {
  isSetupCode,
  SECRET_NAMES,
  SECRET_SHAPES,
  SETUP_CODE_EXPECTED,
  type SecretName,
} from "../src/secret-shapes.ts";

export type { SecretName } from "../src/secret-shapes.ts";

export const secretNames = SECRET_NAMES;

export type Secrets = Record<SecretName, string>;

const keyIdAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
// AWS secrets also hold "/" and "+", which break when pasted into URLs and unquoted shell words.
const secretAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** A random value in the form that the Worker accepts. */
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

/** The names for which `present` has no value, or an empty one. */
export function missingSecrets(present: Readonly<Record<string, string | undefined>>): SecretName[] {
  return secretNames.filter((name) => !present[name]);
}

/** A sentence for each secret that the Worker would refuse. It does not contain the value. */
export function malformedSecrets(given: Readonly<Record<string, string | undefined>>): string[] {
  const { SETUP_CODE: code } = given;
  const complaints = secretNames.flatMap((name) => {
    const value = given[name];
    const { pattern, expected } = SECRET_SHAPES[name];
    return !value || pattern.test(value) ? [] : [`${name} must be ${expected}.`];
  });
  return !code || isSetupCode(code) ? complaints : [...complaints, `SETUP_CODE must be ${SETUP_CODE_EXPECTED}.`];
}

/** A value for each secret that is not in `present`: from the first of `sources` that has one, else a random one. */
export function chooseSecrets(
  present: readonly string[],
  ...sources: readonly Readonly<Record<string, string | undefined>>[]
): Partial<Secrets> {
  const chosen: Partial<Secrets> = {};
  for (const name of secretNames.filter((each) => !present.includes(each))) {
    const given = sources.map((source) => source[name]).find((value) => value);
    chosen[name] = given ?? randomSecret(name);
  }
  return chosen;
}

/** As `chooseSecrets`, but only values that are given. */
export function givenSecrets(
  present: readonly string[],
  given: Readonly<Record<string, string | undefined>>,
): Partial<Secrets> {
  const chosen: Partial<Secrets> = {};
  for (const name of secretNames) {
    const value = given[name];
    if (value && !present.includes(name)) chosen[name] = value;
  }
  return chosen;
}

function randomText(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join("");
}
