/** The command line of `npm start`. */
import { parseArgs } from "node:util";

export interface StartArgs {
  readonly ip: string;
  readonly port: number;
  /** Where clients on this machine reach the server. */
  readonly endpoint: string;
  readonly stateFolder: string;
  /** Settings that replace those of wrangler.toml. */
  readonly variables: Readonly<Record<string, string>>;
}

export const startUsage = `Usage: npm start -- [--port N] [--ip ADDRESS] [--persist-to FOLDER] [--var NAME:VALUE]...

  --port N            the port to listen on (default: 8787)
  --ip ADDRESS        the address to listen on (default: 127.0.0.1); --host is the same
  --persist-to FOLDER where data is kept (default: .wrangler/state)
  --var NAME:VALUE    a setting of wrangler.toml, replaced for this run; may be repeated`;

/** @throws RangeError with one sentence for an invalid argument */
export function parseStartArgs(argv: readonly string[]): StartArgs | "help" {
  const values = parseFlags(argv);
  if (values.help) return "help";
  const ip = values.ip ?? values.host ?? "127.0.0.1";
  const port = Number(values.port ?? "8787");
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new RangeError("--port takes a number from 1 to 65535.");
  }
  return {
    ip,
    port,
    endpoint: `http://${reachableHost(ip)}:${port}`,
    stateFolder: values["persist-to"] ?? ".wrangler/state",
    variables: Object.fromEntries((values.var ?? []).map(parseVariable)),
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
        var: { type: "string", multiple: true },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    const [reason = ""] = (error instanceof Error ? error.message : String(error)).split(/\n|\. To specify/);
    throw new RangeError(`${reason.replace(/\.$/, "")}; \`npm start -- --help\` lists the options.`);
  }
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
