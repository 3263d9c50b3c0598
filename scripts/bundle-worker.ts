/** The Worker of `npm start` as one module, as wrangler bundles it. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { projectRoot } from "./wrangler.ts";

/** @param hasSourceMap for a debugger; without one, stack traces name functions and lines of the bundle */
export async function bundleWorker({ hasSourceMap }: { readonly hasSourceMap: boolean }): Promise<string> {
  // An import would scan the package for its exports first.
  const { build, stop } = createRequire(import.meta.url)("esbuild") as typeof import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [join(projectRoot, "src/local-entry.ts")],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    sourcemap: hasSourceMap && "inline",
    sourcesContent: false,
    logLevel: "silent",
  });
  // Else its process would stay until the end of this one.
  await stop();
  const [file] = outputFiles;
  if (file === undefined) throw new Error("esbuild returned no bundle.");
  return file.text;
}
