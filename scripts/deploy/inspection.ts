/** Reads the account before anything is created or changed: permissions, and what an earlier deploy has created. */
import { ApiError, type CloudflareApi } from "./cloudflare-api.ts";
import { type Configuration, type Exposure, wantsWorkersDev } from "./configuration.ts";
import { DeployError } from "./error.ts";
import type { Run } from "./run.ts";

export interface DeployedWorker {
  /** Names of its secrets. */
  readonly secrets: readonly string[];
  /** Undefined for the empty Worker that Cloudflare's button creates before the first deploy. */
  readonly exposure: Exposure | undefined;
}

export interface Inspection {
  /** Undefined before the first deploy. */
  readonly worker: DeployedWorker | undefined;
  /** Id of the database for accounts and buckets; undefined if it does not exist yet. */
  readonly databaseId: string | undefined;
  /** The account's subdomain of `workers.dev`, if it has one. */
  readonly subdomain: string | undefined;
}

interface Right {
  readonly permission: string;
  readonly path: string;
}

const RIGHTS: readonly Right[] = [
  { permission: "Workers R2 Storage: Edit", path: "/r2/buckets" },
  { permission: "D1: Edit", path: "/d1/database" },
  { permission: "Queues: Edit", path: "/queues" },
];
const WORKERS_RIGHT = "Workers Scripts: Edit";
/** Cloudflare's code for an account on which R2 is not enabled. */
const R2_NOT_ENABLED = 10042;

/** @throws DeployError that names every missing permission and every other obstacle */
export async function inspect(run: Run): Promise<Inspection> {
  const { api, account, args, configuration } = run;
  const service = await seeWorker(api, account, configuration.workerName);
  await requireRights(api, account, service === "forbidden" ? [WORKERS_RIGHT] : []);
  const subdomain = (await api.find(`${account}/workers/subdomain`)) as { readonly subdomain?: string } | undefined;
  const databaseId = await findDatabase(run, args.removal !== undefined);
  const worker = service === undefined ? undefined : await readWorker(run, databaseId);
  return { worker, databaseId, subdomain: subdomain?.subdomain };
}

/** Names of the deployed Worker's secrets; undefined if the Worker does not exist. */
export async function readSecretNames({ api, account, configuration }: Run): Promise<readonly string[] | undefined> {
  const path = `${account}/workers/scripts/${encodeURIComponent(configuration.workerName)}/secrets`;
  const secrets = (await api.find(path)) as readonly { readonly name: string }[] | undefined;
  return secrets?.map(({ name }) => name);
}

/** @throws DeployError if the Worker would have no address: neither workers.dev nor a route or domain */
export function requireAddress({ configuration, args, account }: Run, { subdomain, worker }: Inspection): void {
  const isOff = configuration.isOnWorkersDev === undefined && worker?.exposure?.isOnWorkersDev === false;
  if (subdomain !== undefined || !wantsWorkersDev(configuration, args) || isOff) return;
  throw new DeployError(
    [
      "This account has no workers.dev subdomain yet, so the Worker would have no address. Nothing was created.",
      `Register one at https://dash.cloudflare.com/${account.replace("/accounts/", "")}/workers/onboarding,`,
      "or deploy to a domain of your own: npm run deploy -- --domain s3.example.com",
    ].join("\n"),
  );
}

async function seeWorker(api: CloudflareApi, account: string, name: string): Promise<unknown> {
  try {
    return await api.find(`${account}/workers/services/${encodeURIComponent(name)}`);
  } catch (error) {
    if (isForbidden(error)) return "forbidden";
    throw error;
  }
}

async function requireRights(api: CloudflareApi, account: string, missing: readonly string[]): Promise<void> {
  const seen = await Promise.all(
    RIGHTS.map(async (right) => ({ right, error: await refusal(api, account + right.path) })),
  );
  if (seen.some(({ error }) => error?.code === R2_NOT_ENABLED)) {
    throw new DeployError(
      "R2 is not enabled on this account. Enable it in the Cloudflare dashboard (R2 Object Storage), then run the command again.",
    );
  }
  const all = [...missing, ...seen.filter(({ error }) => error !== undefined).map(({ right }) => right.permission)];
  if (all.length === 0) return;
  throw new DeployError(
    [
      "The login lacks permissions on this account:",
      ...all.map((each) => `  ${each}`),
      "Nothing was created. Add them to the API token, or log in as a user who has them.",
    ].join("\n"),
  );
}

