/** The command line of `npm run admin`, parsed into one request to the admin API. */
import { parseArgs } from "node:util";
import { COMMANDS, type Command, type FileAction, type RemoteKeys, UsageError } from "./commands.ts";

const HELP_COLUMN = 31;

export const usage = `Usage: npm run admin -- COMMAND [--endpoint URL] [--json]

${COMMANDS.map(describeCommand).join("")}
--endpoint URL  the Worker (default: WORKERS_S3_ENDPOINT, else http://127.0.0.1:8787)
--json          one JSON document on standard output

Requests are signed with ROOT_ACCESS_KEY_ID and ROOT_SECRET_ACCESS_KEY, from the environment
or from .dev.vars.`;

export interface AdminRequest {
  readonly method: Command["method"];
  readonly path: string;
  readonly body?: unknown;
}

export interface Invocation {
  readonly request: AdminRequest;
  readonly endpoint: string | undefined;
  readonly isJson: boolean;
  readonly file?: { readonly action: FileAction; readonly path: string };
  readonly isScrub?: true;
  readonly isRebuild?: true;
  readonly isUsage?: true;
  readonly isDoctor?: true;
}

const NO_KEYS: RemoteKeys = { accessKeyId: undefined, secretAccessKey: undefined };

/**
 * @returns "help" for `--help`
 * @throws UsageError for an invalid command line, and for a command that lacks the keys of a remote
 */
export function parseInvocation(argv: readonly string[], remoteKeys: RemoteKeys = NO_KEYS): Invocation | "help" {
  const { values, positionals } = parseFlags(argv);
  const { help, endpoint, json: isJson = false, ...options } = values;
  if (help) return "help";
  const { command, operands } = findCommand(positionals);
  const taken = (command.options ?? []).map(([option]) => option.split(" ")[0]);
  const other = Object.keys(options).find((option) => !taken.includes(`--${option}`));
  if (other !== undefined) throw new UsageError(`"${nameOf(command).join(" ")}" does not take --${other}.`);
  const input = { operands, options, remoteKeys };
  const path = command.path.replace(/[A-Z_]+/g, (name) => encodeURIComponent(operands[name] ?? ""));
  const request = {
    method: command.method,
    path: `/-/admin${path}${command.query?.(input) ?? ""}`,
    ...(command.body !== undefined && { body: command.body(input) }),
  };
  const { file: action } = command;
  const file = action === undefined ? {} : { file: { action, path: operands.FILE ?? "" } };
  return {
    request,
    endpoint,
    isJson,
    ...file,
    ...(command.isScrub && { isScrub: true }),
    ...(command.isRebuild && { isRebuild: true }),
    ...(command.isUsage && { isUsage: true }),
    ...(command.isDoctor && { isDoctor: true }),
  };
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        endpoint: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
        account: { type: "string", multiple: true },
        binding: { type: "string" },
        bucket: { type: "string", multiple: true },
        bytes: { type: takesSize(argv) ? "string" : "boolean" },
        cursor: { type: "string" },
        history: { type: "boolean" },
        kind: { type: "string" },
        objects: { type: "string" },
        owner: { type: "string" },
        prefix: { type: "string" },
        region: { type: "string" },
        "upload-mb": { type: "string" },
        wait: { type: "string" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
  }
}

/** `--bytes` is a flag of `scrub`, and takes a size after `quota`. */
function takesSize(argv: readonly string[]): boolean {
  return argv.find((word) => word === "quota" || word === "scrub") === "quota";
}

function findCommand(words: readonly string[]): { command: Command; operands: Record<string, string> } {
  const named = COMMANDS.filter((command) => nameOf(command).every((word, index) => words[index] === word));
  const longest = named.at(-1);
  if (longest === undefined) {
    throw new UsageError(
      words.length === 0 ? "A command is missing." : `Unknown command "${words.slice(0, 2).join(" ")}".`,
    );
  }
  const values = words.slice(nameOf(longest).length);
  const command = named.find((each) => operandsOf(each).length === values.length);
  if (command !== undefined && values.every((value) => value !== "")) {
    return {
      command,
      operands: Object.fromEntries(operandsOf(command).map((name, index) => [name, values[index] ?? ""])),
    };
  }
  const expected = operandsOf(longest);
  const missing = expected.find((_name, index) => !values[index]);
  throw new UsageError(
    missing === undefined ? `Unexpected argument "${values[expected.length]}".` : `${missing} is missing.`,
  );
}

function nameOf({ line }: Command): string[] {
  return line.split(" ").filter((word) => /^[a-z]/.test(word));
}

function operandsOf({ line }: Command): string[] {
  return line.split(" ").filter((word) => /^[A-Z]/.test(word));
}

function describeCommand({ line, help, options = [] }: Command): string {
  return formatHelp(`  ${line}`, help) + options.map(([option, text]) => formatHelp(`    ${option}`, text)).join("");
}

function formatHelp(left: string, help: string): string {
  return `${left.padEnd(HELP_COLUMN)}${help.replaceAll("\n", `\n${" ".repeat(HELP_COLUMN)}`)}`.trimEnd().concat("\n");
}
