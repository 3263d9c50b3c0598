/** Whether answers are repeated that should not be. */
import { type Check, fail, ok, skipped, warn } from "../check.ts";
import { codeOf, type Received, unexpected } from "../world.ts";

const REMEDY =
  'Cloudflare\'s dashboard, Caching > Cache Rules and Rules > Page Rules: no rule with "Eligible for cache" or "Cache Everything" may match ' +
  "this host. Another proxy must not cache it either. What is private could be read by others.";

const cache: Check = {
  name: "cache",
  sends: "signed, presigned and anonymous GETs of one object, before and after it is overwritten and deleted",
  expects: "the new bytes after the overwrite, 404 after the deletion, 403 without a signature",
  remedy: REMEDY,
  needs: ["bucket"],
  async run(world) {
    const stale: string[] = [];
    // An extension that Cloudflare caches by default.
    const key = "cache/private.js";
    const link = world.presigned(key);
    const ways: readonly (readonly [string, () => Promise<Received>])[] = [
      ["a signed GET", () => world.send({ key })],
      ["a presigned GET", () => world.send({ key, path: link, by: "anonymous" })],
    ];
    const type = { "content-type": "text/javascript", "cache-control": "public, max-age=300" };
    for (const [name, get] of ways) {
      await world.put(key, "first", type);
      const first = await get();
      if (first.status !== 200) return unexpected(first, name);
      await world.put(key, "second", type);
      const second = await get();
      if (second.body.toString() !== "second")
        stale.push(`${name} after an overwrite answers the old object${traceOf(second)}`);
      await world.expect({ method: "DELETE", key }, 204, "DELETE");
      const third = await get();
      if (third.status === 200) stale.push(`${name} after a deletion answers the object${traceOf(third)}`);
    }
    await world.put(key, "third", type);
    // A client that asks by the path only.
    const anonymous = await world.send({ key, by: "anonymous" });
    if (anonymous.status === 200) stale.push(`an anonymous GET answers the private object${traceOf(anonymous)}`);
    const missing = "cache/missing.js";
    await world.send({ key: missing });
    await world.put(missing, "there", type);
    const found = await world.send({ key: missing });
    if (found.status !== 200) stale.push(`a 404 is repeated after the object was put${traceOf(found)}`);
    return stale.length === 0 ? ok("nothing is repeated") : fail(["answers are cached", ...stale].join("\n"));
  },
};

function traceOf({ headers }: Received): string {
  const traces = ["cf-cache-status", "age", "x-cache"].flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [`${name}: ${value.slice(0, 40)}`];
  });
  return traces.length === 0 ? "" : ` (${traces.join(", ")})`;
}

const edgeCache: Check = {
  name: "edge-cache",
  sends: "two anonymous GETs of a public object with `Cache-Control: max-age=60`, a range of it, and a signed GET",
  expects:
    'with `EDGE_CACHE = "public"`: the second one has `Age`; the range is 206 with `Content-Range`; the signed one has no `Age`',
  remedy: "docs/website.md#edge-caching says which answers are kept. On workers.dev the cache may not be available.",
  needs: ["bucket", "cache", "range"],
  async run(world) {
    if (world.facts === undefined) return skipped("the admin API did not answer");
    if (world.facts.edgeCacheSeconds === 0) return skipped('EDGE_CACHE is "off"');
    const key = "edge/public.txt";
    const headers = { "x-amz-acl": "public-read", "cache-control": "max-age=60" };
    const put = await world.send({ method: "PUT", key, body: "public", headers });
    if (put.status !== 200) return skipped(`new buckets refuse a public object (${codeOf(put)})`);
    const anonymous = () => world.send({ key, by: "anonymous" });
    const first = await anonymous();
    if (first.status !== 200) return unexpected(first, "an anonymous GET of a public object");
    let isKept = false;
    for (let attempt = 0; attempt < 3 && !isKept; attempt++) {
      await world.pause(500);
      isKept = (await anonymous()).headers.age !== undefined;
    }
    const part = await world.send({ key, by: "anonymous", unsignedHeaders: { range: "bytes=1-3" } });
    if (part.status !== 206 || part.headers["content-range"] === undefined)
      return fail("a range of a kept object is not 206");
    const signed = await world.send({ key });
    if (signed.headers.age !== undefined) return fail("a signed GET is answered from the cache");
    return isKept ? ok("the second GET has Age") : warn("no answer has Age: nothing is kept");
  },
};

export const CACHING: readonly Check[] = [cache, edgeCache];
