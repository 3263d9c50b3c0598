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
  policy check               users that policies of buckets and topics name and that are nobody (any more)
  remote add NAME URL        an endpoint to replicate to; its keys come from the environment,
                             REMOTE_ACCESS_KEY_ID and REMOTE_SECRET_ACCESS_KEY
    --account ID[,ID...]     accounts whose buckets may be replicated there
    --bucket NAME[,NAME...]  buckets there that may be replicated to (default: all)
    --kind peer|s3           another workers-s3, or anything else that speaks S3 (default: s3)
    --region REGION          for its signatures (default: us-east-1)
  remote list
  remote remove NAME
  remote check NAME BUCKET   writes and deletes an object there, as replication does
  replication status BUCKET  what is still to be done, and what failed and why
  replication retry BUCKET   tries again what was given up
  replication existing BUCKET
                             replicates what was there before the rules; goes on where it stopped

--endpoint URL  the Worker (default: WORKERS_S3_ENDPOINT, else http://127.0.0.1:8787)
--json          one JSON document on standard output

Requests are signed with ROOT_ACCESS_KEY_ID and ROOT_SECRET_ACCESS_KEY, from the environment or .dev.vars.`;

export type Command =
  | { readonly name: "account create"; readonly displayName: string }
  | { readonly name: "account list" }
  | { readonly name: "key create"; readonly accountId: string }
  | { readonly name: "key list"; readonly accountId: string | undefined }
  | { readonly name: "key disable" | "key enable" | "key delete"; readonly accessKeyId: string }
  | { readonly name: "deliveries" | "dead-letters list" | "policy check" }
  | {
      readonly name: "remote add";
      readonly remote: {
        readonly name: string;
        readonly endpoint: string;
        readonly region: string;
        readonly kind: string;
        readonly accountIds: readonly string[];
        readonly buckets?: readonly string[];
      };
    }
  | { readonly name: "remote list" }
  | { readonly name: "remote remove"; readonly remoteName: string }
  | { readonly name: "remote check"; readonly remoteName: string; readonly bucket: string }
  | { readonly name: "replication status" | "replication retry" | "replication existing"; readonly bucket: string }
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
  const command = parseCommand(positionals, values);
  const flags = [values.account, values.bucket, values.kind, values.region];
  if (command.name !== "remote add" && flags.some((flag) => flag !== undefined)) {
    throw new UsageError('--account, --bucket, --kind and --region go with "remote add" alone.');
  }
  return { command, endpoint: values.endpoint, isJson: values.json ?? false };
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
        bucket: { type: "string", multiple: true },
        kind: { type: "string" },
        region: { type: "string" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
  }
}

interface RemoteFlags {
  readonly account?: readonly string[] | undefined;
  readonly bucket?: readonly string[] | undefined;
  readonly kind?: string | undefined;
  readonly region?: string | undefined;
}

function parseCommand(words: readonly string[], flags: RemoteFlags): Command {
  const [noun, verb, operand, ...more] = words;
  const takesTwo = noun === "remote" && (verb === "add" || verb === "check");
  const second = takesTwo ? more[0] : undefined;
  const rest = takesTwo ? more.slice(1) : more;
  if (rest.length > 0) throw new UsageError(`Unexpected argument "${rest[0]}".`);
  const name = `${noun ?? ""} ${verb ?? ""}`.trim();
  switch (name) {
    case "account create":
      return { name, displayName: requireOperand(operand, "NAME") };
    case "account list":
    case "deliveries":
    case "dead-letters list":
    case "policy check":
    case "remote list":
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
    case "remote add":
      return { name, remote: parseRemote(operand, second, flags) };
    case "remote remove":
      return { name, remoteName: requireOperand(operand, "NAME") };
    case "remote check":
      return { name, remoteName: requireOperand(operand, "NAME"), bucket: requireOperand(second, "BUCKET") };
    case "replication status":
    case "replication retry":
    case "replication existing":
      return { name, bucket: requireOperand(operand, "BUCKET") };
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

function parseRemote(name: string | undefined, url: string | undefined, flags: RemoteFlags) {
  const accountIds = listed(flags.account);
  const buckets = listed(flags.bucket);
  if (accountIds.length === 0) throw new UsageError("--account is missing.");
  const { kind = "s3", region = "us-east-1" } = flags;
  if (flags.bucket !== undefined && buckets.length === 0) throw new UsageError("--bucket takes names of buckets.");
  if (kind !== "peer" && kind !== "s3") throw new UsageError("--kind takes peer or s3.");
  return {
    name: requireOperand(name, "NAME"),
    endpoint: requireOperand(url, "URL"),
    region,
    kind,
    accountIds,
    ...(buckets.length > 0 && { buckets }),
  };
}

function listed(flags: readonly string[] = []): string[] {
  return flags.flatMap((list) => list.split(",")).filter((name) => name !== "");
}
