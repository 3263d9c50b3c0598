/** Measures each case on all servers in turn, round by round, so that other work of the machine affects all equally. */
import { CASES, type RequestCase } from "./cases.ts";
import type { WireRequest } from "./connection.ts";
import type { PreparedRequest } from "./http-client.ts";
import { applyLoad, type Load } from "./load.ts";
import type { Refused, RequestResult, SideFigures, SideName } from "./results.ts";
import { type Side, sendAll, wire } from "./sides.ts";
import { quantile, round } from "./statistics.ts";
import { DEV_CASES } from "./targets.ts";

export interface RoundOptions {
  readonly rounds: number;
  readonly seconds: number;
}

const FIRST_COUNT = 100;
const MAX_COUNT = 5_000;

export async function measureCase(
  each: RequestCase,
  sides: readonly Side[],
  { rounds, seconds }: RoundOptions,
): Promise<RequestResult> {
  const runners = sides
    .filter(({ name }) => name !== "dev" || DEV_CASES.includes(each.name))
    .map((side) => new Runner(each, side));
  const durationMs = seconds * 1_000;
  for (const runner of runners) await runner.warmUp(durationMs / 2);
  for (let index = 0; index < rounds; index++) {
    // The second finds warmer caches, so the order alternates.
    for (const runner of index % 2 === 0 ? runners : runners.toReversed()) await runner.run(durationMs);
  }
  const { name, connections } = each;
  const figures = runners.map((runner): [SideName, SideFigures | Refused] => [runner.side.name, runner.figures()]);
  return { name, connections, sides: Object.fromEntries(figures) };
}

/** One case on one server. */
class Runner {
  readonly #case: RequestCase;
  readonly side: Side;
  readonly #loads: Load[] = [];
  #refused: string | undefined;
  #repeated: WireRequest[] | undefined;
  /** Of requests that have an effect once. */
  #used = 0;
  #perMs: number | undefined;

  constructor(each: RequestCase, side: Side) {
    this.#case = each;
    this.side = side;
  }

  async warmUp(durationMs: number): Promise<void> {
    await this.#attempt(async () => {
      await sendAll(this.side, this.#case.objects?.() ?? []);
      await this.#load(durationMs);
    });
  }

  async run(durationMs: number): Promise<void> {
    await this.#attempt(async () => {
      this.#loads.push(await this.#load(durationMs));
    });
  }

  /** Another server that fails is not asked again. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    if (this.#refused !== undefined) return;
    try {
      await work();
    } catch (error) {
      if (this.side.name === "floor" || this.side.name === "start") throw error;
      this.#refused = error instanceof Error ? error.message.replaceAll(/\s+/g, " ").slice(0, 200) : String(error);
    }
  }

  figures(): SideFigures | Refused {
    if (this.#refused !== undefined) return { refused: this.#refused };
    const latencies = this.#loads.flatMap(({ latenciesMs }) => latenciesMs);
    const cpuMs = this.#loads.map((load) => (load.cpuMs === undefined ? undefined : load.cpuMs / load.count));
    const known = cpuMs.filter((ms) => ms !== undefined).map((ms) => round(ms, 4));
    return {
      perSecond: this.#loads.map(({ count, tookMs }) => round((count * 1_000) / tookMs, 2)),
      ...(known.length === cpuMs.length && { cpuMs: known }),
      p50Ms: round(quantile(latencies, 0.5), 3),
      p99Ms: round(quantile(latencies, 0.99), 3),
    };
  }

  async #load(durationMs: number): Promise<Load> {
    const { connections, before, once } = this.#case;
    if (before === undefined || once === undefined) {
      this.#repeated ??= await wire(this.side, this.#requests());
      return applyLoad(this.side.server, { connections, requests: this.#repeated, durationMs });
    }
    const count = Math.min(MAX_COUNT, Math.ceil((this.#perMs ?? 0) * durationMs) || FIRST_COUNT);
    const indexes = Array.from({ length: count }, () => this.#used++);
    await sendAll(this.side, indexes.map(before));
    const load = await applyLoad(this.side.server, { connections, requests: await wire(this.side, indexes.map(once)) });
    this.#perMs = load.count / load.tookMs;
    return load;
  }

  #requests(): readonly PreparedRequest[] {
    const { requests, floorRequests } = this.#case;
    return this.side.name === "floor" ? (floorRequests ?? requests)() : requests();
  }
}

export function casesNamed(text: string): RequestCase[] {
  return CASES.filter(({ name }) => name.includes(text));
}
