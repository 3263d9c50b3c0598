/** The command line of `npm start`. */
import { parseArgs } from "node:util";

export interface StartArgs {
  readonly ip: string;
  readonly port: number;
  /** Where clients on this machine reach the server. */
  readonly endpoint: string;
  readonly stateFolder: string;
  readonly configPath: string;
  readonly environment: string | undefined;
  /** Files with settings that replace those of wrangler.toml. */
  readonly envFiles: readonly string[];
  /** Settings that replace those of wrangler.toml and of the files. */
  readonly variables: Readonly<Record<string, string>>;
  /** Where the lines of all requests are written: a file, or `-` for standard output. */
  readonly log: string | undefined;
  readonly inspectorPort: number | undefined;
}

export const startUsage = `Usage: npm start -- [--port N] [--ip ADDRESS] [--persist-to FOLDER] [--log FILE] [OPTION]...

  --port N            the port to listen on (default: 8787)
  --ip ADDRESS        the address to listen on (default: 127.0.0.1); --host is the same
  --persist-to FOLDER where data is kept (default: .wrangler/state)
  --log FILE          appends a line for each request to FILE; \`-\` is standard output
  --var NAME:VALUE    a setting of wrangler.toml, replaced for this run; may be repeated
  --env-file FILE     settings and secrets as lines NAME=VALUE, for this run; may be repeated
  -c, --config FILE   the configuration (default: wrangler.toml)
  -e, --env NAME      its section [env.NAME]
  --inspector-port N  a port for a debugger, on 127.0.0.1

Except --log, they mean the same as for \`wrangler dev\`. \`npm run dev\` takes all flags of wrangler.`;

/** @throws RangeError with one sentence for an invalid argument */
export function parseStartArgs(argv: readonly string[]): StartArgs | "help" {
  const values = parseFlags(argv);
  if (values.help) return "help";
  const ip = values.ip ?? values.host ?? "127.0.0.1";
  const port = parsePort("--port", values.port ?? "8787");
  return {
    ip,
    port,
    endpoint: `http://${reachableHost(ip)}:${port}`,
    stateFolder: values["persist-to"] ?? ".wrangler/state",
    configPath: values.config ?? "wrangler.toml",
    environment: values.env,
    envFiles: values["env-file"] ?? [],
    variables: Object.fromEntries((values.var ?? []).map(parseVariable)),
    log: values.log,
    inspectorPort:
      values["inspector-port"] === undefined ? undefined : parsePort("--inspector-port", values["inspector-port"]),
  };
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        port: { type: "string" },
        ip: { type: "string" },
        host: { type: "string" },
        "persist-to": { type: "string" },
        log: { type: "string" },
        var: { type: "string", multiple: true },
        "env-file": { type: "string", multiple: true },
        config: { type: "string", short: "c" },
        env: { type: "string", short: "e" },
        "inspector-port": { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    const [reason = ""] = (error instanceof Error ? error.message : String(error)).split(/\n|\. To specify/);
    throw new RangeError(
      `${reason.replace(/\.$/, "")}; \`npm start -- --help\` lists the options, and \`npm run dev\` takes those of wrangler.`,
    );
  }
}

/** @throws RangeError with one sentence */
export function parsePort(flag: string, text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new RangeError(`${flag} takes a number from 1 to 65535.`);
  }
  return port;
}

function parseVariable(text: string): [name: string, value: string] {
  const [, name, value] = /^(\w+):([\s\S]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new RangeError("--var takes NAME:VALUE.");
  return [name, value];
}

/** As written in a URL. A server that listens on all addresses is reached through loopback. */
export function reachableHost(ip: string): string {
  if (ip === "0.0.0.0" || ip === "*") return "127.0.0.1";
  if (ip === "::") return "[::1]";
  return ip.includes(":") ? `[${ip}]` : ip;
}
