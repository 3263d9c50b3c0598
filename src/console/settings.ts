/**
 * Where the console is served, and which S3 endpoint it talks to. `readConfig` and `npm run deploy` read the settings with
 * it; what it returns as `problem` is for the person who deploys.
 */

export interface ConsoleSettings {
  /** The host that serves the console and nothing else, in lower case without a port. */
  readonly domain: string;
  /** `Origin` as browsers send it: `scheme://host[:port]`, without a default port. */
  readonly origin: string;
  /** The origin of the S3 API that the page calls. */
  readonly s3Endpoint: string;
}

export interface ConsoleVariables {
  /** `CONSOLE_DOMAIN`; empty: no console. */
  readonly domain: string;
  /** `LOCAL_ENDPOINT`: a local server's own origin; empty for a deployment. */
  readonly localEndpoint: string;
  readonly publicOrigin: string | undefined;
  readonly s3Domains: readonly string[];
  readonly websiteDomains: readonly string[];
}

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})+$`);
const ORIGIN = /^(https?):\/\/(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(\d{1,5}))?$/;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: "80", https: "443" };

type Outcome = { readonly settings: ConsoleSettings | undefined } | { readonly problem: string };

/**
 * A page of the console holds keys, so no origin of user content may be the console's, or below it, or above it: names of
 * buckets are labels below the domains of both kinds.
 */
export function readConsoleSettings(variables: ConsoleVariables): Outcome {
  const { s3Domains, websiteDomains, localEndpoint, publicOrigin } = variables;
  const domain = variables.domain.trim().toLowerCase();
  if (domain === "") return { settings: undefined };
  if (domain.length > 253 || !DOMAIN.test(domain)) {
    return { problem: "CONSOLE_DOMAIN must be a domain like console.example.com, without scheme, port and path." };
  }
  const shared = [...s3Domains, ...websiteDomains].find((other) => isRelated(domain, other));
  if (shared !== undefined) {
    return {
      problem: `CONSOLE_DOMAIN ${domain} and ${shared} of S3_DOMAINS or WEBSITE_DOMAINS must not be the same or one below the other: user content is served there.`,
    };
  }
  const s3Endpoint = localEndpoint || publicOrigin || endpointIn(s3Domains);
  const [, scheme = "https", host = "", port] = ORIGIN.exec(s3Endpoint ?? "") ?? [];
  if (s3Endpoint === undefined || host === "") {
    return { problem: "CONSOLE_DOMAIN needs PUBLIC_ORIGIN, the origin of the S3 endpoint that the console uses." };
  }
  if (isRelated(domain, host)) {
    return { problem: `CONSOLE_DOMAIN ${domain} and the S3 endpoint ${s3Endpoint} must be different hosts.` };
  }
  // A local server has one socket for all its hosts; a deployment has TLS.
  const origin = localEndpoint === "" ? `https://${domain}` : `${scheme}://${domain}${portOf(scheme, port)}`;
  return { settings: { domain, origin, s3Endpoint } };
}

/** Whether one is the other or a subdomain of it. */
function isRelated(one: string, other: string): boolean {
  return one === other || one.endsWith(`.${other}`) || other.endsWith(`.${one}`);
}

/** The first domain that the internet can have. */
function endpointIn(s3Domains: readonly string[]): string | undefined {
  const domain = s3Domains.find((each) => each !== "localhost" && !each.endsWith(".localhost"));
  return domain === undefined ? undefined : `https://${domain}`;
}

function portOf(scheme: string, port: string | undefined): string {
  return port === undefined || port === DEFAULT_PORTS[scheme] ? "" : `:${port}`;
}
