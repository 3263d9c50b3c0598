/** Creates the database and applies its schema, before the code that reads them is uploaded. */
import { ApiError } from "./cloudflare-api.ts";
import { configurationFlags } from "./configuration.ts";
import { DeployError } from "./error.ts";
import type { Inspection } from "./inspection.ts";
import { errorsIn } from "./log.ts";
import type { Run } from "./run.ts";

/** @throws DeployError; the deployed Worker, if any, is unchanged */
export async function prepareDatabase(run: Run, inspection: Inspection): Promise<void> {
  const { configuration, log, report } = run;
  const { database } = configuration;
  if (inspection.databaseId === undefined) {
    await createDatabase(run);
    report.step(`D1 database ${database} created`);
  }
  const { code, output } = await log.run(
    ["d1", "migrations", "apply", "DB", "--remote", ...configurationFlags(configuration)],
    run.environment,
  );
  if (code !== 0) {
    report.failed("Schema of the database");
    throw new DeployError(
      [
        errorsIn(output),
        "The schema is not complete, and the Worker has not been changed. Nothing stored is lost: run the same command again.",
        `wrangler's output is in ${log.path}`,
      ].join("\n"),
    );
  }
  report.step(/No migrations to apply/.test(output) ? "Schema is up to date" : "Schema brought up to date");
}

async function createDatabase({ api, account, configuration, report }: Run): Promise<void> {
  const name = configuration.database;
  try {
    await api.post(`${account}/d1/database`, { name });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    report.failed(`D1 database ${name}`);
    const right = error.status === 401 || error.status === 403 ? " The login needs the permission D1: Edit." : "";
    throw new DeployError(
      `D1 database ${name}: ${error.message}.${right} Correct that, then run the same command again.`,
      {
        cause: error,
      },
    );
  }
}
