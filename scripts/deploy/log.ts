/** Writes wrangler's output to a file, because the command itself shows one screen. */
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { exitCode, spawnWrangler } from "../wrangler.ts";

export class WranglerLog {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "");
  }

  /** Runs wrangler to its end. @returns its exit code and what it printed */
  async run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<{ code: number; output: string }> {
    appendFileSync(this.path, `\n$ wrangler ${args.join(" ")}\n`);
    const child = spawnWrangler(args, {
      stdio: ["ignore", "pipe", "pipe"],
      // Without questions, which would not be seen, and without colours.
      env: { CI: "1", FORCE_COLOR: "0", NO_COLOR: "1", WRANGLER_HIDE_BANNER: "true", ...env },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (chunk: string) => {
        output += chunk;
        appendFileSync(this.path, chunk);
      });
    }
    return { code: await exitCode(child), output };
  }
}

const ANSI = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

/** The errors in wrangler's output. Each reaches from its mark to the next blank line or notice. */
export function errorsIn(output: string): string {
  const lines = output.replace(ANSI, "").split("\n");
  const found: string[] = [];
  let isError = false;
  for (const line of lines) {
    if (/^✘ \[ERROR\]/.test(line)) isError = true;
    else if (/^(🪵|▲|\$ wrangler)/u.test(line) || /^If you think this is a bug/.test(line)) isError = false;
    const text = line.replace(/^✘ \[ERROR\]\s*/, "").trim();
    if (isError && text !== "") found.push(text);
  }
  return found.join("\n");
}
