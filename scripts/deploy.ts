/**
 * `npm run deploy`: Worker, schema and secrets on the account, in one command that can be repeated.
 *
 * All checks come before the first change. The schema is applied before the code that needs it is uploaded, and the secrets
 * are uploaded with the code, so that no Worker is live without either.
 */
import { join } from "node:path";
import { writeConsolePack } from "./console-pack.ts";
import { chooseAccount, findLogin } from "./deploy/account.ts";
import { type DeployArguments, parseDeployArguments } from "./deploy/arguments.ts";
import { ApiError, CloudflareApi } from "./deploy/cloudflare-api.ts";
import { type Configuration, readConfiguration, requireOwnResources, workerFlags } from "./deploy/configuration.ts";
import { prepareDatabase } from "./deploy/database.ts";
import { DeployError } from "./deploy/error.ts";
import { inspect, requireAddress } from "./deploy/inspection.ts";
import { WranglerLog } from "./deploy/log.ts";
import { PendingSecrets } from "./deploy/pending-secrets.ts";
import { remove } from "./deploy/removal.ts";
import { formatOutcome, Report } from "./deploy/report.ts";
import type { Run } from "./deploy/run.ts";
import { requireSealKey } from "./deploy/seal-key.ts";
import { uploadWorker } from "./deploy/upload.ts";
import { malformedSecrets } from "./secrets.ts";
import { projectRoot, runWrangler } from "./wrangler.ts";

const REUSED = [
  "The data is that of an earlier Worker, whose Durable Objects are gone: which copies share their bytes is not known any more. To keep",
  'them all, follow the row "Durable Objects" of "What is lost with each store" in docs/operations.md within a day.',
].join("\n");

try {
  await main(parseDeployArguments(process.argv.slice(2)));
} catch (error) {
  const isExpected = error instanceof DeployError || error instanceof ApiError;
  console.error(isExpected ? `\n${error.message}` : error);
  process.exitCode = 1;
}

async function main(args: DeployArguments): Promise<void> {
  const configuration = readConfiguration(args);
  const unnamed = { environment: undefined, name: undefined };
  requireOwnResources(configuration, [
    readConfiguration({ ...unnamed, config: args.config }),
    readConfiguration({ ...unnamed, config: undefined }),
  ]);
  const complaints = malformedSecrets(process.env);
  if (complaints.length > 0) throw new DeployError(complaints.join("\n"));
  if (args.removal === undefined && !configuration.hasBuild) await writeConsolePack();
  if (args.isDryRun && args.removal === undefined) await dryRun(configuration, args);
  else await deploy(configuration, args);
}

async function dryRun(configuration: Configuration, args: DeployArguments): Promise<void> {
  const { workerName, database, buckets, queues } = configuration;
  const steps = [
    `Steps of a deploy of ${workerName}:`,
    "  1. check login, permissions, R2 and addresses",
    `  2. D1 database ${database}: create it if it is missing, and apply the migrations it lacks`,
    `  3. wrangler deploy: R2 bucket ${[...buckets.values()].join(", ")}, ${queues.length} queues, the Worker with the secrets it lacks,`,
    "     schedules and queue consumers",
    "",
  ];
  process.stdout.write(`${steps.join("\n")}\n`);
  await runWrangler(["deploy", ...workerFlags(configuration), ...args.passedOn]);
}

async function deploy(configuration: Configuration, args: DeployArguments): Promise<void> {
  const report = new Report((text) => process.stdout.write(text));
  const api = new CloudflareApi(await findLogin());
  const accountId = await chooseAccount(api, configuration.accountId);
  report.title(
    args.removal === undefined
      ? `Deploying ${configuration.workerName} to the account ${accountId}`
      : `Removing ${configuration.workerName} from the account ${accountId}`,
  );
  const run: Run = {
    configuration,
    args,
    api,
    account: `/accounts/${accountId}`,
    environment: { CLOUDFLARE_ACCOUNT_ID: accountId },
    log: new WranglerLog(join(projectRoot, ".wrangler", "deploy.log")),
    pending: new PendingSecrets(join(projectRoot, ".deploy-secrets.json"), `${accountId}/${configuration.workerName}`),
    report,
  };
  const inspection = await inspect(run);
  if (args.removal !== undefined) return remove(run, args.removal, inspection);
  requireAddress(run, inspection);
  const isReused = await requireSealKey(run, inspection);
  report.step("Login, permissions, R2 and addresses");
  await prepareDatabase(run, inspection);
  const uploaded = await uploadWorker(run, inspection);
  process.stdout.write(
    formatOutcome({
      ...uploaded,
      consoleOrigin: configuration.console?.origin,
      region: configuration.region,
      logPath: run.log.path,
    }),
  );
  if (isReused) process.stdout.write(`\n${REUSED}\n`);
}
