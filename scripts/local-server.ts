/**
 * The local server of `npm start`: the Worker in workerd on its own socket, without a proxy that rewrites requests or
 * answers, with the same storage that `wrangler dev` uses.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import type { Miniflare } from "miniflare";
import { STARTED, STOPPING } from "../src/local/work.ts";
import { PACK_NAME, type WorkerModules } from "./bundle-worker.ts";
import { localBucketId } from "./local-buckets.ts";
import type { LocalStorage } from "./local-storage.ts";
import { childrenNamed } from "./processes.ts";
import { startClock, startLifecycleClock } from "./schedule.ts";
import type { ServerLog } from "./server-log.ts";
import type { WorkerConfig } from "./worker-config.ts";

export interface ServeOptions {
  readonly ip: string;
  readonly port: number;
  /** Secrets, and settings that replace those of wrangler.toml. */
  readonly variables: Readonly<Record<string, string>>;
  /** The result of `bundleWorker`, which can run while the storage is opened. */
  readonly modules: Promise<WorkerModules>;
  readonly log: ServerLog;
  readonly inspectorPort: number | undefined;
}

export interface LocalServer {
  /** Runs the scheduled work of that time. */
  runScheduled(cron: string, time: Date): Promise<void>;
  stop(): Promise<void>;
}

/** Miniflare sends its own port, on loopback, to the first worker. This one answers nothing. */
const GATE = "export default { fetch: () => new Response(null, { status: 404 }) };";

/** Resolves when the Worker serves; rejects with the reason, with nothing left running, when it cannot. */
export async function serve({ config, folder }: LocalStorage, options: ServeOptions): Promise<LocalServer> {
  const clockSecret = randomBytes(16).toString("hex");
  // An import would parse its six megabytes twice to find its exports.
  const { convertV4MiniflareOptions, Miniflare } = createRequire(import.meta.url)(
    "miniflare",
  ) as typeof import("miniflare");
  const { code, consolePack } = await options.modules;
  // Earlier log lines add nothing to the error with which a failed start ends.
  let isRunning = false;
  let stopWatching = () => {};
  const watch = () => {
    stopWatching();
    stopWatching = endRuntimeWithThis();
  };
  const runScheduled = async (cron: string, time: Date) => {
    const worker = await miniflare.getWorker(config.name);
    await worker.scheduled({ cron: `${clockSecret} ${cron}`, scheduledTime: time });
  };
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      unsafeTriggerHandlers: false,
      unsafeLocalExplorer: false,
      resourcePersistencePath: folder,
      ...(options.inspectorPort !== undefined && { inspectorPort: options.inspectorPort }),
      handleStructuredLogs: (line) => {
        if (isRunning) options.log.take(line);
      },
      // Miniflare starts another workerd when one has crashed.
      unsafeHandleRuntimeRestart: async () => {
        watch();
        await runScheduled(STARTED, new Date());
      },
      workers: [
        { name: "gate", modules: true, script: GATE, compatibilityDate: config.compatibilityDate },
        {
          ...describeWorker(config, options, clockSecret),
          modules: [
            { type: "ESModule", path: "worker.js", contents: code },
            { type: "Data", path: PACK_NAME, contents: consolePack },
          ],
        },
      ],
    }),
  );
  try {
    await requireHealthy(miniflare, config.name);
    isRunning = true;
    await runScheduled(STARTED, new Date());
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
  watch();
  const stopClock = startClock(config.crons, runScheduled);
  const stopLifecycle = startLifecycleClock({ ...config.vars, ...options.variables }, runScheduled);
  return {
    runScheduled,
    stop: async () => {
      stopClock();
      stopLifecycle();
      await awaitLastLines(options.log, () => runScheduled(STOPPING, new Date()));
      await miniflare.dispose();
      options.log.close();
      stopWatching();
    },
  };
}

/** Longer than a Worker with work to do takes for one more event. */
const LAST_LINES_MS = 2_000;

/** Miniflare ends workerd with SIGKILL and reads none of its output any more. */
async function awaitLastLines(log: ServerLog, report: () => Promise<void>): Promise<void> {
  const arrived = log.lastReport();
  const timeout = new Promise<void>((resolve) => setTimeout(resolve, LAST_LINES_MS).unref());
  // A Worker that cannot report any more has written its last line.
  await Promise.race([report().then(() => arrived), timeout]).catch(() => undefined);
}

/**
 * workerd outlives a parent that is killed with SIGKILL, and keeps the port. A shell therefore waits for the end of this
 * process, and then ends workerd.
 * @returns a function that ends the shell
 */
function endRuntimeWithThis(): () => void {
  const runtimes = childrenNamed("workerd").join(" ");
  // Another program may have the process id by then.
  const end = `for p in ${runtimes}; do case $(cat /proc/$p/comm || ps -o comm= -p $p) in *workerd) kill -9 $p ;; esac; done`;
  const watch = spawn("sh", ["-c", `cat > /dev/null; ${end}`], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  watch.on("error", () => undefined);
  watch.unref();
  return () => watch.kill("SIGKILL");
}

function describeWorker(config: WorkerConfig, { ip, port, variables }: ServeOptions, clockSecret: string) {
  return {
    name: config.name,
    compatibilityDate: config.compatibilityDate,
    compatibilityFlags: [...config.compatibilityFlags],
    bindings: {
      ...config.vars,
      ONE_ISOLATE: "true",
      CUSTOMER_KEYS_OVER_HTTP: "true",
      ...variables,
      LOCAL_CLIENT_ADDRESS: loopbackAddress(ip) ?? "",
      LOCAL_CLOCK_SECRET: clockSecret,
    },
    r2Buckets: Object.fromEntries(config.buckets.map((bucket) => [bucket.binding, localBucketId(bucket)])),
    d1Databases: { [config.database.binding]: config.database.id },
    durableObjects: Object.fromEntries(
      Object.entries({ ...config.objects, LOCAL_MESSAGES: "LocalMessages" }).map(([binding, className]) => [
        binding,
        { className, useSQLite: true },
      ]),
    ),
    queueProducers: config.producers,
    queueConsumers: Object.fromEntries(
      config.consumers.map(({ queue, ...consumer }) => [
        queue,
        Object.fromEntries(Object.entries(consumer).filter(([, value]) => value !== undefined)),
      ]),
    ),
    unsafeDirectSockets: [{ host: ip, port }],
  };
}

/** The address of all clients where only this machine can reach the server. */
export function loopbackAddress(ip: string): string | undefined {
  if (ip === "localhost") return "127.0.0.1";
  return ip === "::1" || /^127(?:\.\d{1,3}){3}$/.test(ip) ? ip : undefined;
}

/** A Worker that cannot serve says why, for example a secret or a setting with an invalid value. */
async function requireHealthy(miniflare: Miniflare, name: string): Promise<void> {
  const worker = await miniflare.getWorker(name);
  const answer = await worker.fetch("http://127.0.0.1/-/health");
  const body = (await answer.json().catch(() => ({}))) as { message?: unknown };
  // Before the set-up, only its page is answered.
  const isSetUpNext = answer.status === 503 && (await worker.fetch("http://127.0.0.1/-/setup")).status === 200;
  if (answer.status !== 200 && !isSetUpNext) {
    throw new Error(typeof body.message === "string" ? body.message : `The Worker answers ${answer.status}.`);
  }
}
