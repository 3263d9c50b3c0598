/** What R2 shows only on Cloudflare: order of keys, storage classes, conditions on writes of the same bytes, customers' keys. */
import { createHash, randomBytes } from "node:crypto";
import { elementsOf } from "../blame.ts";
import { type Check, fail, ok, skipped, warn } from "../check.ts";
import { inGroups } from "../groups.ts";
import { codeOf, unexpected, type World } from "../world.ts";

/** In the order of their UTF-8 bytes, which is not that of UTF-16. */
const ORDERED = ["order/a", "order/z", "order/ü", "order/\uFFFD", "order/😀"];
const NESTED = ["pages/a/1", "pages/a/2", "pages/b", "pages/c/1", "pages/c/2", "pages/d"];

const listing: Check = {
  name: "listing",
  sends: "listings of keys up to and above U+FFFF, and pages of one entry through common prefixes",
  expects: "the order of UTF-8, each entry once, also if a page begins inside a common prefix",
  remedy: "R2 lists otherwise than documented. Report it with this output.",
  needs: ["bucket"],
  async run(world) {
    await inGroups([...ORDERED, ...NESTED], async (key) => void (await world.put(key, "x")));
    const ordered = await keysOf(world, "prefix=order%2F");
    if (ordered.join() !== ORDERED.join())
      return fail(`keys are listed as ${ordered.map((key) => JSON.stringify(key)).join(", ")}`);
    const seen: string[] = [];
    let after = "";
    for (let page = 0; page < 10; page++) {
      const start = after === "" ? "" : `&start-after=${encodeURIComponent(after)}`;
      const [entry] = await keysOf(world, `prefix=pages%2F&delimiter=%2F&max-keys=1${start}`);
      if (entry === undefined) break;
      seen.push(entry);
      after = entry;
    }
    const expected = ["pages/a/", "pages/b", "pages/c/", "pages/d"];
    if (seen.join() !== expected.join()) return fail(`pages of one entry are ${seen.join(", ")}`);
    const inside = await keysOf(world, "prefix=pages%2F&delimiter=%2F&start-after=pages%2Fa%2F1");
    if (inside.join() !== expected.slice(1).join()) return fail(`after pages/a/1 come ${inside.join(", ")}`);
    return ok("order and pages");
  },
};

/** Keys and common prefixes of a page, in their order. */
async function keysOf(world: World, query: string): Promise<string[]> {
  const answer = await world.expect({ query: `list-type=2&${query}` }, 200, "a listing");
  const xml = answer.body.toString();
  const prefixes = xml.match(/<CommonPrefixes>.*?<\/CommonPrefixes>/gs) ?? [];
  const found = [...elementsOf(xml, "Key"), ...prefixes.flatMap((element) => elementsOf(element, "Prefix"))];
  return prefixes.length === 0 ? found : found.sort();
}

const deletion: Check = {
  name: "delete-many",
  sends: "a DeleteObjects with 1,000 keys, of which 20 exist",
  expects: "200 with 1,000 keys deleted, and an empty listing",
  remedy: "Workers Free allows a request 1,000 calls. The answer names other reasons.",
  needs: ["bucket"],
  async run(world) {
    const keys = Array.from({ length: 1000 }, (_, index) => `many/${index}`);
    await inGroups(keys.slice(0, 20), async (key) => void (await world.put(key, "x")));
    const objects = keys.map((key) => `<Object><Key>${key}</Key></Object>`).join("");
    const answer = await world.expect(
      world.document("POST", "delete", `<Delete>${objects}</Delete>`),
      200,
      "DeleteObjects",
    );
    const deleted = answer.body.toString().match(/<Deleted>/g)?.length ?? 0;
    if (deleted !== keys.length) return fail(`${deleted} of 1,000 keys are deleted`);
    const left = await keysOf(world, "prefix=many%2F");
    return left.length === 0 ? ok("1,000 keys") : fail(`${left.length} deleted keys are still listed`);
  },
};

