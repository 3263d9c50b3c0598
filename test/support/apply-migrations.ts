import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";

// Storage is fresh per test file, so every file starts from the migrated schema and nothing else.
await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
