/**
 * The structure of src: which folder may import which, and what no file may contain. A rule that nothing can break is
 * useless, so each rule has an example that breaks it.
 */
import { describe, expect, it } from "vitest";
import { OFFERED_NAMES, OPERATIONS } from "../../src/operations/index.ts";
import { OPERATION_NAMES } from "../../src/protocol/operation-name.ts";
import { NEWEST_MIGRATION } from "../../src/storage/d1/directory.ts";
import { IMPORTED_ONLY_BY, MAY_IMPORT, MAY_IMPORT_TYPES, within } from "../support/architecture-rules.ts";

const sources = glob(import.meta.glob("../../src/**/*.ts", { query: "?raw", import: "default", eager: true }));
const migrations = Object.keys(import.meta.glob("../../migrations/*.sql", { query: "?raw" }));
const testFiles = import.meta.glob("../worker/operations/**/*.test.ts", {
  query: "?raw",
  import: "default",
  eager: true,
});

type Files = ReadonlyMap<string, string>;

interface Import {
  readonly file: string;
  /** Path in src, or the package's name. */
  readonly target: string;
  readonly isType: boolean;
}

/** Paths relative to src. */
function glob(modules: Record<string, unknown>): Files {
  return new Map(Object.entries(modules).map(([path, text]) => [path.replace("../../src/", ""), String(text)]));
}

const IMPORT = /^(?:import|export)\s+(type\s+)?(?:[^;"']*?\sfrom\s+)?["']([^"']+)["']/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*["']([^"']+)["']/g;

function importsOf(files: Files): Import[] {
  const imports: Import[] = [];
  for (const [file, text] of files) {
    for (const [, type, specifier = ""] of text.matchAll(IMPORT)) {
      imports.push({ file, target: resolve(file, specifier), isType: type !== undefined });
    }
    for (const [, specifier = ""] of text.matchAll(DYNAMIC_IMPORT)) {
      imports.push({ file, target: resolve(file, specifier), isType: false });
    }
  }
  return imports;
}

function resolve(file: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  const path = file.split("/").slice(0, -1);
  for (const segment of specifier.split("/")) {
    if (segment === "..") path.pop();
    else if (segment !== ".") path.push(segment);
  }
  return path.join("/");
}

function forbiddenImports(files: Files): string[] {
  const found: string[] = [];
  for (const { file, target, isType } of importsOf(files)) {
    const rulesFor = (rules: Readonly<Record<string, readonly string[]>>) =>
      Object.entries(rules).find(([place]) => within(file, [place]))?.[1];
    const allowed = rulesFor(MAY_IMPORT);
    const allowedTypes = rulesFor(MAY_IMPORT_TYPES) ?? [];
    if (allowed !== undefined && !within(target, allowed) && !(isType && within(target, allowedTypes))) {
      found.push(`${file} imports ${target}`);
      continue;
    }
    const owner = Object.keys(IMPORTED_ONLY_BY).find((place) => within(target, [place]));
    if (owner === undefined || within(file, IMPORTED_ONLY_BY[owner] ?? [])) continue;
    if (isType && within(target, allowedTypes)) continue;
    found.push(`${file} imports ${target}`);
  }
  return found;
}

/** The files that import each other, directly or through others: one line for each circle. */
function circlesOf(imports: readonly Import[]): string[] {
  const targets = new Map<string, Set<string>>();
  for (const { file, target } of imports) targets.set(file, (targets.get(file) ?? new Set()).add(target));
  const reachedFrom = (start: string) => {
    const reached = new Set<string>();
    for (const next = [...(targets.get(start) ?? [])]; next.length > 0; ) {
      const file = next.pop() ?? "";
      if (reached.has(file)) continue;
      reached.add(file);
      next.push(...(targets.get(file) ?? []));
    }
    return reached;
  };
  const reach = new Map([...targets.keys()].map((file) => [file, reachedFrom(file)]));
  const circles = [...reach]
    .filter(([file, reached]) => reached.has(file))
    .map(([file, reached]) =>
      [...reached]
        .filter((other) => reach.get(other)?.has(file))
        .sort()
        .join(", "),
    );
  return [...new Set(circles)];
}

/** Without comments and the contents of strings, which may mention anything. */
function code(text: string): string {
  return text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g,
    (token) => (token.startsWith("/") ? "" : `${token.charAt(0)}${token.charAt(0)}`),
  );
}

