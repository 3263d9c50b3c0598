/**
 * Clients write, copy, complete, delete, tag and read one key at the same time, and what they are answered must be what one
 * request after the other would have been answered, in an order that agrees with time. A seeded scheduler decides in which order
 * R2 calls take effect; some requests end without an answer because their Worker stops at one of these calls.
 */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { Env } from "../../../src/env.ts";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { checkLinearizable } from "../../support/linearizability/checker.ts";
import {
  initialState,
  type KeyOperation,
  recordHistory,
  type Send,
  SOURCE_BODY,
  SOURCE_KEY,
} from "../../support/linearizability/clients.ts";
import { keyModel, type Versioning, withFoundIds } from "../../support/linearizability/object-model.ts";
import { type Random, randomFrom } from "../../support/linearizability/random.ts";
import { Scheduler } from "../../support/linearizability/scheduler.ts";
import { useMemory } from "../../support/memory-r2.ts";
import { type Callers, callersOf, sendToWorker, type WireRequest } from "../../support/model/wire.ts";
import { testEnv } from "../../support/s3.ts";

const setting = (name: string): string => String(Reflect.get(testEnv, name) ?? "");
const SEED = Number(setting("MODEL_SEED")) || 20_261_129;
const OPERATIONS = Number(setting("MODEL_OPERATIONS")) || 360;
const CLIENTS = 4;
const OF_CLIENT = 10;
/** Keys that are changed at the same time. */
const KEYS = 3;
const KINDS: readonly Versioning[] = ["never", "Enabled", "Suspended"];
/** One of so many requests ends without an answer. */
const DEATHS = 25;

const plainEnv = { ...testEnv, CONFIG_TTL_SECONDS: "600", REQUEST_LOG: "errors" };
let callers: Callers;

beforeAll(async () => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(console, "warn").mockImplementation(() => {});
  callers = callersOf(await rootAccount(), await createAccount("another"));
});

afterAll(() => void vi.restoreAllMocks());

/** Bindings of one client, whose Worker may stop at an R2 call: that one and all later ones of the request fail. */
class Client {
  readonly env: Env;
  readonly #random: Random;
  #callsLeft = Number.POSITIVE_INFINITY;
  #takesEffect = false;

  constructor(random: Random) {
    this.#random = random;
    const call = async (make: () => unknown): Promise<unknown> => {
      this.#callsLeft -= 1;
      if (this.#callsLeft > 0) return make();
      if (this.#callsLeft === 0 && this.#takesEffect) await make();
      throw new Error("the Worker has stopped");
    };
    const STORE = new Proxy(testEnv.STORE, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...parameters: unknown[]) => call(() => Reflect.apply(value, target, parameters));
      },
    });
    this.env = { ...plainEnv, STORE };
  }

  begin(mayDie: boolean): void {
    this.#callsLeft = mayDie && this.#random.chance(DEATHS) ? 1 + this.#random.below(5) : Number.POSITIVE_INFINITY;
    this.#takesEffect = this.#random.chance(2);
  }
}

async function newBucket(versioning: Versioning): Promise<string> {
  const bucket = `l${Date.now().toString(36)}-${versioning.toLowerCase()}`;
  const send = async (request: Omit<WireRequest, "by">) => {
    const { status, text } = await sendToWorker({ by: "owner", ...request }, callers, plainEnv);
    if (status !== 200) throw new Error(`${status} ${text}`);
  };
  await send({ method: "PUT", bucket });
  for (const status of versioning === "never" ? [] : ["Enabled", versioning]) {
    const body = `<VersioningConfiguration><Status>${status}</Status></VersioningConfiguration>`;
    await send({ method: "PUT", bucket, query: { versioning: "" }, body });
  }
  await send({ method: "PUT", bucket, key: SOURCE_KEY, body: SOURCE_BODY });
  return bucket;
}

function show(operations: readonly KeyOperation[]): string {
  return [...operations]
    .sort((left, right) => left.called - right.called)
    .map(
      ({ input, output, called, answered }) =>
        `${called}-${answered} ${JSON.stringify(input)} ${JSON.stringify(output)}`,
    )
    .join("\n");
}

interface Round {
  readonly operations: number;
  readonly unanswered: number;
  readonly failed: readonly string[];
}

/** A few keys of a bucket, each with clients of its own, under one scheduler. */
async function playRound(seed: number): Promise<Round> {
  const random = randomFrom(seed);
  const versioning = KINDS[seed % KINDS.length] ?? "never";
  const scheduler = new Scheduler(random.next);
  const useSimulator = useMemory(testEnv.STORE, scheduler.memory());
  const histories: (readonly KeyOperation[])[] = [];
  try {
    await scheduler.run(async () => {
      const bucket = await scheduler.request(() => newBucket(versioning));
      const play = async (number: number) => {
        const clients = Array.from({ length: CLIENTS }, () => new Client(random));
        const send: Send = ({ headers, ...request }, index) => {
          const client = clients[index];
          client?.begin(request.query?.versions === undefined && request.query?.uploads === undefined);
          const named = Object.entries(headers ?? {}).map(([name, value]) => [name, value.replace("{bucket}", bucket)]);
          const sent = { by: "owner", bucket, ...request, headers: Object.fromEntries(named) } as const;
          return scheduler.request(() => sendToWorker(sent, callers, client?.env ?? plainEnv));
        };
        histories.push(
          await recordHistory({
            key: `key-${number}`,
            versioning,
            clients: CLIENTS,
            operations: OF_CLIENT,
            random,
            send,
          }),
        );
      };
      await Promise.all(Array.from({ length: KEYS }, (_, number) => play(number)));
    });
  } finally {
    useSimulator();
  }
  const model = keyModel(initialState({ versioning }));
  const isLinearizable = (history: readonly KeyOperation[]) =>
    checkLinearizable(withFoundIds(history), model).isLinearizable || checkLinearizable(history, model).isLinearizable;
  const failed = histories.filter((history) => !isLinearizable(history));
  return {
    operations: histories.flat().length,
    unanswered: histories.flat().filter(({ output }) => output === undefined).length,
    failed: failed.map((history) => `MODEL_SEED=${seed}, ${versioning}\n${show(history)}`),
  };
}

it(`${OPERATIONS} requests of concurrent clients are answered as in some order of them`, {
  timeout: 7_200_000,
}, async () => {
  let [operations, unanswered, histories] = [0, 0, 0];
  for (let seed = SEED; operations < OPERATIONS; seed++) {
    const round = await playRound(seed);
    operations += round.operations;
    unanswered += round.unanswered;
    histories += KEYS;
    expect(round.failed.join("\n\n")).toBe("");
  }
  console.info(`${operations} operations in ${histories} histories, ${unanswered} without an answer`);
  expect(unanswered).toBeLessThan(operations / 10);
});
