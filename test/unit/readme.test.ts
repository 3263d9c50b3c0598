/** Names, states, commands and links in the documentation are compared with the code. */
import { describe, expect, it, vi } from "vitest";
import { IAM_ACTIONS, STS_ACTIONS } from "../../src/iam/actions/index.ts";
import { OFFERED_NAMES } from "../../src/operations/index.ts";
import { OPERATION_NAMES, type OperationName } from "../../src/protocol/operation-name.ts";
import { startRequestLog, writeRequestLog } from "../../src/request-log.ts";
import { SNS_ACTIONS } from "../../src/sns/actions/index.ts";
import sweeps from "../../src/sweeps/index.ts?raw";

const documents = texts(
  import.meta.glob(["../../*.md", "../../docs/**/*.md"], { query: "?raw", import: "default", eager: true }),
);
const settings = texts(
  import.meta.glob(["../../package.json", "../../wrangler.toml"], { query: "?raw", import: "default", eager: true }),
);
const files = new Set(
  Object.keys(
    import.meta.glob(["../../*.md", "../../LICENSE", "../../docs/**/*", "../../{bench,cli,scripts,migrations}/*"], {
      query: "?raw",
    }),
  ).map(inRepository),
);
const names = [...documents.keys()];

/** Paths relative to the repository. */
function texts(modules: Record<string, unknown>): ReadonlyMap<string, string> {
  return new Map(Object.entries(modules).map(([path, text]) => [inRepository(path), String(text)]));
}

function inRepository(path: string): string {
  return path.replace("../../", "");
}

function read(name: string): string {
  const text = documents.get(name) ?? settings.get(name);
  if (text === undefined) throw new Error(`${name} does not exist`);
  return text;
}

/** The text from a heading to the next one of its level or above. */
function section(text: string, heading: string): string {
  const level = heading.split(" ")[0]?.length ?? 1;
  const [, after] = text.split(`\n${heading}\n`);
  if (after === undefined) throw new Error(`no heading ${heading}`);
  return after.split(new RegExp(`\n#{1,${level}} `))[0] ?? "";
}

/** Cells of all rows, without the heads of the tables. */
function rows(text: string): string[][] {
  return text
    .split("\n")
    .filter(
      (line, index, lines) => line.startsWith("|") && !line.startsWith("|-") && !lines[index + 1]?.startsWith("|-"),
    )
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
}

describe("README", () => {
  it("has at most 200 lines", () => {
    expect(read("README.md").split("\n").length).toBeLessThanOrEqual(201);
  });

  it("links to every page of docs", () => {
    const linked = links(read("README.md"));
    expect(names.filter((name) => name.startsWith("docs/") && !linked.includes(name))).toEqual([]);
  });
});

describe("docs/compatibility.md", () => {
  const page = read("docs/compatibility.md");

  it("names every operation once, in order, and whether it is offered", () => {
    // The pipeline answers preflights, without an operation.
    const offered = new Set<OperationName>([...OFFERED_NAMES, "OptionsPreflight"]);
    const stated = rows(section(page, "## Operations")).map(([name, state]) => `${name}: ${state}`);
    expect(stated).toEqual(OPERATION_NAMES.map((name) => `${name}: ${offered.has(name) ? "yes" : "501"}`));
  });

  it("has one table of all that is not offered, with the reasons", () => {
    const left = rows(section(page, "## What is not offered"));
    const named = left.flatMap(([subject = ""]) => subject.split(", "));
    const offered = new Set<string>([...OFFERED_NAMES, "OptionsPreflight"]);
    const operations = new Set<string>(OPERATION_NAMES);
    expect(named.filter((name) => operations.has(name)).sort()).toEqual(
      OPERATION_NAMES.filter((name) => !offered.has(name)).sort(),
    );
    expect(left.filter((row) => row.length !== 3 || row.includes(""))).toEqual([]);
  });

  it("names every action of SNS once", () => {
    const stated = rows(section(page, "## SNS actions")).flatMap(([, actions = ""]) => actions.split(", "));
    expect(stated.sort()).toEqual([...SNS_ACTIONS.keys()].sort());
  });

  it("gives three cells to each difference to AWS", () => {
    const differences = rows(section(page, "## Differences to AWS S3"));
    expect(differences.length).toBeGreaterThan(20);
    expect(differences.filter((row) => row.length !== 3 || row.includes(""))).toEqual([]);
  });
});

