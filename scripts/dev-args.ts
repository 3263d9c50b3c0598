/** The command line of `npm run dev`: ours are few, the rest is wrangler's. */
import { findFlag, pickFlags, withoutFlags } from "./flags.ts";

export interface DevArgs {
  readonly ip: string;
  readonly port: number;
  /** Where clients on this machine reach the server. */
  readonly endpoint: string;
  /** For `wrangler dev`: everything given, with our defaults in front. */
  readonly devArgs: string[];
  /** For `wrangler d1 migrations apply`: the flags that decide which database that is. */
  readonly migrationArgs: string[];
}

/** Throws a `RangeError` for a port that is none. */
export function parseDevArgs(argv: readonly string[]): DevArgs {
  const ip = findFlag(argv, "--ip") ?? "127.0.0.1";
  const port = Number(findFlag(argv, "--port") ?? "8787");
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new RangeError("--port takes a number from 1 to 65535.");
  }
  const scheme = findFlag(argv, "--local-protocol") === "https" ? "https" : "http";
  const rest = withoutFlags(argv, ["--ip", "--port"]);
  const defaults = ["--ip", ip, "--port", String(port), "--live-reload=false"];
  if (findFlag(argv, "--inspector-port") === undefined) defaults.push("--inspector-port", "0");
  if (!argv.some((argument) => argument.startsWith("--test-scheduled"))) defaults.push("--test-scheduled");
  return {
    ip,
    port,
    endpoint: `${scheme}://${reachableHost(ip)}:${port}`,
    devArgs: [...defaults, ...rest],
    migrationArgs: pickFlags(argv, ["--persist-to", "--config", "-c", "--env", "-e"]),
  };
}

function reachableHost(ip: string): string {
  if (ip === "0.0.0.0" || ip === "*") return "127.0.0.1";
  if (ip === "::") return "[::1]";
  return ip.includes(":") ? `[${ip}]` : ip;
}