const storageClass: Check = {
  name: "storage-class",
  sends: "a PUT with `x-amz-storage-class: STANDARD_IA`, and a HEAD",
  expects: "the class in the answer",
  remedy: "R2's Infrequent Access does not take the object. Use STANDARD, and report it with this output.",
  needs: ["bucket"],
  async run(world) {
    const key = "infrequent";
    const headers = { "x-amz-storage-class": "STANDARD_IA" };
    const put = await world.send({ method: "PUT", key, body: "x", headers });
    if (put.status !== 200) return unexpected(put, "a PUT with STANDARD_IA");
    const head = await world.expect({ method: "HEAD", key }, 200, "HEAD");
    const shown = head.headers["x-amz-storage-class"];
    return shown === "STANDARD_IA" ? ok("STANDARD_IA") : fail(`the object has the class ${shown ?? "STANDARD"}`);
  },
};

const ROUNDS = 20;

const tagRace: Check = {
  name: "write-races",
  sends: `${ROUNDS} times at the same moment: a PUT of the same bytes with other metadata, and tags for the object; then a DELETE and tags`,
  expects: "the metadata of the PUT is never lost, and a deleted object stays deleted",
  remedy:
    "R2 does not compare `uploadedAfter` and `uploadedBefore` in milliseconds, or accepts them for a missing key: report it with this output, and do " +
    "not change tags or ACLs of objects that others write.",
  needs: ["bucket"],
  async run(world) {
    const tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
    const tag = (key: string) => world.send({ ...world.document("PUT", "tagging", tags), key });
    let lost = 0;
    let revived = 0;
    let slow = 0;
    await inGroups(
      Array.from({ length: ROUNDS }, (_, index) => `race/${index}`),
      async (key) => {
        await world.put(key, "same", { "x-amz-meta-round": "1" });
        const later = { method: "PUT", key, body: "same", headers: { "x-amz-meta-round": "2" } } as const;
        const [, put] = await Promise.all([tag(key), world.send(later)]);
        const head = await world.send({ method: "HEAD", key });
        if (put.status !== 200) slow++;
        else if (head.headers["x-amz-meta-round"] === "1") lost++;
        const [, removed] = await Promise.all([tag(key), world.send({ method: "DELETE", key })]);
        const after = await world.send({ method: "HEAD", key });
        if (removed.status === 204 && after.status !== 404) revived++;
      },
    );
    if (lost + revived > 0)
      return fail(`${lost} writes were lost and ${revived} deleted objects exist again, in ${ROUNDS} rounds`);
    return slow > ROUNDS / 2
      ? warn(`R2 refused ${slow} of ${ROUNDS} writes (SlowDown): the race was hardly tried`)
      : ok(`${ROUNDS} rounds`);
  },
};

const customerKeys: Check = {
  name: "customer-keys",
  sends: "a PUT and GETs with a customer's key (SSE-C): with the key, with another one, without",
  expects: "200 with the key, 403 or 400 otherwise",
  remedy: "A proxy removes or logs `x-amz-server-side-encryption-customer-…`: let these headers pass.",
  needs: ["bucket"],
  async run(world) {
    const { isTls } = world.destination;
    if (!isTls && !(world.isLocal && world.facts?.customerKeysOverHttp === true))
      return skipped("keys are not sent over http");
    const key = "customer-key";
    const put = await world.send({ method: "PUT", key, body: "secret", headers: keyHeaders(SECRET) });
    if (put.status !== 200) return unexpected(put, "a PUT with a customer's key");
    const got = await world.send({ key, query: "x-id=own", headers: keyHeaders(SECRET) });
    if (got.status !== 200 || got.body.toString() !== "secret") return unexpected(got, "a GET with the key");
    for (const headers of [keyHeaders(randomBytes(32)), {}]) {
      const refused = await world.send({ key, query: `x-id=${Object.keys(headers).length}`, headers });
      if (refused.status !== 403 && refused.status !== 400) {
        return fail(
          `a GET ${"x-amz-server-side-encryption-customer-key" in headers ? "with another key" : "without the key"} answers ${refused.status} ${codeOf(refused)}`,
        );
      }
    }
    return ok("SSE-C");
  },
};

const SECRET = randomBytes(32);

function keyHeaders(secret: Buffer): Readonly<Record<string, string>> {
  const start = "x-amz-server-side-encryption-customer";
  return {
    [`${start}-algorithm`]: "AES256",
    [`${start}-key`]: secret.toString("base64"),
    [`${start}-key-md5`]: createHash("md5").update(secret).digest("base64"),
  };
}

export const OBJECTS: readonly Check[] = [listing, deletion, storageClass, tagRace, customerKeys];
