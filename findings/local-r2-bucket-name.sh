#!/usr/bin/env bash
# wrangler 4.164.0 (miniflare 5.20261117.0-beta), local R2: an R2 binding without bucket_name keeps its objects under the binding's
# name (`r2/STORE` below the state folder). When bucket_name is added to the configuration, as a deployment needs it, the same
# binding opens `r2/<bucket_name>`, which is empty, without a word: what was stored is still on disk, and `get` answers null.
# Seen: "without a name: kept", then "with a name: null", then "without a name again: kept".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-fund --no-audit wrangler@4.164.0 node@22.23.3 >/dev/null
cat >unnamed.toml <<'TOML'
name = "w"
compatibility_date = "2026-11-01"
[[r2_buckets]]
binding = "STORE"
TOML
sed '$a bucket_name = "named-bucket"' unnamed.toml >named.toml
cat >try.mjs <<'JS'
import { getPlatformProxy } from "wrangler";
const [config, value] = process.argv.slice(2);
const { env, dispose } = await getPlatformProxy({ configPath: config, persist: { path: "state/v3" } });
if (value !== undefined) await env.STORE.put("key", value);
console.log(String((await (await env.STORE.get("key"))?.text()) ?? null));
await dispose();
JS
export WRANGLER_SEND_METRICS=false CLOUDFLARE_CF_FETCH_ENABLED=false
node=node_modules/.bin/node
first=$($node try.mjs unnamed.toml kept | tail -1)
second=$($node try.mjs named.toml | tail -1)
third=$($node try.mjs unnamed.toml | tail -1)
printf 'without a name: %s\nwith a name: %s\nwithout a name again: %s\n' "$first" "$second" "$third"
[ "$first $second $third" = "kept null kept" ]
