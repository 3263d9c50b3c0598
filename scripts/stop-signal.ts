/** The signal on which a server that was started in a terminal ends. */
import { findNpm, isAlive } from "./processes.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Aborted by SIGINT, SIGTERM and SIGHUP, and when the npm that runs the script has ended. */
export function stopSignal(): AbortSignal {
  const abort = new AbortController();
  process.on("newListener", (name, listener) => {
    // Miniflare's own listeners end the process before running work has finished.
    if (SIGNALS.some((each) => each === name) && listener !== onSignal) {
      queueMicrotask(() => process.removeListener(name, listener));
    }
  });
  const onSignal = () => abort.abort();
  // The server continues when its output is no longer read.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  for (const name of SIGNALS) process.on(name, onSignal);
  // An npm that is killed with SIGKILL cannot pass the signal on, so its end is detected here.
  const npm = findNpm();
  if (npm !== undefined) {
    setInterval(() => {
      if (!isAlive(npm)) abort.abort();
    }, 1_000).unref();
  }
  return abort.signal;
}
