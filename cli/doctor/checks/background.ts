/** Whether queues are consumed and schedules run, as the admin API shows it. */
import { type Check, fail, ok, skipped, warn } from "../check.ts";
import { unexpected, type World } from "../world.ts";

const POLL_MS = 1_000;
/** Consumers wait for more messages, up to 30 seconds for access logs (`max_batch_timeout` in wrangler.toml). */
const SLOW = "access-logs";
const SLOW_MS = 35_000;

interface Probes {
  readonly id: string;
  readonly sent: readonly string[];
  readonly refused: readonly string[];
}

const queues: Check = {
  name: "queues",
  sends:
    "`POST /-/admin/probes`, which sends a message to each of the six queues, and then looks for what their consumers noted",
  expects: "each queue's message is consumed within `--wait` seconds (45)",
  remedy:
    "Cloudflare's dashboard, Storage & databases > Queues: each queue of wrangler.toml needs the Worker as its consumer. `npm run deploy` sets it; " +
    "a queue may also have its delivery paused.",
  needs: ["admin-api"],
  async run(world) {
    if (world.facts === undefined) return skipped("the admin API does not offer it");
    const answer = await world.admin("POST", "/probes");
    if (answer.status !== 201) return unexpected(answer, "the admin API");
    const { id, sent, refused } = JSON.parse(answer.body.toString()) as Probes;
    world.undo(() => world.admin("DELETE", `/probes/${id}`));
    if (refused.length > 0) return fail(`${refused.join(", ")}: the queue refuses a message`);
    const missing = await awaitAll(world, id, sent);
    if (missing.length === 0) return ok(`${sent.length} queues are consumed`);
    const { waitMs } = world.options;
    const slow = waitMs < SLOW_MS && missing.length === 1 && missing[0] === SLOW;
    if (slow)
      return ok(
        `${sent.length - 1} queues are consumed; ${SLOW} waits up to 30 s for more messages, longer than --wait`,
      );
    return fail(`${missing.join(", ")}: no consumer within ${waitMs / 1000} s`);
  },
};

async function awaitAll(world: World, id: string, sent: readonly string[]): Promise<readonly string[]> {
  const end = Date.now() + world.options.waitMs;
  for (;;) {
    const answer = await world.admin("GET", `/probes/${id}`);
    const { handled = [] } = JSON.parse(answer.body.toString()) as { handled?: string[] };
    const missing = sent.filter((queue) => !handled.includes(queue));
    if (missing.length === 0 || Date.now() > end) return missing;
    await world.pause(POLL_MS);
  }
}

const MINUTE_MS = 60_000;
/** How often each runs, with what wrangler.toml says. */
const EVERY: Readonly<Record<string, readonly [minutes: number, cron: string]>> = {
  events: [1, "* * * * *"],
  lifecycle: [2, "*/2 * * * *"],
  inventories: [2, "1-59/2 * * * *"],
  sweeps: [10, "*/10 * * * *"],
};
/** A run may be late, and its clock another one. */
const SLACK_MS = 5 * MINUTE_MS;

const schedules: Check = {
  name: "schedules",
  sends: "nothing more: `GET /-/admin/deployment` shows the last run of each schedule",
  expects: "each has run within its interval and 5 minutes",
  remedy:
    "Cloudflare's dashboard, the Worker, Settings > Trigger Events: it needs the four schedules of wrangler.toml. `npm run deploy` sets them; a new " +
    "schedule may take 15 minutes to begin, and Workers Free allows an account five.",
  needs: ["admin-api"],
  async run(world) {
    if (world.facts === undefined) return skipped("the admin API does not offer it");
    const missing: string[] = [];
    const late: string[] = [];
    for (const [name, [minutes, cron]] of Object.entries(EVERY)) {
      const ranAt = world.facts.schedules[name] ?? null;
      const ageMs = ranAt === null ? undefined : Date.now() - Date.parse(ranAt);
      if (ageMs === undefined) missing.push(`${name} (${cron}) has not run yet`);
      else if (ageMs > minutes * MINUTE_MS + SLACK_MS) {
        late.push(`${name} (${cron}) ran ${Math.round(ageMs / MINUTE_MS)} minutes ago`);
      }
    }
    if (late.length > 0) return fail([...late, ...missing].join("\n"));
    if (missing.length === 0) return ok("all four run");
    // When the deployment was made is not known.
    return warn(["normal for 15 minutes after a deploy, and a fault later", ...missing].join("\n"));
  },
};

const SAMPLES = 5;

const latency: Check = {
  name: "latency",
  sends: `${SAMPLES} GETs of a small object, one after another`,
  expects: "only shown: the median, Cloudflare's data center, and the time of a D1 query in the Worker",
  remedy: "docs/deploy.md#latency",
  needs: ["bucket"],
  async run(world) {
    await world.put("latency", "x");
    const times: number[] = [];
    let ray = "";
    for (let sample = 0; sample < SAMPLES; sample++) {
      const { milliseconds, headers } = await world.get("latency", { query: `x-id=GetObject-${sample}` });
      times.push(milliseconds);
      ray = headers["cf-ray"] ?? "";
    }
    const median = times.sort((left, right) => left - right)[Math.floor(SAMPLES / 2)] ?? 0;
    const place = /-([A-Z]{3})$/.exec(ray)?.[1];
    const { facts } = world;
    const database =
      facts === undefined
        ? ""
        : `; D1 answers the Worker in ${facts.database.milliseconds} ms${inRegion(facts.database.region)}`;
    return ok(`GET in ${Math.round(median)} ms${place === undefined ? "" : ` by ${place}`}${database}`);
  },
};

function inRegion(region: string | null): string {
  return region === null ? "" : `, in ${region}`;
}

export const BACKGROUND: readonly Check[] = [latency, schedules, queues];
