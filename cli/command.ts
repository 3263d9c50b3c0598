/** What a command of `npm run admin` is. */

export interface Command {
  /** Words in lower case are the command's name; words in capitals are its operands. */
  readonly line: string;
  readonly help: string;
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** The command makes several requests, and writes or reads the file that its operand names. */
  readonly file?: FileAction;
  /** The request is repeated with the cursor of its answer (`scrub.ts`). */
  readonly isScrub?: true;
  /** The command makes several requests (`rebuild.ts`). */
  readonly isRebuild?: true;
  /** The request is repeated for each page (`usage.ts`). */
  readonly isUsage?: true;
  /** The command checks the deployment from outside (`doctor/command.ts`). */
  readonly isDoctor?: true;
  /** Below `/-/admin`, with the names of operands where their values go. */
  readonly path: string;
  /** Further parts of the path and the query. */
  readonly query?: (input: CommandInput) => string;
  readonly body?: (input: CommandInput) => unknown;
  /** Options that only this command takes, each with its help. */
  readonly options?: readonly (readonly [option: string, help: string])[];
}

/** Of `doctor/command.ts`. */
export interface DoctorOptions {
  /** MiB that the check of the request size sends at most. */
  readonly uploadMb: number;
  /** How long the queues are waited for. */
  readonly waitSeconds: number;
}

/** Of `key-file.ts` and `config-file.ts`. */
export type FileAction = "kms-export" | "kms-import" | "config-export" | "config-restore";

export interface CommandInput {
  /** Values by the operands' names. */
  readonly operands: Readonly<Record<string, string>>;
  readonly options: CommandOptions;
  readonly remoteKeys: RemoteKeys;
}

export interface CommandOptions {
  readonly account?: readonly string[] | undefined;
  readonly binding?: string | undefined;
  readonly bucket?: readonly string[] | undefined;
  /** Of `scrub` a flag, of `quota` a size. */
  readonly bytes?: boolean | string | undefined;
  readonly cursor?: string | undefined;
  readonly history?: boolean | undefined;
  readonly kind?: string | undefined;
  readonly "upload-mb"?: string | undefined;
  readonly wait?: string | undefined;
  readonly objects?: string | undefined;
  readonly owner?: string | undefined;
  readonly prefix?: string | undefined;
  readonly region?: string | undefined;
}

/** Keys of a remote. They come from the environment, because every user of the machine can read a command line. */
export interface RemoteKeys {
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
}

/** The command line is invalid; the program ends with exit code 2. */
export class UsageError extends Error {}

export function accountOf({ account }: CommandOptions): { readonly accountId?: string } {
  const [accountId, ...others] = splitLists(account);
  if (others.length > 0) throw new UsageError("--account takes one account.");
  return accountId === undefined ? {} : { accountId };
}

export function splitLists(lists: readonly string[] = []): string[] {
  return lists.flatMap((list) => list.split(",")).filter((name) => name !== "");
}
