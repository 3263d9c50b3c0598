/** Bindings that count their calls, for the budgets of a request, and what Cloudflare bills for those of D1, Durable Objects and queues. */
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

/** The calls of a request, and not those that it repeats. */
const UNLIMITED = { PLATFORM_LIMITS: "off" };

export interface CountingEnv {
  readonly env: Env;
  readonly counts: CallCounts;
  readonly billed: typeof NOTHING_BILLED;
  /** The R2 calls as `method key`. */
  readonly log: string[];
  reset(): void;
}

const NOTHING_BILLED = { d1RowsRead: 0, d1RowsWritten: 0, objectCalls: 0, queueMessages: 0 };

/** The same bindings behind counters. */
export function countingEnv(env: Env): CountingEnv {
  const counts: CallCounts = { r2: 0, d1: 0, durableObject: 0, queue: 0 };
  const billed = { ...NOTHING_BILLED };
  const log: string[] = [];
  const countBucket = (store: R2Bucket) =>
    intercept(store, (name, parameters) => {
      if (!R2_METHODS.has(name)) return;
      counts.r2++;
      log.push(`${name} ${JSON.stringify(parameters[0] ?? null).slice(0, 120)}`);
    });
  const STORE = countBucket(env.STORE);
  const adopted = Object.entries(env)
    .filter(([name]) => name.startsWith("ADOPT_"))
    .map(([name, store]: [string, unknown]) => [name, countBucket(store as R2Bucket)]);
  const onQuery: OnQuery = {
    called: () => {
      counts.d1++;
    },
    answered: ({ rows_read, rows_written }) => {
      billed.d1RowsRead += rows_read;
      billed.d1RowsWritten += rows_written;
    },
  };
  const DB = new Proxy(env.DB, {
    get(target, name) {
      if (name === "prepare") return (query: string) => countStatement(target.prepare(query), onQuery);
      if (name === "batch") {
        return async (statements: D1PreparedStatement[]) => {
          onQuery.called();
          const results = await target.batch(statements.map((statement) => originals.get(statement) ?? statement));
          for (const { meta } of results) onQuery.answered(meta);
          return results;
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const UPLOADS = countStubs(env.UPLOADS, () => {
    counts.durableObject++;
    billed.objectCalls++;
  });
  const countQueue = <Q extends object>(queue: Q): Q =>
    intercept(queue, (name, [first]) => {
      if (name !== "send" && name !== "sendBatch") return;
      counts.queue++;
      billed.queueMessages += name === "send" ? 1 : [...(first as Iterable<unknown>)].length;
    });
  const reset = () => {
    Object.assign(counts, { r2: 0, d1: 0, durableObject: 0, queue: 0 });
    Object.assign(billed, NOTHING_BILLED);
    log.length = 0;
  };
  const { EVENTS, DELIVERIES, RETRIES, REPLICATION, ACCESS_LOGS, DEAD_LETTERS } = env;
  const queues = {
    EVENTS: countQueue(EVENTS),
    DELIVERIES: countQueue(DELIVERIES),
    RETRIES: countQueue(RETRIES),
    REPLICATION: countQueue(REPLICATION),
    ACCESS_LOGS: countQueue(ACCESS_LOGS),
    DEAD_LETTERS: countQueue(DEAD_LETTERS),
  };
  return {
    env: { ...env, ...Object.fromEntries(adopted), ...queues, STORE, DB, UPLOADS, CONFIG_TTL_SECONDS, ...UNLIMITED },
    counts,
    billed,
    log,
    reset,
  };
}

/** Each call of a method on one of the namespace's stubs is a call of a Durable Object. */
function countStubs<Namespace extends object>(namespace: Namespace, onCall: () => void): Namespace {
  return new Proxy(namespace, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...parameters: unknown[]) => {
        const result: unknown = Reflect.apply(value, target, parameters);
        if (name !== "get" && name !== "getByName") return result;
        return intercept(result as object, onCall);
      };
    },
  });
}

const originals = new WeakMap<object, D1PreparedStatement>();

/** What a query calls, and what its answer says about rows. */
interface OnQuery {
  called(): void;
  answered(meta: D1Meta): void;
}

function countStatement(statement: D1PreparedStatement, onQuery: OnQuery): D1PreparedStatement {
  const proxy = new Proxy(statement, {
    get(target, name) {
      if (name === "bind") return (...values: unknown[]) => countStatement(target.bind(...values), onQuery);
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (!D1_STATEMENT_METHODS.has(String(name))) return value.bind(target);
      return async (...parameters: unknown[]) => {
        onQuery.called();
        if (name === "first") return firstOf(target, onQuery, parameters[0]);
        const result: unknown = await Reflect.apply(value, target, parameters);
        if (name !== "raw") onQuery.answered((result as D1Result).meta);
        return result;
      };
    },
  });
  originals.set(proxy, statement);
  return proxy;
}

/** As `first`, whose answer does not say how many rows were read. */
async function firstOf(statement: D1PreparedStatement, onQuery: OnQuery, column: unknown): Promise<unknown> {
  const { results, meta } = await statement.all();
  onQuery.answered(meta);
  const [row] = results;
  if (row === undefined) return null;
  return typeof column === "string" ? row[column] : row;
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
