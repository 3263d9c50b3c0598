/** The command line of `npm run deploy`: one flag is ours, the rest is wrangler's. */
import { findFlag, withoutFlags } from "../flags.ts";
import { DeployError } from "./error.ts";

export interface DeployArguments {
  readonly isDryRun: boolean;
  /** Accepts that keys sealed under the lost SEAL_KEY are lost. */
  readonly isNewSealKeyAccepted: boolean;
  readonly config: string | undefined;
  readonly environment: string | undefined;
  /** Name of the Worker, where it is not the configuration's. */
  readonly name: string | undefined;
  /** Whether a route or domain of the caller's own is given. */
  readonly hasRoute: boolean;
  /** For `wrangler deploy`, without the flags that name configuration, environment and Worker. */
  readonly passedOn: readonly string[];
}

const NEW_SEAL_KEY = "--new-seal-key";
const ROUTES = ["--route", "--routes", "--domain", "--domains"];
const OWN = ["--config", "-c", "--env", "-e", "--name"];

/** @throws DeployError for flags that would go round what the command checks */
export function parseDeployArguments(argv: readonly string[]): DeployArguments {
  if (argv.some((argument) => /^--secrets-file(=|$)/.test(argument))) {
    throw new DeployError(
      "--secrets-file is not taken: set ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY and SEAL_KEY in the environment.",
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
