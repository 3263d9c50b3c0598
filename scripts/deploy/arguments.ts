/** The command line of `npm run deploy`. Except `--new-seal-key` and those of a removal, all flags are wrangler's. */
import { findFlag, withoutFlags } from "../flags.ts";
import { DeployError } from "./error.ts";

/** What `--remove` is to remove. */
export interface Removal {
  /** `--delete-data`: the data too; the text is the name of the Worker, typed on the command line. */
  readonly data: "keep" | "ask" | { readonly typed: string };
  /** `--yes`: without a question. */
  readonly isConfirmed: boolean;
  /** `--without-seal-key`: the caller accepts the loss of what only SEAL_KEY opens. */
  readonly isSealKeyLost: boolean;
}

export interface DeployArguments {
  readonly isDryRun: boolean;
  /** Undefined: a deploy. */
  readonly removal: Removal | undefined;
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
const REMOVE = "--remove";
const DELETE_DATA = "--delete-data";
const YES = "--yes";
const WITHOUT_SEAL_KEY = "--without-seal-key";
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
    removal: parseRemoval(argv),
    isNewSealKeyAccepted: argv.includes(NEW_SEAL_KEY),
    config: find("--config", "-c"),
    environment: find("--env", "-e"),
    name: find("--name"),
    hasRoute: argv.some((argument) => ROUTES.includes(argument.replace(/=.*$/, ""))),
    passedOn: withoutFlags(argv, OWN).filter((argument) => argument !== NEW_SEAL_KEY),
  };
}

/** @throws DeployError if the flags of a removal are given without it */
function parseRemoval(argv: readonly string[]): Removal | undefined {
  const typed = argv.find((argument) => argument.startsWith(`${DELETE_DATA}=`))?.slice(DELETE_DATA.length + 1);
  const isOf = (argument: string) => [DELETE_DATA, YES, WITHOUT_SEAL_KEY].includes(argument.replace(/=.*$/, ""));
  if (!argv.includes(REMOVE)) {
    const lost = argv.find(isOf);
    if (lost !== undefined) throw new DeployError(`${lost} belongs to --remove.`);
    return undefined;
  }
  const others = argv.filter((argument, index) => {
    const isNamed = [...OWN, REMOVE, "--dry-run"].includes(argument.replace(/=.*$/, ""));
    return !isNamed && !isOf(argument) && !OWN.includes(argv[index - 1] ?? "");
  });
  if (others.length > 0) throw new DeployError(`--remove does not take ${others.join(" ")}.`);
  const asks = argv.includes(DELETE_DATA);
  return {
    data: typed === undefined ? (asks ? "ask" : "keep") : { typed },
    isConfirmed: argv.includes(YES),
    isSealKeyLost: argv.includes(WITHOUT_SEAL_KEY),
  };
}
