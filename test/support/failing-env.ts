/** Bindings of which one call fails, as if the platform or the Worker failed there. */
import { env as bindings } from "cloudflare:workers";
import type { Env } from "../../src/env.ts";

export interface Failure {
  /** Which call, counted over all bindings from 1. */
  readonly at: number;
  /** "before": the call is not made. "after": it is made, and its answer lost. */
  readonly when: "before" | "after";
  /** "once": only that call. "permanently": every later one as well, as if the Worker had stopped. */
  readonly lasting: "once" | "permanently";
}

/** `npm test` lets one of so many calls of a scenario fail, and the last one. */
const STRIDE = 4;

/**
 * Which of so many calls a test lets fail, counted from 1: all of them in `npm run test:failures`, and some of them in
 * `npm test`, others for each kind of failure.
 */
export function callsToFail(calls: number, { when, lasting }: Omit<Failure, "at">): number[] {
  const all = Array.from({ length: calls }, (_, index) => index + 1);
  if (Reflect.get(bindings, "ALL_FAILURES") === "1") return all;
  const offset = (when === "before" ? 0 : 1) + (lasting === "once" ? 2 : 0) + calls;
  return all.filter((at) => (at + offset) % STRIDE === 0 || at === calls);
}

const CALLS: Readonly<Record<string, ReadonlySet<string>>> = {
  STORE: new Set(["head", "get", "put", "delete", "list"]),
  ADOPT_PHOTOS: new Set(["head", "get", "put", "delete", "list", "createMultipartUpload"]),
  EVENTS: new Set(["send", "sendBatch"]),
  DELIVERIES: new Set(["send", "sendBatch"]),
  RETRIES: new Set(["send", "sendBatch"]),
  REPLICATION: new Set(["send", "sendBatch"]),
  ACCESS_LOGS: new Set(["send", "sendBatch"]),
  DEAD_LETTERS: new Set(["send", "sendBatch"]),
};
const UPLOAD = new Set(["uploadPart", "complete", "abort"]);
const STATEMENTS = new Set(["run", "all", "first", "raw"]);

/** `calls()` returns how many were made, so that a test can let each of them fail. */
export function failingEnv(env: Env, failure: Failure | undefined): { env: Env; calls(): number } {
  let made = 0;
  const call = async (make: () => unknown): Promise<unknown> => {
    made++;
    if (failure === undefined || made < failure.at) return make();
    if (made > failure.at) {
      if (failure.lasting === "permanently") throw new Error("the Worker has stopped");
      return make();
    }
    if (failure.when === "after") await make();
    throw new Error("internal error; simulated");
  };
  const guarded = <Binding extends object>(binding: Binding, names: ReadonlySet<string>): Binding =>
    new Proxy(binding, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        if (name === "resumeMultipartUpload") {
          return (...parameters: unknown[]) => guarded(Reflect.apply(value, target, parameters) as object, UPLOAD);
        }
        if (!names.has(String(name))) return value.bind(target);
        return (...parameters: unknown[]) => call(() => Reflect.apply(value, target, parameters));
      },
    });
  const originals = new WeakMap<object, D1PreparedStatement>();
  const statement = (inner: D1PreparedStatement): D1PreparedStatement => {
    const proxy = new Proxy(inner, {
      get(target, name) {
        if (name === "bind") return (...values: unknown[]) => statement(target.bind(...values));
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        if (!STATEMENTS.has(String(name))) return value.bind(target);
        return (...parameters: unknown[]) => call(() => Reflect.apply(value, target, parameters));
      },
    });
    originals.set(proxy, inner);
    return proxy;
  };
  const DB = new Proxy(env.DB, {
    get(target, name) {
      if (name === "prepare") return (query: string) => statement(target.prepare(query));
      if (name === "batch") {
        return (list: D1PreparedStatement[]) =>
          call(() => target.batch(list.map((each) => originals.get(each) ?? each)));
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const UPLOADS = new Proxy(env.UPLOADS, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...parameters: unknown[]) => {
        const result: unknown = Reflect.apply(value, target, parameters);
        if (name !== "get" && name !== "getByName") return result;
        return new Proxy(result as object, {
          get(stub, method) {
            const remote: unknown = Reflect.get(stub, method);
            if (typeof remote !== "function") return remote;
            return (...input: unknown[]) => call(() => Reflect.apply(remote, stub, input));
          },
        });
      };
    },
  });
  const others = Object.fromEntries(
    Object.entries(CALLS).map(([name, names]) => [name, guarded(Reflect.get(env, name) as object, names)]),
  );
  return { env: { ...env, ...others, DB, UPLOADS }, calls: () => made };
}