interface TextRule {
  readonly name: string;
  readonly breaks: (file: string, text: string) => boolean;
  /** A file that breaks it. */
  readonly example: readonly [file: string, text: string];
}

const PURE = /^(protocol|access|auth\/sigv4|cors|model)\//;
/** `model/random-ids.ts` is where chance comes from. */
const IMPURE = new Set(["model/random-ids.ts"]);

const TEXT_RULES: readonly TextRule[] = [
  {
    name: "nothing calls out but outbound/fetch.ts",
    breaks: (file, text) => file !== "outbound/fetch.ts" && /(?<![.\w])fetch\(|globalThis\.fetch/.test(code(text)),
    example: ["replication/x.ts", "const answer = await fetch(url);"],
  },
  {
    name: "nothing parses a URL but protocol/request-target.ts, which does it without `new URL`",
    breaks: (_file, text) => /\bnew\s+URL\s*\(/.test(code(text)),
    example: ["protocol/request-target.ts", "const { pathname } = new URL(request.url);"],
  },
  {
    name: "no `any`",
    breaks: (_file, text) => /(?::|<|\bas|=|\||,)\s*any\b(?!\s*[:(])/.test(code(text)),
    example: ["model/bucket.ts", "export function f(value: any) {}"],
  },
  {
    name: "no suppressed type error or lint rule",
    breaks: (_file, text) => /@ts-(ignore|expect-error|nocheck)|biome-ignore/.test(text),
    example: ["model/bucket.ts", "// @ts-ignore\nexport const x = 1;"],
  },
  {
    name: "at most 400 lines",
    breaks: (_file, text) => text.split("\n").length > 401,
    example: ["model/bucket.ts", "\n".repeat(401)],
  },
  {
    name: "file names in kebab-case",
    breaks: (file) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*(\.d)?\.ts$/.test(file),
    example: ["model/someThing.ts", ""],
  },
  {
    name: "no clock, no chance and no network in what is pure",
    breaks: (file, text) =>
      PURE.test(file) &&
      !IMPURE.has(file) &&
      /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bgetRandomValues\(|\brandomUUID\(|\bfetch\(/.test(code(text)),
    example: ["protocol/dates.ts", "const now = Date.now();"],
  },
  {
    name: "bindings are named by storage, the services and the local servers' own part only",
    breaks: (file, text) =>
      !/^(storage\/|local\/|local-entry\.ts$|services\.ts$|env\.ts$)/.test(file) &&
      /\b(R2Bucket|R2Object|R2ObjectBody|D1Database|D1PreparedStatement|DurableObject\w*|Queue)\b/.test(code(text)),
    example: ["operations/object/get-object.ts", "export function f(store: R2Bucket) {}"],
  },
  {
    name: "only storage takes out a binding of R2, D1 or Durable Objects",
    breaks: (file, text) =>
      !/^(storage\/|services\.ts$|env\.ts$)/.test(file) &&
      /\b(storeOf|regionStores)\b|\b(regions|stores)\.(get|values|entries)\(|\benv\.(DB|UPLOADS|STORE\w*)\b/.test(
        code(text),
      ),
    example: ["sweeps/x.ts", "const store = stores.get(region);"],
  },
  {
    name: "grants and tickets are made by their own modules only, not by a cast",
    breaks: (file, text) =>
      !/^(access\/authorize[a-z-]*|storage\/journal\/ticket)\.ts$/.test(file) &&
      /\bas (Grant|Granted\w+|\w+Grant|WriteTicket)\b/.test(code(text)),
    example: ["storage/r2/x.ts", "const bucket = row as GrantedBucket;"],
  },
  {
    name: "tickets to write are issued by the journal alone, so that no change escapes it",
    breaks: (file, text) =>
      !/^storage\/journal\/(journal|ticket)\.ts$/.test(file) && /\bissueTicket\b/.test(code(text)),
    example: ["operations/object/put-object.ts", 'const ticket = issueTicket({ writeId: "x" });'],
  },
  {
    name: "errors are S3Error with a code of the table; plain Error is for mistakes of ours, and never a string",
    breaks: (_file, text) => /\bthrow\s+["'`{]/.test(text.replace(/\/\*[\s\S]*?\*\//g, "")),
    example: ["operations/object/get-object.ts", 'throw "NoSuchKey";'],
  },
  {
    name: "no TODO without an issue",
    breaks: (_file, text) => /\b(TODO|FIXME|XXX)\b(?! *\(#\d+\))/.test(text),
    example: ["model/bucket.ts", "// TODO later"],
  },
];

/** `ListObjectsV2` → `list-objects-v2`. */
function kebab(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2")
    .toLowerCase()
    .replace(/-v-?2$/, "-v2");
}

function pairs(rules: Readonly<Record<string, readonly string[]>>): [place: string, other: string][] {
  return Object.entries(rules).flatMap(([place, others]) => others.map((other): [string, string] => [place, other]));
}

describe("imports", () => {
  it("reads imports of every form", () => {
    const text = [
      'import { a } from "./a.ts";',
      'import type { B } from "../model/b.ts";',
      'import {\n  c,\n  type D,\n} from "../errors.ts";',
      'import "./side-effect.ts";',
      'export { e } from "./e.ts";',
      'const f = await import("./f.ts");',
    ].join("\n");
    expect(importsOf(new Map([["auth/x.ts", text]])).map(({ target, isType }) => [target, isType])).toEqual([
      ["auth/a.ts", false],
      ["model/b.ts", true],
      ["errors.ts", false],
      ["auth/side-effect.ts", false],
      ["auth/e.ts", false],
      ["auth/f.ts", false],
    ]);
  });

  it("sees all of src", () => {
    expect(sources.size).toBeGreaterThan(120);
    expect(importsOf(sources).length).toBeGreaterThan(400);
  });

  it("follow the rules of the folders", () => {
    expect(forbiddenImports(sources)).toEqual([]);
  });

  it.each([
    ["model/x.ts", 'import { formatXml } from "../protocol/xml/writer.ts";'],
    ["model/x.ts", 'import type { Grant } from "../access/authorize.ts";'],
    ["protocol/x.ts", 'import { env } from "cloudflare:workers";'],
    ["protocol/x.ts", 'import { authenticate } from "../auth/authenticate.ts";'],
    ["protocol/xml/x.ts", 'import type { Objects } from "../../storage/r2/objects.ts";'],
    ["access/x.ts", 'import { parseQuery } from "../protocol/query.ts";'],
    ["access/x.ts", 'import type { Directory } from "../storage/d1/directory.ts";'],
    ["auth/x.ts", 'import { Directory } from "../storage/d1/directory.ts";'],
    ["auth/x.ts", 'import type { Grant } from "../access/authorize.ts";'],
    ["storage/r2/x.ts", 'import { formatETag } from "../../protocol/etag.ts";'],
    ["storage/d1/x.ts", 'import { claim } from "../../auth/request-claim.ts";'],
    ["storage/d1/x.ts", 'import type { Operation } from "../../operations/operation.ts";'],
    ["operations/object/x.ts", 'import { Objects } from "../../storage/r2/objects.ts";'],
    ["operations/object/x.ts", 'import { type Objects } from "../../storage/r2/objects.ts";'],
    ["operations/object/x.ts", 'import { authenticate } from "../../auth/authenticate.ts";'],
    ["operations/object/x.ts", 'import type { Env } from "../../env.ts";'],
    ["pipeline.ts", 'import type { Env } from "./env.ts";'],
    ["pipeline.ts", 'import { handleAdmin } from "./admin/router.ts";'],
    ["admin/x.ts", 'import { handleS3 } from "../pipeline.ts";'],
    ["admin/x.ts", 'import { OPERATIONS } from "../operations/index.ts";'],
    ["sweeps/x.ts", 'import { OPERATIONS } from "../operations/index.ts";'],
    ["response.ts", 'import { handleS3 } from "./pipeline.ts";'],
    ["checksum/x.ts", 'import { S3Error } from "../protocol/etag.ts";'],
    ["operations/bucket/x.ts", 'import { callTarget } from "../../outbound/fetch.ts";'],
    ["operations/bucket/x.ts", 'import { Destinations } from "../../delivery/destinations.ts";'],
    ["delivery/x.ts", 'import { openServices } from "../services.ts";'],
    ["pipeline.ts", 'import { deliver } from "./delivery/deliver.ts";'],
    ["cors/x.ts", 'import { GetObject } from "../operations/object/get-object.ts";'],
    ["sns/x.ts", 'import { Topics } from "../storage/d1/topics.ts";'],
    ["iam/x.ts", 'import { deliver } from "../delivery/deliver.ts";'],
    ["query-api/x.ts", 'import { Users } from "../storage/d1/users.ts";'],
    ["website/x.ts", 'import { authenticate } from "../auth/authenticate.ts";'],
    ["consumers/x.ts", 'import { Topics } from "../storage/d1/topics.ts";'],
    ["sweeps/x.ts", 'import { deliver } from "../delivery/deliver.ts";'],
  ])("are refused: %s with %s", (file, text) => {
    expect(forbiddenImports(new Map([[file, text]]))).toHaveLength(1);
  });

  it("form no circle, types included", () => {
    expect(circlesOf(importsOf(sources))).toEqual([]);
  });

  it("that form a circle are found", () => {
    const files = new Map([
      ["a.ts", 'import { b } from "./model/b.ts";'],
      ["model/b.ts", 'import { c } from "./c.ts";'],
      ["model/c.ts", 'import type { B } from "./b.ts";'],
    ]);
    expect(circlesOf(importsOf(files))).toEqual(["model/b.ts, model/c.ts"]);
  });

  it("use every permission: an unused one is to be removed from test/support/architecture-rules.ts", () => {
    const all = importsOf(sources);
    const isUsed = (importer: string, target: string, onlyAsType = false) =>
      importer === target ||
      all.some(
        (each) => within(each.file, [importer]) && within(each.target, [target]) && (each.isType || !onlyAsType),
      );
    const unused = [
      ...pairs(MAY_IMPORT).filter(([folder, target]) => !isUsed(folder, target)),
      ...pairs(MAY_IMPORT_TYPES).filter(([folder, target]) => !isUsed(folder, target, true)),
      ...pairs(IMPORTED_ONLY_BY).filter(([folder, importer]) => !isUsed(importer, folder)),
    ];
    expect(unused).toEqual([]);
  });

  it("never point upwards in the order of the layers", () => {
    const order = [
      "errors.ts",
      "model/",
      "checksum/",
      "protocol/",
      "auth/",
      "operations/",
      "pipeline.ts",
      "surface.ts",
    ];
    const rank = (path: string) => order.findIndex((place) => within(path, [place]));
    const upwards = importsOf(sources).filter(
      // An S3Error's type is part of the contract of a body, which is model.
      ({ file, target, isType }) => !isType && rank(file) >= 0 && rank(target) > rank(file),
    );
    expect(upwards).toEqual([]);
  });
});

describe("every file of src", () => {
  it.each(TEXT_RULES)("keeps: $name", ({ breaks }) => {
    expect([...sources].filter(([file, text]) => breaks(file, text)).map(([file]) => file)).toEqual([]);
  });

  it.each(TEXT_RULES)("can break: $name", ({ breaks, example }) => {
    expect(breaks(...example)).toBe(true);
  });

  it("leaves comments and strings out of what it judges as code", () => {
    const text = '/* new URL(x) */ // new URL(y)\nconst a = "new URL(z)"; const b = `any: any`;';
    expect(TEXT_RULES.filter(({ breaks }) => breaks("model/x.ts", text))).toEqual([]);
  });
});

describe("the schema", () => {
  it("has as its newest migration the one that /-/health asks for", () => {
    const newest = migrations
      .map((path) => path.replace(/^.*\//, ""))
      .sort()
      .at(-1);
    expect(NEWEST_MIGRATION).toBe(newest);
  });
});

describe("operations", () => {
  it("are all in the table, under their own names", () => {
    const names = OPERATION_NAMES.filter((name) => name !== "OptionsPreflight");
    expect(Object.keys(OPERATIONS).sort()).toEqual([...names].sort());
    for (const name of names) expect(Reflect.get(OPERATIONS, name).name).toBe(name);
  });

  it("are offered once each", () => {
    expect(new Set(OFFERED_NAMES).size).toBe(OFFERED_NAMES.length);
  });

  it("have a test file each, or one for their trio, or one for settings alike that lists them in its head", () => {
    const names = Object.keys(testFiles).map((path) => path.replace(/^.*\/(.*)\.test\.ts$/, "$1"));
    const heads = Object.values(testFiles).map((text) => /^\/\*\*.*?\*\//s.exec(String(text))?.[0] ?? "");
    const listed = new Set(heads.flatMap((head) => head.match(/\w+/g) ?? []));
    const missing = OFFERED_NAMES.filter((name) => {
      const topic = kebab(name).replace(/^(get|put|delete)-/, "");
      const isCovered = names.includes(kebab(name)) || names.includes(topic) || listed.has(name);
      return !isCovered;
    });
    expect(missing).toEqual([]);
  });
});
