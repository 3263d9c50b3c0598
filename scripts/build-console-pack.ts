/** Writes `dist/console.bin`, which the Worker imports: the build step of wrangler.toml. */
import { writeConsolePack } from "./console-pack.ts";

await writeConsolePack();
