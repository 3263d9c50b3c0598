/** The arguments of every step of a deploy. */
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
  /** Environment variables of every wrangler process. */
  readonly environment: Readonly<Record<string, string>>;
  readonly log: WranglerLog;
  readonly pending: PendingSecrets;
  readonly report: Report;
}
