#!/usr/bin/env bash
# @cloudflare/vitest-pool-workers 0.23.0 with vitest 4.1.11: each time an instance of an entrypoint's class is made, the pool puts one
# more Proxy around the class's prototype, outside the Proxy of the instance before. So each access to the hundredth Durable Object
# of a run goes through a hundred proxies, and so does the hundredth request through `exports.default.fetch`, also if no test shares
# an object with another: a long run is the slower the longer it is.
# Seen: "100 objects: 100 proxies deep", "100 requests: 100 proxies deep".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm pkg set type=module >/dev/null
npm install --silent --no-fund --no-audit @cloudflare/vitest-pool-workers@0.23.0 vitest@4.1.11 node@22.23.3 >/dev/null
cat >wrangler.jsonc <<'JSON'
{
  "name": "w", "main": "worker.js", "compatibility_date": "2026-08-01",
  "durable_objects": { "bindings": [{ "name": "OBJECTS", "class_name": "One" }] },
  "migrations": [{ "tag": "v1", "new_sqlite_classes": ["One"] }]
}
JSON
cat >worker.js <<'JS'
import { DurableObject } from "cloudflare:workers";
export class One extends DurableObject {
  ping() {
    return "pong";
  }
}
export default { fetch: () => new Response("ok") };
JS
cat >vitest.config.js <<'JS'
import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";
export default defineConfig({
  plugins: [cloudflareTest({ wrangler: { configPath: "./wrangler.jsonc" } })],
  test: { include: ["depth.test.js"] },
});
JS
cat >depth.test.js <<'JS'
import { env, exports } from "cloudflare:workers";
import { test } from "vitest";

const depths = new WeakMap();
let deepest = 0;
globalThis.Proxy = new Proxy(Proxy, {
  construct(Original, [target, handler]) {
    const made = new Original(target, handler);
    depths.set(made, (depths.get(target) ?? 0) + 1);
    deepest = Math.max(deepest, depths.get(made));
    return made;
  },
});

test("objects", async () => {
  for (let number = 0; number < 100; number++) await env.OBJECTS.getByName(String(number)).ping();
  console.log(`100 objects: ${deepest} proxies deep`);
});

test("requests", async () => {
  deepest = 0;
  for (let number = 0; number < 100; number++) await (await exports.default.fetch("https://w.example/")).text();
  console.log(`100 requests: ${deepest} proxies deep`);
});
JS
seen=$(PATH="$folder/node_modules/.bin:$PATH" node_modules/.bin/vitest run 2>&1 | grep -o '100 .*: [0-9]* proxies deep' || true)
echo "$seen"
[ "$seen" = $'100 objects: 100 proxies deep\n100 requests: 100 proxies deep' ]
