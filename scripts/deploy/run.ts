/** What every step of one deploy is given. */
import type { DeployArguments } from "./arguments.ts";
import type { CloudflareApi } from "./cloudflare-api.ts";
import type { Configuration } from "./configuration.ts";
import type { WranglerLog } from "./log.ts";
import type { PendingSecrets } from "./pending-secrets.ts";
import type { Report } from "./report.ts";

export interface Run {
  readonly configuration: Configuration;
  readonly args: DeployArguments;
  readonly api: CloudflareApi;
  /** Path of the account in the API, `/accounts/<id>`. */
  readonly account: string;
  /** For every wrangler that is started. */
  readonly environment: Readonly<Record<string, string>>;
  readonly log: WranglerLog;
  readonly pending: PendingSecrets;
  readonly report: Report;
}
