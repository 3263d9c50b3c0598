/** docs/architecture.md describes the source as it is: its folders, its paths and its rules of imports. */
import { describe, expect, it } from "vitest";
import page from "../../docs/architecture.md?raw";
import { formatPlaces, IMPORTED_ONLY_BY, MAY_IMPORT, MAY_IMPORT_TYPES } from "../support/architecture-rules.ts";

/** Paths of all files that the page can name, relative to the repository. */
const files = Object.keys(
  import.meta.glob(
    [
      "../../*.{md,toml,json,ts}",
      "../../{src,test,scripts,cli,bench,migrations,docs}/**/*.{ts,md,sql,cjs}",
      "../../console/**/*.{ts,tsx}",
      "../../.ci/run",
      "!../../**/node_modules/**",
    ],
    { query: "?raw" },
  ),
).map((path) =>
  path
    .replace(/^\.\.\/\.\.\//, "")
    .replace(/^\.\.\//, "test/")
    .replace(/^\.\//, "test/unit/"),
);

const texts = import.meta.glob("../../src/**/*.ts", { query: "?raw", import: "default", eager: true });

const sources = files.filter((file) => file.startsWith("src/")).map((file) => file.slice("src/".length));

/** Every folder of src, with a slash at the end. */
const folders = [
  ...new Set(
    sources.flatMap((file) => {
      const parts = file.split("/").slice(0, -1);
      return parts.map((_part, index) => `${parts.slice(0, index + 1).join("/")}/`);
    }),
  ),
].sort();

/** Cells of the rows whose first cell is a folder. */
function folderRows(text: string): string[][] {
  return [...text.matchAll(/^\| `([\w/-]+\/)` \|(.*)\|$/gm)].map(([, folder = "", rest = ""]) => [
    folder,
    ...rest.split("|").map((cell) => cell.trim()),
  ]);
}

/** Paths in backticks: relative to src, or to the repository. */
function pathsIn(text: string): string[] {
  return [...text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`\s]+)`/g)]
    .map(([, path = ""]) => path)
    .filter(
      (path) => /^[.\w-]+(\/[.\w-]+)*\/?$/.test(path) && (path.includes("/") || /\.(ts|md|toml|json)$/.test(path)),
    );
}

/** Written by a build. */
const BUILT = ["dist/console.bin"];

function exists(path: string): boolean {
  if (BUILT.includes(path)) return true;
  const candidates = [path, `src/${path}`];
  return candidates.some((each) =>
    files.some((file) => file === each || file.startsWith(each.endsWith("/") ? each : `${each}/`)),
  );
}

/** The third cell of a folder's row. */
function importsOf(folder: string): string {
  const values = formatPlaces(MAY_IMPORT[folder], folder);
  const types = formatPlaces(MAY_IMPORT_TYPES[folder]);
  return [values, types && `types of ${types}`].filter(Boolean).join("; ");
}

describe("docs/architecture.md", () => {
  it("has one row for each folder of src, in the order of the alphabet", () => {
    expect(folderRows(page).map(([folder]) => folder)).toEqual(folders);
  });

  it("gives each folder a purpose", () => {
    expect(folderRows(page).filter((cells) => cells.length !== 4 || cells[1] === "")).toEqual([]);
  });

  it("states what each folder may import, and who may import it, as in the rules", () => {
    const stated = folderRows(page).map(([folder, , imports, importers]) => [folder, imports, importers]);
    expect(stated).toEqual(
      folders.map((folder) => [folder, importsOf(folder), formatPlaces(IMPORTED_ONLY_BY[folder], folder)]),
    );
  });

  it("names every file at the top of src", () => {
    const top = sources.filter((file) => !file.includes("/"));
    expect(top.filter((file) => !page.includes(`\`${file}\``))).toEqual([]);
  });

  it("names every file that has a cache with a lifetime", () => {
    const caches = Object.entries(texts)
      .filter(([, text]) => /new TtlCache\b/.test(String(text)))
      .map(([path]) => path.replace("../../src/", ""));
    expect(caches.length).toBeGreaterThan(4);
    const [, section = ""] = page.split("\n## Caches\n");
    expect(caches.filter((file) => !section.includes(`\`${file}\``))).toEqual([]);
  });

  it("names only paths that exist", () => {
    expect(pathsIn(page).filter((path) => !exists(path))).toEqual([]);
    expect(pathsIn(page).length).toBeGreaterThan(60);
  });
});

describe("the checks above", () => {
  it("read the rows of folders", () => {
    expect(folderRows("| `access/acl/` | ACLs | `model` | |\n| `env.ts` | x | | |\n")).toEqual([
      ["access/acl/", "ACLs", "`model`", ""],
    ]);
  });

  it("read paths in src or in the repository, and none in samples of code", () => {
    expect(
      pathsIn("`pipeline.ts`, `storage/r2/` and `test/worker/x.test.ts`, but not `PutObject`\n```ts\n`a/b`\n```\n"),
    ).toEqual(["pipeline.ts", "storage/r2/", "test/worker/x.test.ts"]);
    expect(exists("pipeline.ts") && exists("src/pipeline.ts") && exists("storage/r2/") && exists("test/worker")).toBe(
      true,
    );
    expect(exists("storage/r3/") || exists("storage/r2/absent.ts")).toBe(false);
  });
});
