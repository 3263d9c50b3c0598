/**
 * The configuration as wrangler reads and checks it. wrangler has 15 MB of code, and to load it costs a second of CPU time, so what it
 * has read is kept until the file, or anything else that it follows from, is another one.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { projectRoot } from "../wrangler.ts";
import { DeployError } from "./error.ts";

/** The part of the configuration that is used here. */
export interface WranglerConfig {
  readonly name?: string;
  readonly account_id?: string;
  readonly workers_dev?: boolean;
  readonly preview_urls?: boolean;
  readonly route?: unknown;
  readonly routes?: readonly unknown[];
  readonly vars: Readonly<Record<string, unknown>>;
  readonly build?: { readonly command?: string };
  readonly r2_buckets: readonly { readonly binding: string; readonly bucket_name?: string }[];
  readonly d1_databases: readonly {
    readonly binding: string;
    readonly database_name?: string;
    readonly database_id?: string;
    readonly migrations_dir?: string;
  }[];
  readonly queues: {
    readonly producers?: readonly { readonly binding?: string; readonly queue?: string }[];
    readonly consumers?: readonly { readonly queue?: string; readonly dead_letter_queue?: string }[];
  };
}

const KEPT = join(projectRoot, ".wrangler", "read-configurations");
const requireHere = createRequire(import.meta.url);

/** An import would scan all of the package for its exports first. */
const loadWrangler = () => requireHere("wrangler") as typeof import("wrangler");

/** @param folder where it is kept. @throws DeployError with wrangler's message */
export function readWranglerConfig(path: string, environment: string | undefined, folder = KEPT): WranglerConfig {
  const kept = join(folder, `${hash([path, environment])}.json`);
  const follows = hash([contentOf(path), versionOfWrangler(), process.env.CLOUDFLARE_ENV]);
  const earlier = readKept(kept);
  if (earlier?.follows === follows) return earlier.config;
  const config = read(path, environment);
  mkdirSync(folder, { recursive: true });
  writeFileSync(kept, JSON.stringify({ follows, config }));
  return config;
}

/** The file's own fields, of all environments. */
export function readRawConfig(path: string): object {
  return loadWrangler().experimental_readRawConfig({ config: path }).rawConfig;
}

function read(path: string, environment: string | undefined): WranglerConfig {
  try {
    return loadWrangler().unstable_readConfig(
      { config: path, ...(environment !== undefined && { env: environment }) },
      { hideWarnings: true },
    );
  } catch (error) {
    throw new DeployError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

interface Kept {
  readonly follows: string;
  readonly config: WranglerConfig;
}

function readKept(path: string): Kept | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    // None yet, or another run is writing it.
    return undefined;
  }
}

/** Undefined for a file that wrangler will name as missing. */
function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function versionOfWrangler(): unknown {
  return requireHere("wrangler/package.json").version;
}

function hash(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
