/**
 * Setup of every file of the `worker` project: three habits of the pool that cost more time than the Worker's own work
 * (seen with @cloudflare/vitest-pool-workers 0.23). None is part of what a test can see.
 *
 * - Each Durable Object or entrypoint that is created puts one more Proxy around the prototype of its class, and each
 *   access goes through all of them: an object is slower than all that were created before it.
 * - Each call of a Durable Object asks Vitest's main process twice for the Worker's main module, which is loaded.
 * - Each `setTimeout` reads the caller's file from a stack trace, and each call of the platform has a timeout. The pool
 *   wants to know only who waits for no time at all.
 */
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

interface Loader {
  import(id: string): Promise<unknown>;
}

interface Isolate {
  readonly __vitest_mocker__: { readonly moduleRunner: Loader };
  readonly __vitest_worker__: { readonly providedContext: { readonly cloudflarePoolOptions: string } };
  readonly [NAME]?: MainModule;
  Proxy: ProxyConstructor;
  setTimeout: SetTimeout;
}

type SetTimeout = (callback: (...values: unknown[]) => void, ms?: number, ...values: unknown[]) => unknown;

interface MainModule {
  loaded: unknown;
}

const NAME = Symbol.for("workers-s3.main-module");

const isolate = globalThis as unknown as Isolate;

// A file that was changed is loaded again, in watch mode, for the next test file.
if (isolate[NAME] !== undefined) isolate[NAME].loaded = undefined;
else {
  wrapPrototypesOnce();
  setTimeoutsDirectly();
  Object.assign(isolate, { [NAME]: loadMainOnce() });
}

function loadMainOnce(): MainModule {
  const { moduleRunner } = isolate.__vitest_mocker__;
  const { main } = JSON.parse(isolate.__vitest_worker__.providedContext.cloudflarePoolOptions) as { main: string };
  const load = moduleRunner.import.bind(moduleRunner);
  const module: MainModule = { loaded: undefined };
  moduleRunner.import = async (id) => {
    if (id !== main) return load(id);
    module.loaded ??= await load(id);
    return module.loaded;
  };
  return module;
}

function wrapPrototypesOnce(): void {
  const wrapped = new WeakSet<object>();
  isolate.Proxy = new Proxy(Proxy, {
    construct(Original, [target, handler]: [object, ProxyHandler<object>]) {
      if (wrapped.has(target)) return target;
      const proxy = new Original(target, handler);
      if (isEntrypointPrototype(target)) wrapped.add(proxy);
      return proxy;
    },
  });
}

function isEntrypointPrototype(target: object): boolean {
  const isEntrypoint = target instanceof DurableObject || target instanceof WorkerEntrypoint;
  return isEntrypoint && Object.hasOwn(target, "constructor");
}

function setTimeoutsDirectly(): void {
  const { setTimeout: ofPool } = isolate;
  const { setTimeout: ofPlatform } = Object.getPrototypeOf(isolate) as Isolate;
  isolate.setTimeout = (callback, ms, ...values) =>
    ms === undefined || ms === 0 ? ofPool(callback, ms, ...values) : ofPlatform.call(isolate, callback, ms, ...values);
}
