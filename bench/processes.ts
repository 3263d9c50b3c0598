/** CPU time and memory of a server with all processes it started, as the operating system counts them. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { descendants } from "../scripts/processes.ts";

/** Linux reports CPU time to programs in hundredths of a second on all architectures. */
const MS_PER_TICK = 10;

/** The CPU time of living processes so far. Undefined where there is no /proc. */
export function cpuMsOf(root: number): number | undefined {
  if (!existsSync("/proc/self/stat")) return undefined;
  const ticks = familyOf(root).map((pid) => {
    // After the name, which is in parentheses: state, parent, …; user and system time are fields 14 and 15.
    const fields = read(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  });
  return sum(ticks) * MS_PER_TICK;
}

/** Resident memory. Undefined where neither /proc nor `ps` says. */
export function residentBytesOf(root: number): number | undefined {
  return memoryOf(root, "VmRSS") ?? memoryByPs(root);
}

/** The highest resident memory so far of each process whose name contains the text, added. Undefined where there is no /proc. */
export function peakBytesOf(root: number, named = ""): number | undefined {
  return memoryOf(root, "VmHWM", named);
}

function memoryOf(root: number, field: "VmRSS" | "VmHWM", named = ""): number | undefined {
  if (!existsSync("/proc/self/status")) return undefined;
  const line = new RegExp(`^${field}:\\s*(\\d+) kB`, "m");
  const processes = familyOf(root).filter((pid) => read(`/proc/${pid}/comm`).includes(named));
  return sum(processes.map((pid) => Number(line.exec(read(`/proc/${pid}/status`))?.[1] ?? 0))) * 1_024;
}

function memoryByPs(root: number): number | undefined {
  try {
    const output = execFileSync("ps", ["-o", "rss=", "-p", familyOf(root).join(",")], { encoding: "utf8" });
    return sum(output.split("\n").map(Number)) * 1_024;
  } catch {
    return undefined;
  }
}

function familyOf(root: number): number[] {
  return [root, ...descendants(root)];
}

/** Empty if the process has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
