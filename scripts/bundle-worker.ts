/** The Worker of `npm start` as wrangler bundles it: one module of code, and one with the console's files. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { buildConsolePack } from "./console-pack.ts";
import { projectRoot } from "./wrangler.ts";

export interface WorkerModules {
  readonly code: string;
  /** Imported as `PACK_NAME`. */
  readonly consolePack: Uint8Array<ArrayBuffer>;
}

export const PACK_NAME = "console.bin";

/** @param hasSourceMap for a debugger; without one, stack traces name functions and lines of the bundle */
export async function bundleWorker({ hasSourceMap }: { readonly hasSourceMap: boolean }): Promise<WorkerModules> {
  // An import would scan the package for its exports first.
  const { build, stop } = createRequire(import.meta.url)("esbuild") as typeof import("esbuild");
  const pack = buildConsolePack();
  const { outputFiles } = await build({
    entryPoints: [join(projectRoot, "src/local-entry.ts")],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    plugins: [
      {
        name: "console",
        setup: ({ onResolve }) => onResolve({ filter: /\.bin$/ }, () => ({ path: `./${PACK_NAME}`, external: true })),
      },
    ],
    sourcemap: hasSourceMap && "inline",
    sourcesContent: false,
    logLevel: "silent",
  });
  const consolePack = await pack;
  // Else its process would stay until the end of this one.
  await stop();
  const [file] = outputFiles;
  if (file === undefined) throw new Error("esbuild returned no bundle.");
  return { code: file.text, consolePack };
}
