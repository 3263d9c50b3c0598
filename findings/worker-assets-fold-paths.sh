#!/usr/bin/env bash
# miniflare 5.20261117.0-beta (workerd 1.20261117.1): static assets fold the paths of all requests, also those that the Worker is asked
# for first (`run_worker_first = true` in wrangler.toml, `invoke_user_worker_ahead_of_assets` here). The assets' router comes before the
# Worker and hands it another path than the client has sent: `/b/a/../c` arrives as `/b/c`, and `/b/.` as `/b/`. Without assets the same
# Worker sees paths as they were sent. A Worker that verifies signatures of raw paths (S3's Signature Version 4) cannot have assets.
# Seen: "without assets: /b/a/../c /b/." and "with assets: /b/c /b/".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-fund --no-audit miniflare@5.20261117.0-beta node@22.23.3 >/dev/null
mkdir public
echo page >public/index.html
cat >try.cjs <<'JS'
const { Miniflare, convertV4MiniflareOptions } = require("miniflare");
const { connect } = require("node:net");
const script = `export default { fetch: ({ url }) => new Response(url.slice(url.indexOf("/", 8))) };`;
const assets = {
  directory: "public",
  binding: "ASSETS",
  routerConfig: { has_user_worker: true, invoke_user_worker_ahead_of_assets: true },
};

// Clients of HTTP fold dot segments themselves.
const pathSeen = (port, path) =>
  new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () =>
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`),
    );
    socket.on("data", (data) => (answer += data));
    socket.on("error", reject);
    socket.on("close", () => resolve(/^\/\S*$/m.exec(answer)[0]));
  });

async function main() {
  for (const [name, more] of [["without assets", {}], ["with assets", { assets }]]) {
    const unsafeDirectSockets = [{ host: "127.0.0.1", port: 0 }];
    const worker = { name: "w", modules: true, script, compatibilityDate: "2026-11-01", unsafeDirectSockets, ...more };
    const miniflare = new Miniflare(convertV4MiniflareOptions({ cf: false, workers: [worker] }));
    const { port } = await miniflare.unsafeGetDirectURL("w");
    console.log(`${name}: ${await pathSeen(port, "/b/a/../c")} ${await pathSeen(port, "/b/.")}`);
    await miniflare.dispose();
  }
}
main();
JS
output=$(node_modules/.bin/node try.cjs)
printf '%s\n' "$output"
expected='without assets: /b/a/../c /b/.
with assets: /b/c /b/'
[ "$output" = "$expected" ]
