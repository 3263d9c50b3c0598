/** Whether keys arrive as they were sent. */
import { elementsOf, seenPath } from "../blame.ts";
import { type Check, fail, ok } from "../check.ts";
import { inGroups } from "../groups.ts";
import { encodePath } from "../sign.ts";
import { codeOf, unexpected, type World } from "../world.ts";

interface Row {
  readonly what: string;
  /** Below the bucket, as it is sent. */
  readonly sent: string;
  readonly key: string;
  /** Signed as it is sent, as curl signs; else as the SDKs encode the key. */
  readonly isSignedAsSent?: true;
}

const row = (what: string, key: string, sent = encodePath(key)): Row => ({ what, key, sent });

export const ROWS: readonly Row[] = [
  row("two slashes", "paths/a//b"),
  row("a slash at the beginning", "/paths"),
  row("a slash at the end", "paths/folder/"),
  row("the segment .", "paths/./dot"),
  row("the segment ..", "paths/up/../dots"),
  row("the segment %2E%2E", "paths/escaped/../dots", "paths/escaped/%2E%2E/dots"),
  row("a segment of three dots", "paths/.../three"),
  { ...row("%2F", "paths/slash/x", "paths/slash%2Fx"), isSignedAsSent: true },
  row("a space at the end", "paths/space "),
  row("a space", "paths/a b"),
  row("+", "paths/a+b"),
  row("+ that is not escaped, which is a space", "paths/plain plus", "paths/plain+plus"),
  row("% before two digits", "paths/%41%2e"),
  row("%7E", "paths/til~de", "paths/til%7Ede"),
  row("escapes in lower case", "paths/ü", "paths/%c3%bc"),
  row("letters in both cases", "paths/CaSe/MiXeD"),
  row("letters in lower case", "paths/case/mixed"),
  row("a backslash", "paths/back\\slash"),
  row("brackets and braces", "paths/[x]{y}"),
  row("? and #", "paths/q?x=1#y"),
  row("; = , : @ & $ ! ' ( ) *", "paths/;=,:@&$!'()*"),
  row("quotes and angles", 'paths/"<x>"'),
  row("a letter above U+FFFF", "paths/😀"),
  row("a name with a dot at its end", "paths/end."),
  row("900 bytes", `paths/${"k".repeat(894)}`),
];

const NORMALIZATION =
  'Cloudflare\'s dashboard, Rules > Settings: turn "Normalize incoming URLs" off. Another proxy must pass the path unchanged ' +
  "(nginx: `merge_slashes off`, and `proxy_pass` without a path).";

const paths: Check = {
  name: "paths",
  sends: "a PUT and a GET of 25 kinds of keys: `//`, `.`, `..`, `%2F`, spaces, `+`, both cases, …; then a listing",
  expects: "each key is stored, read and listed as it was sent",
  remedy: NORMALIZATION,
  needs: ["bucket"],
  async run(world) {
    const faults = new Map<string, string>();
    await inGroups(ROWS, async (each) => {
      const fault = await tryRow(world, each);
      if (fault !== undefined) faults.set(each.what, fault);
    });
    const listed = await keysOf(world);
    for (const { what, key } of ROWS)
      if (!faults.has(what) && !listed.has(key)) faults.set(what, "is listed as another key");
    if (faults.size === 0) return ok(`${ROWS.length} kinds of keys`);
    const lines = ROWS.flatMap(({ what }) => (faults.has(what) ? [`${what}: ${faults.get(what)}`] : []));
    return fail([`${faults.size} of ${ROWS.length} kinds of keys are changed`, ...lines].join("\n"));
  },
};

async function tryRow(world: World, { sent, key, isSignedAsSent }: Row): Promise<string | undefined> {
  const path = `/${world.bucket}/${sent}`;
  const signedPath = isSignedAsSent ? path : `/${world.bucket}/${encodePath(key)}`;
  const request = { key, path, signedPath };
  const put = await world.send({ ...request, method: "PUT", body: `of ${key}` });
  const seen = codeOf(put) === "SignatureDoesNotMatch" ? seenPath(put) : undefined;
  if (seen !== undefined) return `${shorten(path, world)} arrives as ${shorten(seen, world)}`;
  if (put.status !== 200) return unexpected(put, "PUT").detail;
  const got = await world.send(request);
  if (got.status !== 200) return unexpected(got, "GET").detail;
  return got.body.toString() === `of ${key}` ? undefined : "the GET reads another object";
}

function shorten(path: string, { bucket }: World): string {
  return path.replace(`/${bucket}/`, "/BUCKET/").slice(0, 80);
}

async function keysOf(world: World): Promise<ReadonlySet<string>> {
  const { body } = await world.expect({ query: "list-type=2&encoding-type=url" }, 200, "a listing");
  return new Set(elementsOf(body.toString(), "Key").map((key) => decodeURIComponent(key.replaceAll("+", "%20"))));
}

export const PATHS: readonly Check[] = [paths];
