/**
 * The secrets of a Worker that has only SETUP_CODE: the set-up has stored them in D1. The Worker's own secrets take precedence
 * over stored ones, and a Worker that has all of them reads nothing.
 */
import { acceptsHttp, type Env, NotConfigured, requireStorage } from "./env.ts";
import { isSetupCode, SECRET_NAMES, SETUP_CODE_EXPECTED, type SecretName } from "./secret-shapes.ts";
import { SealedOtherwise, SetupSecrets } from "./storage/d1/setup-secrets.ts";
import { patientBindings } from "./storage/platform/patient-bindings.ts";
import { toS3Error } from "./storage/platform-errors.ts";

/** The deployment has no secrets yet, and its set-up can make them. */
export class SetupPending extends NotConfigured {
  readonly setup: SetupSecrets;
  readonly acceptsHttp: boolean;

  constructor(setup: SetupSecrets, env: Env) {
    super("This deployment has no keys yet. Open /-/setup on it in a browser, and enter its SETUP_CODE.");
    this.setup = setup;
    this.acceptsHttp = acceptsHttp(env);
  }
}

/**
 * The bindings with all secrets, if they are stored.
 * @throws NotConfigured if the code does not open them or D1 does not answer; SetupPending before the set-up
 */
export async function withStoredSecrets(bindings: Env): Promise<Env> {
  const own: Partial<Record<SecretName, string>> = {};
  for (const name of SECRET_NAMES) if (bindings[name]) own[name] = bindings[name];
  const code = bindings.SETUP_CODE;
  if (!code || Object.keys(own).length === SECRET_NAMES.length) return bindings;
  requireStorage(bindings);
  if (!isSetupCode(code)) throw new NotConfigured(`The secret SETUP_CODE must be ${SETUP_CODE_EXPECTED}.`);
  const setup = new SetupSecrets(patientBindings(bindings).DB, code);
  const stored = await setup.find().catch((cause: unknown) => {
    if (cause instanceof SealedOtherwise) throw new NotConfigured(OTHER_CODE, { cause });
    throw new NotConfigured(toS3Error(cause).message, { cause });
  });
  if (stored !== undefined) return { ...bindings, ...stored, ...own };
  // Someone has begun to set the secrets themselves.
  if (Object.keys(own).length > 0) return bindings;
  throw new SetupPending(setup, bindings);
}

const OTHER_CODE =
  "The keys of this deployment are sealed under another SETUP_CODE. Set the secret SETUP_CODE to that one again, or set the " +
  "secrets ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY and SEAL_KEY to the keys that the set-up has shown.";
