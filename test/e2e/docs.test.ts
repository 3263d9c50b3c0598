/**
 * Runs every `sh` block of README, CONTRIBUTING and docs as a reader would paste it: page by page, each page in one shell,
 * against a server that was started with `npm start` in a fresh clone. Blocks in other languages must parse.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parse as parseToml } from "smol-toml";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { findFreePort } from "../../scripts/ports.ts";
import { exitCode, projectRoot, stopTree } from "../../scripts/wrangler.ts";
import { findOnPath } from "../clients/support/tools.ts";

interface Block {
  readonly language: string;
  readonly text: string;
  /** Number of its first line in the page. */
  readonly line: number;
}

const docs = readdirSync(join(projectRoot, "docs")).filter((name) => name.endsWith(".md"));
const pages = ["README.md", "CONTRIBUTING.md", ...docs.map((name) => `docs/${name}`)].map((name) => ({
  name,
  blocks: findBlocks(readFileSync(join(projectRoot, name), "utf8")),
}));

/** The first line of blocks that need an account. */
const NEEDS_ACCOUNT = "# needs a Cloudflare account\n";
/** The end of lines that must be refused. */
const REFUSED = /# AccessDenied$/;
const TOOLS = ["aws", "rclone", "s3cmd", "curl", "python3"];
/** Pages whose blocks are skipped one by one if a tool is not installed. Other pages are skipped as a whole. */
const BLOCK_BY_BLOCK = ["README.md", "docs/clients.md"];

function findBlocks(text: string): Block[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(({ 1: language = "", 2: block = "", index }) => ({
    language,
    text: block,
    line: text.slice(0, index).split("\n").length + 1,
  }));
}

let folder: string;
let clone: string;
let server: ChildProcess;
/** Standard output of the server until it is ready. */
let printed = "";
let ports: { readonly server: number; readonly others: ReadonlyMap<string, number> };
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "workers-s3-docs-"));
  clone = join(folder, "clone");
  const left = new Set([".git", "node_modules", ".wrangler", ".dev.vars", ".state"]);
  cpSync(projectRoot, clone, { recursive: true, filter: (path) => !left.has(basename(path)) });
  symlinkSync(join(projectRoot, "node_modules"), join(clone, "node_modules"));
  const home = join(folder, "home");
  mkdirSync(home);
  environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(AWS_|ROOT_|SEAL_KEY|npm_|VITEST|NODE_)/.test(name)),
  );
  Object.assign(environment, {
    HOME: home,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_CONFIG_FILE: join(home, "aws-config"),
    AWS_SHARED_CREDENTIALS_FILE: join(home, "aws-credentials"),
    AWS_PAGER: "",
  });
  ports = {
    server: await findFreePort(),
    others: new Map(
      await Promise.all(["8788", "9310", "9311"].map(async (port) => [port, await findFreePort()] as const)),
    ),
  };
  server = spawn("npm", ["start", "--", "--port", String(ports.server)], {
    cwd: clone,
    env: environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise<void>((resolve, reject) => {
    server.stdout?.on("data", (chunk: Buffer) => {
      if (printed.includes("Stop with Ctrl-C.")) return;
      printed += chunk.toString();
      if (printed.includes("Stop with Ctrl-C.")) resolve();
    });
    void exitCode(server).then(() => reject(new Error(`npm start ended:\n${printed}`)));
  });
});

