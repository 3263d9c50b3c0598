/** `npm run bench:cost -- [--write]`: prints docs/scale.md from the counted units, the prices and the last measured CPU times. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../scripts/wrangler.ts";
import { formatScale } from "./cost/page.ts";
import type { Results } from "./results.ts";

const { values: options } = parseArgs({ options: { write: { type: "boolean", default: false } } });
const record = readFileSync(join(import.meta.dirname, "results.json"), "utf8");
const page = formatScale(JSON.parse(record) as Results);
if (options.write) writeFileSync(join(projectRoot, "docs/scale.md"), page);
else process.stdout.write(page);
