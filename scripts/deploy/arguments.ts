/** The command line of `npm run deploy`. All flags except `--new-seal-key` are wrangler's. */
import { findFlag, withoutFlags } from "../flags.ts";
import { DeployError } from "./error.ts";

export interface DeployArguments {
  readonly isDryRun: boolean;
  /** The caller accepts the loss of the keys that are sealed under a lost SEAL_KEY. */
  readonly isNewSealKeyAccepted: boolean;
  readonly config: string | undefined;
  readonly environment: string | undefined;
  /** Name of the Worker, if it differs from that of the configuration. */
  readonly name: string | undefined;
  /** Whether a route or a domain is given. */
  readonly hasRoute: boolean;
  /** For `wrangler deploy`, without the flags that name configuration, environment and Worker. */
  readonly passedOn: readonly string[];
}

const NEW_SEAL_KEY = "--new-seal-key";
const ROUTES = ["--route", "--routes", "--domain", "--domains"];
const OWN = ["--config", "-c", "--env", "-e", "--name"];

/** @throws DeployError for flags that bypass the checks of the command */
export function parseDeployArguments(argv: readonly string[]): DeployArguments {
  if (argv.some((argument) => /^--secrets-file(=|$)/.test(argument))) {
    throw new DeployError(
      "--secrets-file is not supported: set ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY and SEAL_KEY in the environment.",
    );
  }
  const find = (...flags: string[]) => flags.map((flag) => findFlag(argv, flag)).find((value) => value !== undefined);
  return {
    isDryRun: argv.includes("--dry-run"),
    isNewSealKeyAccepted: argv.includes(NEW_SEAL_KEY),
    config: find("--config", "-c"),
    environment: find("--env", "-e"),
    name: find("--name"),
    hasRoute: argv.some((argument) => ROUTES.includes(argument.replace(/=.*$/, ""))),
    passedOn: withoutFlags(argv, OWN).filter((argument) => argument !== NEW_SEAL_KEY),
  };
}
