/** The commands of `npm run admin`: what a person types, what it does, and the request to the admin API that does it. */
import { accountOf, type Command, type CommandInput, type DoctorOptions, splitLists, UsageError } from "./command.ts";
import { USAGE_COMMANDS } from "./usage-commands.ts";

export type { Command, CommandInput, CommandOptions, DoctorOptions, FileAction, RemoteKeys } from "./command.ts";
export { UsageError } from "./command.ts";

const ACCOUNT_OF_KEY = ["--account ID", "the account whose key it is (default: the root account)"] as const;

const SCRUB_OPTIONS = [
  ["--bytes", "also reads all bytes, and compares MD5s and checksums"],
  ["--cursor CURSOR", "continues a scrub that was interrupted"],
] as const;

export const COMMANDS: readonly Command[] = [
  {
    line: "account create NAME",
    help: "creates an account and its root key",
    method: "POST",
    path: "/accounts",
    body: ({ operands }) => ({ displayName: operands.NAME }),
  },
  { line: "account list", help: "", method: "GET", path: "/accounts" },
  {
    line: "key create ACCOUNT_ID",
    help: "creates another access key",
    method: "POST",
    path: "/accounts/ACCOUNT_ID/keys",
  },
  { line: "key list", help: "", method: "GET", path: "/keys" },
  { line: "key list ACCOUNT_ID", help: "", method: "GET", path: "/accounts/ACCOUNT_ID/keys" },
  {
    line: "key disable KEY_ID",
    help: "",
    method: "PATCH",
    path: "/keys/KEY_ID",
    body: () => ({ status: "Inactive" }),
  },
  { line: "key enable KEY_ID", help: "", method: "PATCH", path: "/keys/KEY_ID", body: () => ({ status: "Active" }) },
  { line: "key delete KEY_ID", help: "", method: "DELETE", path: "/keys/KEY_ID" },
  { line: "deliveries", help: "receivers of notifications: counts, failures", method: "GET", path: "/receivers" },
  {
    line: "dead-letters list",
    help: "messages whose delivery was given up",
    method: "GET",
    path: "/dead-letters",
  },
  {
    line: "dead-letters retry ID",
    help: 'sends the message again; "all": all that are listed',
    method: "POST",
    path: "/dead-letters/ID/retry",
  },
  {
    line: "dead-letters delete ID",
    help: 'deletes the message; "all": all that are listed',
    method: "DELETE",
    path: "/dead-letters/ID",
  },
  {
    line: "policy check",
    help: "users that policies of buckets and topics name and that do not exist",
    method: "GET",
    path: "/policies/nobody",
  },
  {
    line: "remote add NAME URL",
    help: "adds an endpoint to replicate to; its keys come from the environment,\nREMOTE_ACCESS_KEY_ID and REMOTE_SECRET_ACCESS_KEY",
    method: "POST",
    path: "/remotes",
    body: describeRemote,
    options: [
      ["--account ID[,ID...]", "accounts whose buckets may be replicated there"],
      ["--bucket NAME[,NAME...]", "buckets there that may be replicated to (default: all)"],
      ["--kind peer|s3", "another workers-s3, or any other S3 endpoint (default: s3)"],
      ["--region REGION", "for its signatures (default: us-east-1)"],
    ],
  },
  { line: "remote list", help: "", method: "GET", path: "/remotes" },
  { line: "remote remove NAME", help: "", method: "DELETE", path: "/remotes/NAME" },
  {
    line: "remote check NAME BUCKET",
    help: "writes and deletes an object there, as replication does",
    method: "POST",
    path: "/remotes/NAME/check",
    body: ({ operands }) => ({ bucket: operands.BUCKET }),
  },
  {
    line: "kms create ALIAS",
    help: "creates a key for SSE-KMS",
    method: "POST",
    path: "/kms",
    body: ({ operands, options }) => ({ alias: operands.ALIAS, ...accountOf(options) }),
    options: [ACCOUNT_OF_KEY],
  },
  { line: "kms list", help: "", method: "GET", path: "/kms" },
  {
    line: "kms disable KEY",
    help: "KEY: its id or alias; no object under it can be\nread or written then",
    method: "PATCH",
    path: "/kms",
    body: ({ operands, options }) => ({ key: operands.KEY, status: "Disabled", ...accountOf(options) }),
    options: [ACCOUNT_OF_KEY],
  },
  {
    line: "kms enable KEY",
    help: "",
    method: "PATCH",
    path: "/kms",
    body: ({ operands, options }) => ({ key: operands.KEY, status: "Enabled", ...accountOf(options) }),
    options: [ACCOUNT_OF_KEY],
  },
  {
    line: "kms export FILE",
    help: "writes all keys to a new file, sealed under KMS_PASSPHRASE,\nwhich comes from the environment",
    method: "POST",
    path: "/kms/export",
    file: "kms-export",
  },
  {
    line: "kms import FILE",
    help: "restores the keys of an export",
    method: "POST",
    path: "/kms/import",
    file: "kms-import",
  },
  {
    line: "export-config FILE",
    help: "writes accounts, keys, policies, buckets' settings and all else\nthat D1 holds to a new file, sealed under CONFIG_PASSPHRASE,\nwhich comes from the environment",
    method: "POST",
    path: "/config/exports",
    file: "config-export",
  },
  {
    line: "restore-config FILE",
    help: "restores such a file into an empty deployment",
    method: "POST",
    path: "/config/restores",
    file: "config-restore",
  },
  {
    line: "rebuild",
    help: "after the loss of D1 without an export: restores buckets from\ntheir markers in R2, private and without their other settings",
    method: "POST",
    path: "/rebuild/buckets",
    isRebuild: true,
    body: describeRebuild,
    options: [
      ["--region REGION", "only buckets in this region"],
      [
        "--owner root",
        "buckets of accounts that do not exist go to the root\naccount (default: the accounts are created, without keys)",
      ],
    ],
  },
  {
    line: "bucket adopt NAME",
    help: "serves an R2 bucket of yours under its own keys; writes nothing",
    method: "POST",
    path: "/adoptions",
    body: describeAdoption,
    options: [
      ["--binding ADOPT_NAME", "its binding in wrangler.toml"],
      ["--account ID", "the account that owns it here (default: the root account)"],
    ],
  },
  { line: "bucket adopted", help: "the R2 buckets that are served so", method: "GET", path: "/adoptions" },
  {
    line: "bucket release NAME",
    help: "forgets an adopted bucket and its settings; deletes no object",
    method: "DELETE",
    path: "/adoptions/NAME",
  },
  {
    line: "doctor",
    help: "checks a deployment from outside, step by step, and prints what\nto change; makes a bucket and removes it",
    method: "GET",
    path: "/deployment",
    isDoctor: true,
    body: describeDoctor,
    options: [
      ["--upload-mb N", "how much the check of the request size sends, in MiB\n(default: 16)"],
      ["--wait SECONDS", "how long the queues are waited for (default: 45)"],
    ],
  },
  ...USAGE_COMMANDS,
  {
    line: "scrub",
    help: "checks that what is stored is consistent; changes nothing",
    method: "POST",
    path: "/scrub",
    body: describeScrub,
    isScrub: true,
    options: SCRUB_OPTIONS,
  },
  {
    line: "scrub BUCKET",
    help: "the same for one bucket",
    method: "POST",
    path: "/scrub",
    body: describeScrub,
    isScrub: true,
    options: SCRUB_OPTIONS,
  },
  {
    line: "audit set BUCKET",
    help: "who changes what, and what is denied, goes to this bucket",
    method: "POST",
    path: "/audit",
    body: ({ operands, options }) => ({
      bucket: operands.BUCKET,
      ...(options.prefix !== undefined && { prefix: options.prefix }),
      ...accountOf(options),
    }),
    options: [
      ["--prefix PREFIX", "of the keys of its objects (default: audit/)"],
      ["--account ID", "the account whose bucket it is (default: the root account)"],
    ],
  },
  { line: "audit show", help: "", method: "GET", path: "/audit" },
  { line: "audit off", help: "", method: "DELETE", path: "/audit" },
  {
    line: "replication status BUCKET",
    help: "what is still to be replicated, what failed, and why",
    method: "GET",
    path: "/buckets/BUCKET/replication",
  },
  {
    line: "replication retry BUCKET",
    help: "tries again what was given up",
    method: "POST",
    path: "/buckets/BUCKET/replication/retry",
  },
  {
    line: "replication existing BUCKET",
    help: "replicates the objects that are older than the rules; continues\nwhere it stopped",
    method: "POST",
    path: "/buckets/BUCKET/replication/existing",
  },
];