/** Why the login must not read a path; undefined if it may. @throws DeployError if Cloudflare fails otherwise */
async function refusal(api: CloudflareApi, path: string): Promise<ApiError | undefined> {
  try {
    await api.get(path);
    return undefined;
  } catch (error) {
    if (error instanceof ApiError && (isForbidden(error) || error.code === R2_NOT_ENABLED)) return error;
    throw error;
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 401 || error.status === 403);
}

/** @param mayBeGone whether a database that the configuration names by its id may have been deleted */
async function findDatabase({ api, account, configuration }: Run, mayBeGone: boolean): Promise<string | undefined> {
  const { database: name, databaseId, path: configured } = configuration;
  if (databaseId !== undefined) {
    if ((await api.find(`${account}/d1/database/${databaseId}`)) !== undefined) return databaseId;
    if (mayBeGone) return undefined;
    throw new DeployError(
      `The account has no D1 database with the database_id ${databaseId} of ${configured}. Nothing was changed. Remove the line to\n` +
        `use the database ${name}, which is created if it is missing.`,
    );
  }
  const path = `${account}/d1/database?name=${encodeURIComponent(name)}&per_page=1000`;
  const list = (await api.get(path)) as readonly { readonly uuid: string; readonly name: string }[];
  return list.find((database) => database.name === name)?.uuid;
}

interface Binding {
  readonly type: string;
  readonly name: string;
  readonly bucket_name?: string;
  readonly id?: string;
  readonly database_id?: string;
}

async function readWorker(run: Run, database: string | undefined): Promise<DeployedWorker> {
  const { api, account, configuration } = run;
  const name = encodeURIComponent(configuration.workerName);
  const settings = (await api.find(`${account}/workers/scripts/${name}/settings`)) as
    | { readonly bindings?: Binding[] }
    | undefined;
  requireSameData(settings?.bindings ?? [], configuration, database);
  const worker = (await api.find(`${account}/workers/workers/${name}`)) as {
    readonly subdomain?: { readonly enabled?: boolean; readonly previews_enabled?: boolean };
  };
  const wasDeployed = settings?.bindings?.some((binding) => binding.name === "DB") ?? false;
  return {
    secrets: (await readSecretNames(run)) ?? [],
    exposure: !wasDeployed
      ? undefined
      : {
          isOnWorkersDev: worker?.subdomain?.enabled ?? true,
          hasPreviewUrls: worker?.subdomain?.previews_enabled ?? worker?.subdomain?.enabled ?? true,
        },
  };
}

/** An update must not move a Worker to another bucket or database, because that would hide everything stored. */
function requireSameData(bindings: readonly Binding[], wanted: Configuration, database: string | undefined): void {
  const different: string[] = [];
  for (const binding of bindings) {
    const bucket = wanted.buckets.get(binding.name);
    if (binding.type === "r2_bucket" && bucket !== undefined && binding.bucket_name !== bucket) {
      different.push(`${binding.name} is the R2 bucket ${binding.bucket_name}, and the configuration says ${bucket}`);
    }
    const id = binding.id ?? binding.database_id;
    if (binding.type === "d1" && binding.name === "DB" && id !== undefined && id !== database) {
      different.push(`DB is the D1 database with the id ${id}, and the configuration says ${wanted.database}`);
    }
  }
  if (different.length === 0) return;
  throw new DeployError(
    [
      `The deployed Worker ${wanted.workerName} uses other resources than ${wanted.path}:`,
      ...different.map((each) => `  ${each}`),
      "Nothing was changed. Name in the configuration what the Worker uses.",
    ].join("\n"),
  );
}
