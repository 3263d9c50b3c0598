/** `npm run admin -- doctor`: checks a deployment from outside. */
import { type DoctorOptions, UsageError } from "../commands.ts";
import { CHECKS } from "./checks/index.ts";
import { runDoctor } from "./run.ts";
import type { Keys } from "./sign.ts";
import { World } from "./world.ts";

const TIMEOUT_MS = 20_000;
/** 100 KB/s. */
const MS_PER_MIB = 10_000;
const MIB = 2 ** 20;

/** @returns the exit code */
export async function doctor(
  target: Keys & { readonly endpoint: string },
  { uploadMb, waitSeconds }: DoctorOptions,
  isJson: boolean,
): Promise<number> {
  const interruption = new AbortController();
  let interrupted = 0;
  const stop = () => {
    interruption.abort();
    // What was made is removed first, unless the user does not want to wait for it.
    if (++interrupted > 1) process.exit(130);
    process.stderr.write("\nInterrupted: removing what was made …\n");
  };
  // A reader that has closed the pipe ends the command, once what was made is removed.
  process.stdout.removeAllListeners("error");
  process.stdout.on("error", () => interruption.abort());
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const world = new World({
    endpoint: parseEndpoint(target.endpoint),
    keys: target,
    timeoutMs: TIMEOUT_MS,
    msPerMib: MS_PER_MIB,
    uploadBytes: uploadMb * MIB,
    waitMs: waitSeconds * 1000,
    signal: interruption.signal,
  });
  try {
    return await runDoctor({ world, checks: CHECKS, isJson, print: (text) => process.stdout.write(text) });
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}

/** @throws UsageError for anything but an origin */
export function parseEndpoint(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new UsageError("--endpoint takes a URL such as https://s3.example.com.");
  if (url.pathname !== "/" || url.search !== "" || url.username !== "") {
    throw new UsageError("--endpoint takes the address of the Worker, without a path.");
  }
  return url;
}
