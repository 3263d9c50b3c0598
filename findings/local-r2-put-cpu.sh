#!/usr/bin/env bash
# miniflare 5.20261117.0-beta (workerd 1.20261117.1), local R2: a put takes more than twenty times the CPU of a get of the same object,
# some 31 to 34 ms for each MiB, of which MD5 is 3.5 ms. The simulator pipes a put's body through a TransformStream in JavaScript, for the
# digests, and workerd hands a native stream to such a stream in pieces of 4,096 bytes at most, however large the pieces are that
# were written. So each MiB is 256 calls with their promises; gets are piped without JavaScript.
# Seen: "pieces of 262144 bytes arrive as 4096", "put: 30.9 ms of CPU a MiB, get: 1.4 ms" (the second line differs by machine).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-fund --no-audit miniflare@5.20261117.0-beta workerd@1.20261117.1 node@22.23.3 >/dev/null
cat >try.mjs <<'JS'
import { execSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";

const script = `
const MIB = 1024 * 1024;
const acts = {
  async put(env) { await env.B.put("key", new Uint8Array(8 * MIB)); },
  async get(env) { await (await env.B.get("key")).arrayBuffer(); },
  async pieces() {
    const sizes = new Set();
    const { readable, writable } = new FixedLengthStream(MIB);
    const writer = writable.getWriter();
    const written = (async () => {
      for (let piece = 0; piece < 4; piece++) await writer.write(new Uint8Array(MIB / 4));
      await writer.close();
    })();
    const seen = new TransformStream({ transform(piece, out) { sizes.add(piece.byteLength); out.enqueue(piece); } });
    await new Response(readable.pipeThrough(seen)).arrayBuffer();
    await written;
    return [...sizes].join();
  },
};
export default {
  async fetch(request, env) {
    const [, act, times] = new URL(request.url).pathname.split("/");
    let said;
    for (let time = 0; time < Number(times); time++) said = await acts[act](env);
    return new Response(said);
  },
};`;
const options = { modules: true, script, compatibilityDate: "2026-11-01", r2Buckets: { B: "b" } };
const miniflare = new Miniflare(convertV4MiniflareOptions({ ...options, resourcePersistencePath: "state" }));
await miniflare.ready;
const pid = execSync(`pgrep -P ${process.pid} workerd`, { encoding: "utf8" }).trim().split("\n")[0];
const ask = async (path) => (await miniflare.dispatchFetch(`http://x/${path}`)).text();

/** Ticks of 10 ms, user and system. */
function ticks() {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

async function cpuOf(act, times) {
  await ask(`${act}/2`);
  const before = ticks();
  await ask(`${act}/${times}`);
  return ((ticks() - before) * 10) / (8 * times);
}

const pieces = await ask("pieces/1");
const put = await cpuOf("put", 10);
const get = await cpuOf("get", 40);
console.log(`pieces of 262144 bytes arrive as ${pieces}`);
console.log(`put: ${put.toFixed(1)} ms of CPU a MiB, get: ${get.toFixed(1)} ms`);
await miniflare.dispose();
process.exit(pieces === "4096" && put > 10 * get ? 0 : 1);
JS
node_modules/.bin/node try.mjs
