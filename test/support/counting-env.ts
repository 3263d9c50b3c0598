/** Bindings that count their calls, for the budgets of a request. */
import type { Env } from "../../src/env.ts";

export interface CallCounts {
  r2: number;
  d1: number;
  durableObject: number;
  queue: number;
}

const R2_METHODS = new Set(["head", "get", "put", "delete", "list", "createMultipartUpload", "resumeMultipartUpload"]);
const D1_STATEMENT_METHODS = new Set(["run", "all", "first", "raw"]);

/** How long isolates cache settings here: longer than a test lasts on a busy machine, since a budget is that of a warm one. */
const CONFIG_TTL_SECONDS = "600";

/** The same bindings behind counters. `log` holds the R2 calls as `method key`. */
export function countingEnv(env: Env): { env: Env; counts: CallCounts; log: string[]; reset(): void } {
  const counts: CallCounts = { r2: 0, d1: 0, durableObject: 0, queue: 0 };
  const log: string[] = [];
  const STORE = intercept(env.STORE, (name, parameters) => {
    if (!R2_METHODS.has(name)) return;
    counts.r2++;
    log.push(`${name} ${JSON.stringify(parameters[0] ?? null).slice(0, 120)}`);
  });
  const DB = new Proxy(env.DB, {
    get(target, name) {
      if (name === "prepare") return (query: string) => countStatement(target.prepare(query), counts);
      if (name === "batch") {
        return (statements: D1PreparedStatement[]) => {
          counts.d1++;
          return target.batch(statements.map((statement) => originals.get(statement) ?? statement));
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const UPLOADS = countStubs(env.UPLOADS, counts);
  const countQueue = <Q extends object>(queue: Q): Q =>
    intercept(queue, (name) => {
      if (name === "send" || name === "sendBatch") counts.queue++;
    });
  const reset = () => {
    Object.assign(counts, { r2: 0, d1: 0, durableObject: 0, queue: 0 });
    log.length = 0;
  };
  const { EVENTS, DELIVERIES, RETRIES, REPLICATION, DEAD_LETTERS } = env;
  const queues = {
    EVENTS: countQueue(EVENTS),
    DELIVERIES: countQueue(DELIVERIES),
    RETRIES: countQueue(RETRIES),
    REPLICATION: countQueue(REPLICATION),
    DEAD_LETTERS: countQueue(DEAD_LETTERS),
  };
  return { env: { ...env, ...queues, STORE, DB, UPLOADS, CONFIG_TTL_SECONDS }, counts, log, reset };
}

/** Each call of a method on one of the namespace's stubs is a call of a Durable Object. */
function countStubs<Namespace extends object>(namespace: Namespace, counts: CallCounts): Namespace {
  return new Proxy(namespace, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...parameters: unknown[]) => {
        const result: unknown = Reflect.apply(value, target, parameters);
        if (name !== "get" && name !== "getByName") return result;
        return intercept(result as object, () => {
          counts.durableObject++;
        });
      };
    },
  });
}

const originals = new WeakMap<object, D1PreparedStatement>();

function countStatement(statement: D1PreparedStatement, counts: CallCounts): D1PreparedStatement {
  const proxy = new Proxy(statement, {
    get(target, name) {
      if (name === "bind") return (...values: unknown[]) => countStatement(target.bind(...values), counts);
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (D1_STATEMENT_METHODS.has(String(name))) {
        return (...parameters: unknown[]) => {
          counts.d1++;
          return Reflect.apply(value, target, parameters);
        };
      }
      return value.bind(target);
    },
  });
  originals.set(proxy, statement);
  return proxy;
}

function intercept<Target extends object>(
  target: Target,
  onCall: (name: string, parameters: unknown[]) => void,
): Target {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name);
      if (typeof value !== "function") return value;
      return (...parameters: unknown[]) => {
        onCall(String(name), parameters);
        return Reflect.apply(value, object, parameters);
      };
    },
  });
}
