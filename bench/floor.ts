/** The program of the floor: `bare-worker.ts` in workerd on its own socket, with Miniflare's R2. Arguments: port, folder, bucket. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { transform } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { readWorkerConfig } from "../scripts/worker-config.ts";
import { projectRoot } from "../scripts/wrangler.ts";

const [port, folder = "", bucket = ""] = process.argv.slice(2);
const { compatibilityDate } = readWorkerConfig(join(projectRoot, "wrangler.toml"));
const source = readFileSync(join(import.meta.dirname, "bare-worker.ts"), "utf8");
const { code: script } = await transform(source, { loader: "ts" });
const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    unsafeTriggerHandlers: false,
    unsafeLocalExplorer: false,
    resourcePersistencePath: folder,
    workers: [
      // Miniflare sends its own port to the first worker.
      {
        name: "gate",
        modules: true,
        script: "export default { fetch: () => new Response(null, { status: 404 }) };",
        compatibilityDate,
      },
      {
        name: "bare",
        modules: true,
        script,
        compatibilityDate,
        r2Buckets: { STORE: bucket },
        unsafeDirectSockets: [{ host: "127.0.0.1", port: Number(port) }],
      },
    ],
  }),
);
await miniflare.ready;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => void miniflare.dispose().finally(() => process.exit()));
}
