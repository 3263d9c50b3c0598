/** The console of a local server: its host, and its address for the greeting. */
import { readConsoleSettings } from "../src/console/settings.ts";

const LOCAL_DOMAIN = "console.localhost";

export interface LocalConsole {
  /** Variables of the Worker; what the command line sets replaces them. */
  readonly variables: Readonly<Record<string, string>>;
  /** Undefined if it is off. */
  readonly origin: string | undefined;
}

/**
 * A domain of the deployment does not lead to this machine, so the console of wrangler.toml has another one here. Where the
 * local domains of buckets leave no host for it, it is off.
 * @param settings of wrangler.toml, and what replaces them in this run
 */
export function localConsole(
  endpoint: string,
  settings: { readonly toml: Variables; readonly given: Variables },
): LocalConsole {
  const all = { ...settings.toml, ...settings.given };
  const read = (domain: string) =>
    readConsoleSettings({
      domain,
      localEndpoint: endpoint,
      publicOrigin: undefined,
      s3Domains: listOf(all.S3_DOMAINS),
      websiteDomains: listOf(all.WEBSITE_DOMAINS ?? "website.localhost"),
    });
  const isFree = "settings" in read(LOCAL_DOMAIN);
  const domain = isFree ? LOCAL_DOMAIN : "";
  const outcome = read(settings.given.CONSOLE_DOMAIN ?? domain);
  const variables = { CONSOLE_DOMAIN: domain, LOCAL_ENDPOINT: endpoint };
  return { variables, origin: "settings" in outcome ? outcome.settings?.origin : undefined };
}

type Variables = Readonly<Record<string, string | undefined>>;

function listOf(text = ""): string[] {
  return text
    .split(",")
    .map((domain) => domain.trim().toLowerCase())
    .filter((domain) => domain !== "");
}
