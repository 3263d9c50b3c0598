/** The commands of usage and quotas. */
import { accountOf, type Command, type CommandInput, type CommandOptions, splitLists, UsageError } from "./command.ts";
import { parseSize } from "./sizes.ts";

const QUOTA_OPTIONS = [
  ["--bucket NAME", "the bucket"],
  ["--account ID", "or the account: all its buckets together"],
] as const;

export const USAGE_COMMANDS: readonly Command[] = [
  {
    line: "usage",
    help: "what buckets and accounts hold, as it was last counted",
    method: "GET",
    path: "/usage",
    query: describeUsage,
    isUsage: true,
    options: [
      ["--bucket NAME", "only this bucket"],
      ["--account ID", "only this account and its buckets"],
      ["--history", "with --bucket: one line for each day, 400 at most"],
    ],
  },
  {
    line: "quota set",
    help: "how much a bucket or an account may hold; replaces its quota",
    method: "POST",
    path: "/quotas",
    query: ({ options }) => subjectOf(options),
    body: describeQuota,
    options: [
      ...QUOTA_OPTIONS,
      ["--bytes SIZE", "bytes, as 5000000, 10GB or 10GiB (default: not limited)"],
      ["--objects N", "objects, versions and delete markers (default: not limited)"],
    ],
  },
  {
    line: "quota show",
    help: "the quota, and how much of it is used",
    method: "GET",
    path: "/quotas",
    query: ({ options }) => subjectOf(options),
    options: QUOTA_OPTIONS,
  },
  {
    line: "quota delete",
    help: "",
    method: "DELETE",
    path: "/quotas",
    query: ({ options }) => subjectOf(options),
    options: QUOTA_OPTIONS,
  },
];

function describeQuota({ options }: CommandInput): unknown {
  const { bytes, objects } = options;
  const size = typeof bytes === "string" ? parseSize(bytes) : undefined;
  if (bytes !== undefined && size === undefined) throw new UsageError("--bytes takes a size, such as 5000000 or 10GB.");
  if (objects !== undefined && !/^\d{1,15}$/.test(objects)) throw new UsageError("--objects takes a number.");
  if (bytes === undefined && objects === undefined) throw new UsageError("--bytes or --objects is missing.");
  return {
    ...(size !== undefined && { bytes: size }),
    ...(objects !== undefined && { objects: Number(objects) }),
  };
}

function subjectOf(options: CommandOptions): string {
  const [bucket, { accountId }] = [bucketOf(options), accountOf(options)];
  if (bucket !== undefined && accountId === undefined) return `/buckets/${encodeURIComponent(bucket)}`;
  if (accountId !== undefined && bucket === undefined) return `/accounts/${encodeURIComponent(accountId)}`;
  throw new UsageError("Give --bucket or --account.");
}

function bucketOf(options: CommandOptions): string | undefined {
  const [bucket, ...others] = splitLists(options.bucket);
  if (others.length > 0) throw new UsageError("--bucket takes one bucket.");
  return bucket;
}

function describeUsage({ options }: CommandInput): string {
  const { accountId } = accountOf(options);
  const bucket = bucketOf(options);
  if (bucket !== undefined && accountId !== undefined)
    throw new UsageError("--bucket and --account exclude each other.");
  if (options.history && bucket === undefined) throw new UsageError("--history needs --bucket.");
  if (accountId !== undefined) return `?account=${encodeURIComponent(accountId)}`;
  return bucket === undefined ? "" : `${options.history ? "/history" : ""}?bucket=${encodeURIComponent(bucket)}`;
}
