/** The processes of this machine: from /proc if it exists, else from `ps`. Empty where both are missing. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
}

export function isAlive(pid: number): boolean {
  return signal(pid, 0);
}

export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** Parents before their children. */
export function descendants(root: number): number[] {
  const all = listProcesses();
  const found: number[] = [];
  for (let parents = [root]; parents.length > 0; found.push(...parents)) {
    parents = all.filter(({ parent }) => parents.includes(parent)).map(({ pid }) => pid);
  }
  return found;
}

/** Process ids of the programs of this name that this process started. */
export function childrenNamed(name: string): number[] {
  return listProcesses()
    .filter((each) => each.parent === process.pid && each.name.split("/").at(-1) === name)
    .map(({ pid }) => pid);
}

/** Process id of the npm that runs this script, if it can be found. */
export function findNpm(): number | undefined {
  if (process.env.npm_lifecycle_event === undefined) return undefined;
  const parent = listProcesses().find(({ pid }) => pid === process.ppid);
  // npm runs a script in a shell, and some shells remain as a process between npm and the script.
  return parent !== undefined && /sh$/.test(parent.name) ? parent.parent : parent?.pid;
}

function listProcesses(): Process[] {
  try {
    return existsSync("/proc/self/stat") ? readProc() : readPs();
  } catch {
    return [];
  }
}

function readProc(): Process[] {
  const pids = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  return pids.flatMap((pid) => {
    try {
      // The name is in parentheses, and may hold any character.
      const [, name = "", parent = "0"] = /\((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
      return [{ pid: Number(pid), parent: Number(parent), name }];
    } catch {
      // The process has ended meanwhile.
      return [];
    }
  });
}

function readPs(): Process[] {
  const output = execFileSync("ps", ["-A", "-o", "pid=,ppid=,comm="], { encoding: "utf8", stdio: "pipe" });
  return output.split("\n").flatMap((line) => {
    const [, pid, parent, name] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), name }];
  });
}
