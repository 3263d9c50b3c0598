/**
 * A real server for tests with real clients.
 *
 * The `clients` project starts one for all its files: `const { endpoint } = inject("devServer")`.
 * A test that needs other settings starts its own with `startTestServer`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { parseDevArgs } from "../../scripts/dev-args.ts";
import { findFreePort, startDevServer } from "../../scripts/dev-server.ts";
import { stopTree } from "../../scripts/wrangler.ts";

/** How to reach the server as root. */
export interface DevServerAccess {
  readonly endpoint: string;
  readonly port: number;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface TestServer extends DevServerAccess {
  /** Ends it without warning; what it has stored stays. */
  kill(): Promise<void>;
  /** After `kill`: on the same port, with the same storage. */
  start(): Promise<void>;
  /** For good. */
  stop(): Promise<void>;
}

declare module "vitest" {
  interface ProvidedContext {
    devServer: DevServerAccess;
  }
}

const secrets = {
  ROOT_ACCESS_KEY_ID: "AKIAROOTROOTROOTROOT",
  ROOT_SECRET_ACCESS_KEY: "root/secret/for/tests+0123456789abcdefgh",
  SEAL_KEY: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
};

/** Starts a server on a free port with empty storage. `variables` replace those of wrangler.toml. */
export async function startTestServer(variables: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const storage = mkdtempSync(join(tmpdir(), "workers-s3-test-"));
  const removeStorage = () => rmSync(storage, { recursive: true, force: true, maxRetries: 5 });
  const port = await findFreePort();
  try {
    const args = parseDevArgs(["--port", String(port), "--persist-to", storage]);
    const start = () =>
      startDevServer({
        args,
        variables: { ...variables, ...secrets },
        output: "pipe",
        timeoutMilliseconds: 200_000,
      });
    let server = await start();
    return {
      endpoint: args.endpoint,
      port,
      region: "us-east-1",
      accessKeyId: secrets.ROOT_ACCESS_KEY_ID,
      secretAccessKey: secrets.ROOT_SECRET_ACCESS_KEY,
      kill: async () => {
        await stopTree(server.child, 0);
        await untilClosed(port);
      },
      start: async () => {
        server = await start();
      },
      stop: async () => {
        await server.stop();
        removeStorage();
      },
    };
  } catch (error) {
    removeStorage();
    throw error;
  }
}

/** The process that listens is not the one that was waited for. */
async function untilClosed(port: number): Promise<void> {
  for (let isOpen = true; isOpen; ) {
    isOpen = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
    if (isOpen) await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Vitest's global setup of the `clients` project. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { stop, kill: _, start: _again, ...access } = await startTestServer();
  project.provide("devServer", access);
  return stop;
}
