// Loaded before each script, because an older Node reports only an unknown file extension ".ts".
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `workers-s3 runs its scripts on Node 22.18 or newer, and this is ${process.versions.node}: ` +
      "`npm ci` installs one, which `npm start` and `npm run` then use.",
  );
  process.exit(1);
}

// Miniflare and esbuild are some seven megabytes of JavaScript, of which a start compiles the same parts each time.
require("node:module").enableCompileCache(require("node:path").join(__dirname, "../node_modules/.cache/node"));
