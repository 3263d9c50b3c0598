/**
 * Bindings of which every call passes one function. Layers compose: each takes the bindings of another one, and the calls pass
 * them from the outermost to the platform.
 */
import type { Env } from "../../../src/env.ts";

export interface Statement {
  readonly sql: string;
  readonly values: readonly unknown[];
}

export interface PlatformCall {
  /** Name of the binding: `STORE`, `DB`. */
  readonly binding: string;
  /** Of a Durable Object: the method of the object. */
  readonly method: string;
  readonly parameters: readonly unknown[];
  /** Of calls of D1. */
  readonly statements?: readonly Statement[];
  /** Of calls of a Durable Object: its name. */
  readonly object?: string;
}

/** @param make makes the call; it may be made with other parameters, later, twice or never */
export type Around = (
  call: PlatformCall,
  make: (parameters?: readonly unknown[]) => Promise<unknown>,
) => Promise<unknown>;

const BUCKET = /^(?:STORE(?:_[A-Z0-9_]+)?|ADOPT_[A-Z0-9_]+)$/;
const QUEUE = /^(?:EVENTS|DELIVERIES|RETRIES|REPLICATION|ACCESS_LOGS|DEAD_LETTERS|QUEUE_[A-Z0-9_]+)$/;
const BUCKET_CALLS = new Set(["head", "get", "put", "delete", "list"]);
const QUEUE_CALLS = new Set(["send", "sendBatch"]);
const STATEMENT_CALLS = new Set(["run", "all", "first", "raw"]);

export function isBucket(binding: string): boolean {
  return BUCKET.test(binding);
}

export function isQueue(binding: string): boolean {
  return QUEUE.test(binding);
}

export function interceptEnv(env: Env, around: Around): Env {
  const wrapped = Object.entries(env).map(([name, binding]: [string, unknown]) => [
    name,
    interceptBinding(name, binding, around),
  ]);
  return Object.fromEntries(wrapped) as Env;
}

/** The binding itself if it has no calls. */
export function interceptBinding(binding: string, inner: unknown, around: Around): unknown {
  if (typeof inner !== "object" || inner === null) return inner;
  if (isBucket(binding)) return wrapMethods(inner, BUCKET_CALLS, { binding, around });
  if (isQueue(binding)) return wrapMethods(inner, QUEUE_CALLS, { binding, around });
  if (binding === "DB") return wrapDatabase(inner as D1Database, around);
  return binding === "UPLOADS" ? wrapObjects(inner as DurableObjectNamespace, around) : inner;
}

function wrapMethods(
  inner: object,
  names: ReadonlySet<string>,
  { binding, around }: { readonly binding: string; readonly around: Around },
): object {
  return new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (!names.has(String(name))) return value.bind(target);
      return (...parameters: unknown[]) =>
        around({ binding, method: String(name), parameters }, async (others = parameters) =>
          Reflect.apply(value, target, others),
        );
    },
  });
}

const inners = new WeakMap<object, { readonly inner: D1PreparedStatement; readonly statement: Statement }>();

function wrapDatabase(db: D1Database, around: Around): D1Database {
  const calls = <Database extends D1Database | D1DatabaseSession>(database: Database): Database =>
    new Proxy(database, {
      get(target, name) {
        if (name === "prepare") {
          return (sql: string) => wrapStatement(target.prepare(sql), { sql, values: [] }, around);
        }
        if (name === "batch") {
          return (list: D1PreparedStatement[]) => {
            const known = list.map((each) => inners.get(each));
            const statements = known.flatMap((each) => (each === undefined ? [] : [each.statement]));
            return around({ binding: "DB", method: "batch", parameters: [list], statements }, async () =>
              target.batch(list.map((each, index) => known[index]?.inner ?? each)),
            );
          };
        }
        if (name === "withSession" && "withSession" in target) {
          return (constraint?: string) => calls(target.withSession(constraint));
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  return calls(db);
}

function wrapStatement(inner: D1PreparedStatement, statement: Statement, around: Around): D1PreparedStatement {
  const proxy = new Proxy(inner, {
    get(target, name) {
      if (name === "bind") {
        return (...values: unknown[]) => wrapStatement(target.bind(...values), { sql: statement.sql, values }, around);
      }
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (!STATEMENT_CALLS.has(String(name))) return value.bind(target);
      return (...parameters: unknown[]) =>
        around({ binding: "DB", method: String(name), parameters, statements: [statement] }, async () =>
          Reflect.apply(value, target, parameters),
        );
    },
  });
  inners.set(proxy, { inner, statement });
  return proxy;
}

function wrapObjects(namespace: DurableObjectNamespace, around: Around): DurableObjectNamespace {
  return new Proxy(namespace, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== "getByName") return value.bind(target);
      return (object: string) =>
        new Proxy(target.getByName(object), {
          get(stub, method) {
            const remote: unknown = Reflect.get(stub, method);
            if (typeof remote !== "function") return remote;
            return (...parameters: unknown[]) =>
              around({ binding: "UPLOADS", method: String(method), parameters, object }, async () =>
                Reflect.apply(remote, stub, parameters),
              );
          },
        });
    },
  });
}
