/** When a server that was started at the keyboard has to end. */
import { findNpm, isAlive } from "./processes.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Aborted by Ctrl-C and its kind, and when the npm that runs the script is gone. */
export function stopSignal(): AbortSignal {
  const abort = new AbortController();
  process.on("newListener", (name, listener) => {
    // Miniflare ends the process on these, before what is under way has come to its end.
    if (SIGNALS.some((each) => each === name) && listener !== onSignal) {
      queueMicrotask(() => process.removeListener(name, listener));
    }
  });
  const onSignal = () => abort.abort();
  // A server whose output nobody reads any more goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  for (const name of SIGNALS) process.on(name, onSignal);
  // An npm that is killed outright cannot pass the signal on, so its end is noticed here.
  const npm = findNpm();
  if (npm !== undefined) {
    setInterval(() => {
      if (!isAlive(npm)) abort.abort();
    }, 1_000).unref();
  }
  return abort.signal;
}
