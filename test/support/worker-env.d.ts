/** What `env` and `exports` of "cloudflare:workers" hold inside the worker tests. */
declare namespace Cloudflare {
  interface Env extends WorkerEnv {
    TEST_MIGRATIONS: { name: string; queries: string[] }[];
  }
  interface GlobalProps {
    mainModule: typeof import("../../src/index.ts");
  }
}

type WorkerEnv = import("../../src/env.ts").Env;