function describeRemote({ operands, options, remoteKeys }: CommandInput): unknown {
  const { kind = "s3", region = "us-east-1" } = options;
  const accountIds = splitLists(options.account);
  const buckets = splitLists(options.bucket);
  if (accountIds.length === 0) throw new UsageError("--account is missing.");
  if (options.bucket !== undefined && buckets.length === 0) throw new UsageError("--bucket takes names of buckets.");
  if (kind !== "peer" && kind !== "s3") throw new UsageError("--kind takes peer or s3.");
  const { accessKeyId, secretAccessKey } = remoteKeys;
  if (!accessKeyId || !secretAccessKey) {
    throw new UsageError("REMOTE_ACCESS_KEY_ID and REMOTE_SECRET_ACCESS_KEY must be set.");
  }
  return {
    name: operands.NAME,
    endpoint: operands.URL,
    region,
    kind,
    accountIds,
    ...(buckets.length > 0 && { buckets }),
    accessKeyId,
    secretAccessKey,
  };
}

function describeAdoption({ operands, options }: CommandInput): unknown {
  if (options.binding === undefined) throw new UsageError("--binding is missing.");
  return { name: operands.NAME, binding: options.binding, ...accountOf(options) };
}

function describeScrub({ operands, options }: CommandInput): unknown {
  const { BUCKET: bucket } = operands;
  const { bytes = false, cursor } = options;
  if (cursor === undefined) return { ...(bucket !== undefined && { bucket }), bytes };
  if (bucket === undefined && !bytes) return { cursor };
  throw new UsageError("--cursor says which bucket it is and whether bytes are read: it takes neither.");
}

/** Not sent: the command reads its options from it. */
function describeDoctor({ options }: CommandInput): DoctorOptions {
  return {
    uploadMb: wholeNumber("--upload-mb", options["upload-mb"] ?? "16", { from: 1, to: 2048 }),
    waitSeconds: wholeNumber("--wait", options.wait ?? "45", { from: 0, to: 600 }),
  };
}

function wholeNumber(
  option: string,
  text: string,
  { from, to }: { readonly from: number; readonly to: number },
): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= from && value <= to) return value;
  throw new UsageError(`${option} takes a whole number from ${from} to ${to}.`);
}

function describeRebuild({ options: { region, owner } }: CommandInput): unknown {
  if (owner !== undefined && owner !== "root") throw new UsageError("--owner takes root.");
  return { region, owner };
}
