/**
 * `npm run deploy -- --remove`. It says first what goes and what is kept, and asks. Each step is one call that may be repeated, so
 * a removal that failed half-way is continued by the same command.
 */
import type { Removal } from "./arguments.ts";
import { ApiError } from "./cloudflare-api.ts";
import { Questions } from "./confirmation.ts";
import { DeployError } from "./error.ts";
import type { Inspection } from "./inspection.ts";
import { planRemoval, type Removable, type RemovalPlan } from "./removal-plan.ts";
import type { Run } from "./run.ts";
import { type KeptKeys, keptKeys } from "./seal-key.ts";

/** R2's code for a bucket that holds objects. */
const BUCKET_NOT_EMPTY = 10008;

const PERMISSIONS =
  "The login needs Edit for Workers Scripts, Queues, D1 and Workers R2 Storage on the account, and Workers Routes on the zones.";

/** @throws DeployError */
export async function remove(run: Run, removal: Removal, inspection: Inspection): Promise<void> {
  const plan = await planRemoval(run, inspection);
  const kept = removal.data === "keep" ? await keptKeys(run, inspection) : undefined;
  process.stdout.write(describe(run, removal, { plan, kept }));
  const hasData = removal.data !== "keep" && (plan.buckets.length > 0 || plan.database !== undefined);
  if (plan.goes.length === 0 && !hasData) return;
  if (run.args.isDryRun) return;
  requireKeys(removal, kept, inspection);
  await confirm(run, removal, hasData);
  for (const each of plan.goes) await removeOne(run, each);
  if (hasData) await removeData(run, plan);
  process.stdout.write(`\n${run.configuration.workerName} is removed.\n`);
}

interface Found {
  readonly plan: RemovalPlan;
  readonly kept: KeptKeys | undefined;
}

function describe({ configuration }: Run, { data }: Removal, { plan, kept }: Found): string {
  const stored = [...plan.buckets, ...(plan.database === undefined ? [] : [plan.database])];
  const list = (things: readonly { readonly name: string }[]) => things.map(({ name }) => `  - ${name}`);
  const lines: string[] = [];
  if (plan.goes.length > 0) {
    lines.push("Will be deleted:", ...list(plan.goes));
    if (plan.goes.some(({ name }) => name.startsWith("queue "))) {
      lines.push("  Events, deliveries and replication that wait in the queues are lost.");
    }
  } else lines.push(`Nothing is left of the Worker ${configuration.workerName} and its queues.`);
  if (stored.length > 0 && data !== "keep") {
    lines.push("", "Will be deleted with the data:", ...list(stored));
    lines.push("  A bucket that holds objects is kept, and then the database too: empty it in the dashboard first.");
    lines.push("  The database holds accounts, keys, policies and settings; Cloudflare cannot bring it back.");
  }
  if (stored.length > 0 && data === "keep") {
    lines.push("", "Will be kept:", ...list(stored));
    lines.push("  A later `npm run deploy` uses them again. `--remove --delete-data` deletes them.");
  }
  if (plan.left.length > 0) lines.push("", "Will be kept:", ...plan.left.map((each) => `  - ${each}`));
  if (kept !== undefined) lines.push("", ...kept.notes);
  return `${lines.join("\n")}\n`;
}

/** @throws DeployError if the keys that open the kept data would go with the Worker unseen */
function requireKeys({ isSealKeyLost }: Removal, kept: KeptKeys | undefined, { worker }: Inspection): void {
  if (kept === undefined || kept.isShown || isSealKeyLost || worker === undefined) return;
  throw new DeployError(
    [
      `Nothing was removed. Show that you have ${kept.name}: run the command again with ${kept.name} set in the environment.`,
      "If you do without it, add --without-seal-key.",
    ].join("\n"),
  );
}

async function confirm({ configuration }: Run, removal: Removal, hasData: boolean): Promise<void> {
  const { workerName } = configuration;
  const questions = new Questions();
  const require = async (text: string) => {
    if ((await questions.ask(text)) === workerName) return;
    throw new DeployError(`That is not ${workerName}, so nothing was removed. Scripts pass --yes.`);
  };
  try {
    if (typeof removal.data === "object" && removal.data.typed !== workerName) {
      throw new DeployError(`--delete-data=${removal.data.typed} does not name ${workerName}. Nothing was removed.`);
    }
    if (hasData && removal.isConfirmed && removal.data === "ask") {
      throw new DeployError(`With --yes, name what to delete: --delete-data=${workerName}. Nothing was removed.`);
    }
    if (!removal.isConfirmed) await require(`\nType the name of the Worker to remove it: `);
    if (hasData && removal.data === "ask") await require("Type it again to delete the data too: ");
  } finally {
    questions.close();
  }
}

async function removeOne({ api, report }: Run, { name, path }: Removable): Promise<void> {
  try {
    await api.delete(path);
  } catch (error) {
    report.failed(name);
    throw unfinished(name, error);
  }
  report.step(`Deleted: ${name}`);
}

/** The database goes last, and only if no object is left that it describes. */
async function removeData(run: Run, { buckets, database }: RemovalPlan): Promise<void> {
  const full: string[] = [];
  for (const bucket of buckets) {
    try {
      await removeOne(run, bucket);
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      if (!(cause instanceof ApiError && (cause.code === BUCKET_NOT_EMPTY || cause.status === 409))) throw error;
      full.push(bucket.name);
    }
  }
  if (full.length > 0) {
    throw new DeployError(
      [
        `Kept, because it holds objects: ${full.join(", ")}${database === undefined ? "" : `, and with it the ${database.name}`}.`,
        "Empty it (dashboard: R2, the bucket, Settings, Empty Bucket), then run the same command again.",
      ].join("\n"),
    );
  }
  if (database !== undefined) await removeOne(run, database);
  run.pending.remove();
}

function unfinished(name: string, cause: unknown): DeployError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const isForbidden = cause instanceof ApiError && (cause.status === 401 || cause.status === 403);
  return new DeployError(
    [
      `${name}: ${reason}${/[.)]$/.test(reason) ? "" : "."}${isForbidden ? ` ${PERMISSIONS}` : ""}`,
      "What is ticked above is deleted, the rest is not. Correct this, then run the same command again.",
    ].join("\n"),
    { cause },
  );
}