afterAll(async () => {
  await stopTree(server);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** Replaces ports that may be in use, downloads from the internet, and commands that would run this test. */
function adapt(text: string): string {
  const { server: port, others } = ports;
  return text
    .replace(/npm -s run env\b/g, `npm -s run env -- --port ${port}`)
    .replace(/\b8787\b/g, String(port))
    .replace(/\b(8788|9310|9311)\b/g, (found) => String(others.get(found)))
    .replace(
      /^npm install --prefix "\$DEMO" .*$/gm,
      `ln -sfn "${join(projectRoot, "node_modules")}" "$DEMO/node_modules"`,
    )
    .replace(/^python3 -m pip install boto3$/gm, 'python3 -c "import boto3"')
    .replace(/^npm (?:ci|start|test|run (?:dev|check|test:\w+|bench|bench:\w+))(?: +#.*)?$/gm, ":");
}

function missingTool(text: string): string | undefined {
  const used = TOOLS.filter((tool) => new RegExp(`(?:^|[\\s(])${tool} `, "m").test(text));
  return (
    used.find((tool) => findOnPath(tool) === undefined) ??
    (text.includes("import boto3") && !hasBoto3() ? "boto3" : undefined)
  );
}

function hasBoto3(): boolean {
  return spawnSync("python3", ["-c", "import boto3"]).status === 0;
}

describe.each(pages)("$name", ({ name, blocks }) => {
  const shell = blocks.filter(({ language, text }) => language === "sh" && !text.startsWith(NEEDS_ACCOUNT));

  test.runIf(shell.length > 0)(
    "blocks for a shell succeed, or fail as they say",
    async ({ skip }) => {
      const runnable = shell.filter(({ text }) => missingTool(text) === undefined);
      if (runnable.length === 0 || (!BLOCK_BY_BLOCK.includes(name) && runnable.length < shell.length)) {
        skip(`not installed: ${shell.map(({ text }) => missingTool(text)).find(Boolean)}`);
      }
      const path = join(folder, `${name.replaceAll("/", "-")}.sh`);
      const session = [
        // Records the line of each failed statement outside of loops and functions.
        `trap 'echo "$LINENO" >> "${path}.failed"' ERR`,
        ...runnable.map(({ text }) => adapt(text)),
      ].join("\n");
      writeFileSync(path, session);
      const { output, failed, code } = await runSession(path, name);
      const lines = session.split("\n");
      const textOf = (line: number) => lines[line - 1] ?? "";
      const expected = lines.filter((line) => REFUSED.test(line));
      expect([...new Set(failed.map(textOf))], output).toEqual(expected);
      for (const line of expected) expect(output, line).toContain("(AccessDenied)");
      // The exit code of the last statement.
      expect(code === 0 || REFUSED.test(textOf(lines.length - 1)), output).toBe(true);
    },
    900_000,
  );

  test.runIf(blocks.some(({ language }) => language === "json" || language === "toml" || language === "js"))(
    "blocks of JSON, TOML and JavaScript parse",
    () => {
      for (const { language, text, line } of blocks) {
        const where = `${name}:${line}`;
        // Samples of answers are abbreviated.
        if (language === "json" && !text.includes("…")) expect(() => JSON.parse(text), where).not.toThrow();
        if (language === "toml") expect(() => parseToml(text), where).not.toThrow();
        if (language === "js") {
          const path = join(folder, "sample.mjs");
          writeFileSync(path, text);
          expect(spawnSync(process.execPath, ["--check", path]).status, where).toBe(0);
        }
      }
    },
  );

  test("every block names its language", () => {
    const known = ["sh", "json", "toml", "js", "nginx", "sql", "md"];
    expect(blocks.filter(({ language }) => !known.includes(language)).map(({ line }) => line)).toEqual([]);
  });

  test("no block writes into the clone or is abbreviated", () => {
    for (const { language, text, line } of blocks) {
      if (language !== "sh") continue;
      const where = `${name}:${line}`;
      expect(text.replace(/#.*$/gm, ""), where).not.toContain("…");
      expect(text, where).not.toMatch(/(?:>|>>) (?!"?\$DEMO|&|\/dev\/null)[\w./]/);
    }
  });
});

test("README starts the server with the command that this test uses", () => {
  const [first] = pages[0]?.blocks ?? [];
  expect(first?.text).toMatch(/^npm ci\nnpm start(?: +#.*)?\n$/);
});

test("npm start prints its greeting and nothing else", () => {
  const lines = printed.split("\n").filter((line) => line !== "" && !line.startsWith("> "));
  expect([lines[0], lines.at(-1)]).toEqual(["workers-s3 is ready", "Stop with Ctrl-C."]);
  expect(lines.length).toBeLessThanOrEqual(40);
  expect(new Set(lines).size).toBe(lines.length);
});

/** The output goes to files, since background processes would keep a pipe open. */
async function runSession(path: string, page: string): Promise<{ output: string; failed: number[]; code: number }> {
  const said = openSync(`${path}.log`, "w");
  writeFileSync(`${path}.failed`, "");
  // One page with the installed AWS CLI itself.
  const env = page === "README.md" ? { ...environment, PATH: inject("plainPath") } : environment;
  const code = await exitCode(spawn("bash", [path], { cwd: clone, env, stdio: ["ignore", said, said] }));
  closeSync(said);
  const failed = readFileSync(`${path}.failed`, "utf8").split("\n").filter(Boolean).map(Number);
  return { output: readFileSync(`${path}.log`, "utf8"), failed, code };
}