it("docs/iam.md names every action of IAM and STS once", () => {
  const stated = rows(section(read("docs/iam.md"), "## IAM and STS actions")).flatMap(([, actions = ""]) =>
    actions.split(", "),
  );
  expect(stated.sort()).toEqual([...IAM_ACTIONS.keys(), ...STS_ACTIONS.keys()].sort());
});

describe("docs/operations.md", () => {
  const page = read("docs/operations.md");
  const namesIn = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name);

  it("names every field of a request's log line", () => {
    const request = new Request("https://s3.example.com/bucket/key", { method: "PUT" });
    const log = { ...startRequestLog("id"), operation: "PutObject", bucket: "b", key: "k", caller: "c" };
    const write = vi.spyOn(console, "log").mockImplementation(() => undefined);
    writeRequestLog({ ...log, code: "AccessDenied", cause: "why" }, { request, response: new Response() }, "all");
    const [line] = write.mock.calls[0] ?? [];
    write.mockRestore();
    const [fields = ""] = section(page, "## Logs").split("Background work");
    expect(
      rows(fields)
        .flatMap(([names]) => namesIn(names))
        .sort(),
    ).toEqual(Object.keys(JSON.parse(line)).sort());
  });

  it("names every sweep", () => {
    const stated = rows(section(page, "## Sweeps")).flatMap(([, names]) => namesIn(names));
    const logged = [...sweeps.matchAll(/\blogged\(["`]([^"`]+)["`]/g)].map(([, name]) =>
      name?.replace(/\$\{(\w+)\}/, "<$1>"),
    );
    expect(stated.sort()).toEqual(logged.sort());
  });
});

it("docs/deploy.md names every setting of wrangler.toml with its default", () => {
  const [, vars = ""] = read("wrangler.toml").split("[vars]\n");
  const set = [...(vars.split("\n[")[0] ?? "").matchAll(/^(\w+) = "(.*)"$/gm)].map(([, name, value]) => [name, value]);
  const stated = rows(section(read("docs/deploy.md"), "### Settings")).map(([name = "", value = ""]) => [
    name.replaceAll("`", ""),
    value.replaceAll("`", ""),
  ]);
  expect(set.length).toBeGreaterThan(0);
  expect(stated.sort()).toEqual(set.sort());
});

describe.each(names)("%s", (name) => {
  const text = read(name);

  it("names only npm scripts that exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/\bnpm (?:run ([\w:-]+)|test\b)/g)].map(([, script = "test"]) => script);
    expect(named.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
  });

  it("links only to pages and headings that exist", () => {
    expect(links(text).filter((target) => !resolves(name, target))).toEqual([]);
  });

  it("names no registry and no workplace", () => {
    const forbidden = /\bregistry\.|\/work\/|\/tmp\/|localhost:\d+\/npm|artifactory|verdaccio/gi;
    expect(text.match(forbidden)).toBeNull();
  });

  it("has no marks of unfinished work", () => {
    expect(text.match(/\b(TODO|FIXME|TBD|XXX)\b/g)).toBeNull();
  });
});

describe("the checks above", () => {
  it.each([
    ["README.md", "docs/absent.md"],
    ["README.md", "docs/deploy.md#nowhere"],
    ["README.md", "#nowhere"],
    ["docs/deploy.md", "README.md"],
  ])("find the broken link in %s to %s", (from, target) => {
    expect(links(`see [this](${target})`)).toEqual([target]);
    expect(resolves(from, target)).toBe(false);
  });

  it("read rows without the heads of their tables", () => {
    expect(rows("text\n| a | b |\n|-|-|\n| 1 | 2 |\n| 3 |  |\n")).toEqual([
      ["1", "2"],
      ["3", ""],
    ]);
  });
});

/** Targets of links inside the repository. */
function links(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

function resolves(from: string, target: string): boolean {
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? from : resolvePath(from, path);
  if (!files.has(file)) return false;
  return anchor === undefined || anchors(read(file)).includes(anchor);
}

function resolvePath(from: string, path: string): string {
  const segments = from.split("/").slice(0, -1);
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== ".") segments.push(segment);
  }
  return segments.join("/");
}

/** Anchors as GitHub derives them from headings. */
function anchors(text: string): string[] {
  const withoutCode = text.replaceAll(/^```[\s\S]*?^```/gm, "");
  return [...withoutCode.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
