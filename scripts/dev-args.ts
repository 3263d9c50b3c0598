/** The command line of `npm run dev`. Most flags are wrangler's. */
import { findFlag, withoutFlags } from "./flags.ts";
import { parsePort, reachableHost } from "./start-args.ts";

export interface DevArgs {
  readonly ip: string;
  readonly port: number;
  /** Where clients on this machine reach the server. */
  readonly endpoint: string;
  /** For `wrangler dev`: our defaults, followed by all flags of the command line. */
  readonly devArgs: string[];
  readonly stateFolder: string;
  readonly configPath: string;
  readonly environment: string | undefined;
  /** Settings of wrangler.toml that the command line replaces. */
  readonly variables: Readonly<Record<string, string>>;
}

/** @throws RangeError for an invalid port */
export function parseDevArgs(argv: readonly string[]): DevArgs {
  const ip = findFlag(argv, "--ip") ?? "127.0.0.1";
  const port = parsePort("--port", findFlag(argv, "--port") ?? "8787");
  const scheme = findFlag(argv, "--local-protocol") === "https" ? "https" : "http";
  const rest = withoutFlags(argv, ["--ip", "--port"]);
  const defaults = ["--ip", ip, "--port", String(port), "--live-reload=false", "--var", "ONE_ISOLATE:true"];
  defaults.push("--var", "CUSTOMER_KEYS_OVER_HTTP:true");
  if (findFlag(argv, "--inspector-port") === undefined) defaults.push("--inspector-port", "0");
  return {
    ip,
    port,
    endpoint: `${scheme}://${reachableHost(ip)}:${port}`,
    devArgs: [...defaults, ...rest],
    stateFolder: findFlag(argv, "--persist-to") ?? ".wrangler/state",
    configPath: findFlag(argv, "--config") ?? findFlag(argv, "-c") ?? "wrangler.toml",
    environment: findFlag(argv, "--env") ?? findFlag(argv, "-e"),
    variables: variablesIn(argv),
  };
}

/** `--var NAME:VALUE` and `--var=NAME:VALUE`. */
function variablesIn(argv: readonly string[]): Record<string, string> {
  const values = argv.flatMap((argument, index) => {
    if (argument === "--var") return [argv[index + 1] ?? ""];
    return argument.startsWith("--var=") ? [argument.slice("--var=".length)] : [];
  });
  return Object.fromEntries(values.map((value) => [value.replace(/:.*$/s, ""), value.replace(/^[^:]*:?/, "")]));
}
