/** The command line of `npm run admin`, parsed into one command. */
import { parseArgs } from "node:util";

export const usage = `Usage: npm run admin -- COMMAND [--endpoint URL] [--json]

  account create NAME        a new account with its root key
  account list
  key create ACCOUNT_ID      one more access key
  key list [ACCOUNT_ID]
  key disable KEY_ID
  key enable KEY_ID
  key delete KEY_ID
  deliveries                 receivers of notifications: counts, failures
  dead-letters list          what was given up
  dead-letters retry ID      sends it again; "all": all that are listed
  dead-letters delete ID     throws it away; "all": all that are listed

--endpoint URL  the Worker (default: WORKERS_S3_ENDPOINT, else http://127.0.0.1:8787)
--json          one JSON document on standard output

Requests are signed with ROOT_ACCESS_KEY_ID and ROOT_SECRET_ACCESS_KEY, from the environment or .dev.vars.`;

export type Command =
  | { readonly name: "account create"; readonly displayName: string }
  | { readonly name: "account list" }
  | { readonly name: "key create"; readonly accountId: string }
  | { readonly name: "key list"; readonly accountId: string | undefined }
  | { readonly name: "key disable" | "key enable" | "key delete"; readonly accessKeyId: string }
  | { readonly name: "deliveries" | "dead-letters list" }
  | { readonly name: "dead-letters retry" | "dead-letters delete"; readonly id: string };

export interface Invocation {
  readonly command: Command;
  readonly endpoint: string | undefined;
  readonly isJson: boolean;
}

/** The command line asks for nothing we know; answered with exit code 2. */
export class UsageError extends Error {}

/** Returns "help" if help is asked for; throws a `UsageError` for anything it does not understand. */
export function parseInvocation(argv: readonly string[]): Invocation | "help" {
  const { values, positionals } = parseFlags(argv);
  if (values.help) return "help";
  return { command: parseCommand(positionals), endpoint: values.endpoint, isJson: values.json ?? false };
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { endpoint: { type: "string" }, json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
  }
}

function parseCommand(words: readonly string[]): Command {
  const [noun, verb, operand, ...rest] = words;
  if (rest.length > 0) throw new UsageError(`Unexpected argument "${rest[0]}".`);
  const name = `${noun ?? ""} ${verb ?? ""}`.trim();
  switch (name) {
    case "account create":
      return { name, displayName: requireOperand(operand, "NAME") };
    case "account list":
    case "deliveries":
    case "dead-letters list":
      if (operand !== undefined) throw new UsageError(`Unexpected argument "${operand}".`);
      return { name };
    case "key create":
      return { name, accountId: requireOperand(operand, "ACCOUNT_ID") };
    case "key list":
      return { name, accountId: operand };
    case "key disable":
    case "key enable":
    case "key delete":
      return { name, accessKeyId: requireOperand(operand, "KEY_ID") };
    case "dead-letters retry":
    case "dead-letters delete":
      return { name, id: requireOperand(operand, "ID") };
    default:
      throw new UsageError(name === "" ? "A command is missing." : `Unknown command "${name}".`);
  }
}

function requireOperand(operand: string | undefined, placeholder: string): string {
  if (!operand) throw new UsageError(`${placeholder} is missing.`);
  return operand;
}
