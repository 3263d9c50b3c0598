/**
 * The console as static files: `npm run build:console` writes them to dist/console. File names contain the hash of the
 * content, so that browsers may keep everything except index.html. The files have no settings in them.
 */

import { readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { projectRoot } from "./wrangler.ts";

const SOURCE = join(projectRoot, "console");
const ENTRIES = { main: "src/main.tsx", styles: "styles/main.css", icon: "icon.svg" };

/** Writes index.html and its files to `outdir`, which is emptied first; returns the size of all of them. */
export async function buildConsole(outdir: string = join(projectRoot, "dist/console")): Promise<number> {
  // An import would scan the package for its exports first.
  const { build } = createRequire(import.meta.url)("esbuild") as typeof import("esbuild");
  const { outputFiles, metafile } = await build({
    absWorkingDir: SOURCE,
    entryPoints: Object.values(ENTRIES),
    outdir,
    write: false,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    target: ["es2022", "chrome110", "firefox115", "safari16.4"],
    minify: true,
    metafile: true,
    entryNames: "assets/[name]-[hash]",
    chunkNames: "assets/[name]-[hash]",
    assetNames: "assets/[name]-[hash]",
    loader: { ".svg": "copy" },
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "silent",
  });
  const fileOf = (entry: string) => {
    const found = Object.entries(metafile.outputs).find(
      ([path, { entryPoint, inputs }]) => (entryPoint ?? Object.keys(inputs)[0]) === entry && !path.endsWith(".map"),
    );
    if (found === undefined) throw new Error(`esbuild returned no file for ${entry}.`);
    return `/assets/${basename(found[0])}`;
  };
  const page = readFileSync(join(SOURCE, "index.html"), "utf8")
    .replace("%SCRIPT%", fileOf(ENTRIES.main))
    .replace("%STYLES%", fileOf(ENTRIES.styles))
    .replace("%ICON%", fileOf(ENTRIES.icon));
  await rm(outdir, { recursive: true, force: true });
  await mkdir(join(outdir, "assets"), { recursive: true });
  await writeFile(join(outdir, "index.html"), page);
  for (const { path, contents } of outputFiles) await writeFile(path, contents);
  return outputFiles.reduce((sum, { contents }) => sum + contents.byteLength, page.length);
}

if (process.argv[1] === import.meta.filename) {
  const bytes = await buildConsole();
  console.log(`dist/console: ${bytes.toLocaleString("en")} bytes`);
}
