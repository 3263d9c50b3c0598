/** Replication between buckets of one deployment, in one region and across two. */
import { describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { contentMd5 } from "../../support/cors.ts";
import { EVERYTHING, setRules } from "../../support/events.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { checksumOf, MIB, md5, multipartETag, noise } from "../../support/multipart.ts";
import { arn, configureReplication, type RuleOptions } from "../../support/replication.ts";
import { replicator } from "../../support/replicator.ts";
import { type SendOptions, send as sendTo } from "../../support/request.ts";
import { testEnv } from "../../support/s3.ts";
import { documentOf, textIn } from "../../support/xml.ts";

keepObjectsInMemory();

const world = replicator();
const { env } = world;
const send = (options: SendOptions) => sendTo({ env, ...options });

let buckets = 0;

async function createBucket(region?: string): Promise<string> {
  const bucket = `replicated-${Date.now().toString(36)}-${buckets++}`;
  const body =
    region === undefined || region === "us-east-1"
      ? undefined
      : `<CreateBucketConfiguration><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`;
  const response = await send({ method: "PUT", bucket, ...(body !== undefined && { body }) });
  if (response.status !== 200) throw new Error(await response.text());
  return bucket;
}

async function pair(
  rule: Partial<RuleOptions> = {},
  region = "eu-west-1",
): Promise<{ source: string; target: string }> {
  const [source, target] = [await createBucket(), await createBucket(region)];
  await configureReplication(source, { destination: arn(target), ...rule });
  return { source, target };
}

async function must(options: SendOptions, status = 200): Promise<Response> {
  const response = await send(options);
  if (response.status !== status) throw new Error(`${options.method}: ${response.status} ${await response.text()}`);
  return response;
}

const put = (bucket: string, key: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
  must({ method: "PUT", bucket, key, body, headers });

async function uploadParts(bucket: string, key: string, parts: readonly Uint8Array[], headers = {}): Promise<void> {
  const created = await must({ method: "POST", bucket, key, query: "uploads=", headers });
  const uploadId = textIn(await documentOf(created, "InitiateMultipartUploadResult"), "UploadId") ?? "";
  const listed: string[] = [];
  for (const [index, body] of parts.entries()) {
    const query = `partNumber=${index + 1}&uploadId=${uploadId}`;
    await must({ method: "PUT", bucket, key, query, body });
    listed.push(`<Part><PartNumber>${index + 1}</PartNumber><ETag>${md5(body)}</ETag></Part>`);
  }
  const body = `<CompleteMultipartUpload>${listed.join("")}</CompleteMultipartUpload>`;
  await (await must({ method: "POST", bucket, key, query: `uploadId=${uploadId}`, body })).text();
}

const head = (bucket: string, key: string, query = "") =>
  send({ method: "HEAD", bucket, key, query, headers: { "x-amz-checksum-mode": "ENABLED" } });
const statusOf = async (bucket: string, key: string) =>
  (await head(bucket, key)).headers.get("x-amz-replication-status");

async function contentOf(bucket: string, key: string): Promise<string | number> {
  const response = await send({ bucket, key });
  if (response.status === 200) return response.text();
  await response.body?.cancel();
  return response.status;
}

const VARYING = ["date", "x-amz-request-id", "x-amz-id-2", "x-amz-replication-status", "vary"];

async function headersOf(bucket: string, key: string): Promise<Record<string, string>> {
  const response = await head(bucket, key);
  expect(response.status).toBe(200);
  return Object.fromEntries([...response.headers].filter(([name]) => !VARYING.includes(name)));
}

const aclOf = async (bucket: string, key: string) => (await must({ bucket, key, query: "acl=" })).text();
const tagsOf = async (bucket: string, key: string) => (await must({ bucket, key, query: "tagging=" })).text();

async function rows(bucket: string): Promise<{ status: string; attempts: number; last_error: string | null }[]> {
  const { results } = await testEnv.DB.prepare(
    "SELECT status, attempts, last_error FROM replication_tasks WHERE bucket_id = (SELECT id FROM buckets WHERE name = ?1)",
  )
    .bind(bucket)
    .all();
  return results as never;
}

const ALL_HEADERS = {
  "content-type": "text/plain; charset=utf-8",
  "cache-control": "max-age=60",
  "content-disposition": 'attachment; filename="a b.txt"',
  "content-encoding": "x-own",
  "content-language": "de, en",
  expires: "Thu, 01 Jan 2032 00:00:00 GMT",
  "x-amz-meta-plain": "value",
  "x-amz-meta-text": "=?UTF-8?B?w7zDtg==?=",
  "x-amz-storage-class": "STANDARD_IA",
  "x-amz-tagging": "a=1&b=two%20words",
  "x-amz-website-redirect-location": "/elsewhere",
  "x-amz-acl": "public-read",
};

describe.each(["us-east-1", "eu-west-1"])("replication into %s", (region) => {
  it("copies bytes, ETag, Last-Modified, headers, metadata, tags, ACL, storage class and checksum", async () => {
    const { source, target } = await pair({}, region);
    const checksum = { "x-amz-checksum-crc32c": await checksumOf("CRC32C", "content") };
    await put(source, "k", "content", { ...ALL_HEADERS, ...checksum });
    expect(await statusOf(source, "k")).toBe("PENDING");
    expect((await head(target, "k")).status).toBe(404);
    await world.settle();
    expect([await statusOf(source, "k"), await statusOf(target, "k")]).toEqual(["COMPLETED", "REPLICA"]);
    expect(await headersOf(target, "k")).toEqual(await headersOf(source, "k"));
    expect(await contentOf(target, "k")).toBe("content");
    expect(await tagsOf(target, "k")).toBe(await tagsOf(source, "k"));
    expect(await aclOf(target, "k")).toBe(await aclOf(source, "k"));
    expect(await rows(source)).toEqual([]);
  });

  it("shows the source's Last-Modified in listings", async () => {
    const { source, target } = await pair({}, region);
    await put(source, "k", "content");
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await world.settle();
    const listed = await (await send({ bucket: target })).text();
    const own = await (await send({ bucket: source })).text();
    const time = (text: string) => /<LastModified>[^<]*/.exec(text)?.[0];
    expect(time(listed)).toBe(time(own));
    expect(time(own)).toMatch(/T.*Z$/);
  });

  it("copies objects above 1 MiB whole", async () => {
    const { source, target } = await pair({}, region);
    const body = noise(3 * MIB, 7);
    await put(source, "k", body, { "content-type": "application/octet-stream" });
    await world.settle();
    const got = await send({ bucket: target, key: "k" });
    expect(got.headers.get("etag")).toBe(`"${md5(body)}"`);
    expect(md5(new Uint8Array(await got.arrayBuffer()))).toBe(md5(body));
    expect(await headersOf(target, "k")).toEqual(await headersOf(source, "k"));
  });

  it("keeps parts of different sizes, their ETag and their checksums", async () => {
    const { source, target } = await pair({}, region);
    const parts = [noise(5 * MIB + 1, 1), noise(6 * MIB, 2), noise(17, 3)];
    await uploadParts(source, "k", parts);
    await world.settle();
    const all = await headersOf(target, "k");
    expect(all).toEqual(await headersOf(source, "k"));
    expect(all.etag).toBe(`"${multipartETag(parts)}"`);
    for (const [index, part] of parts.entries()) {
      const got = await send({ bucket: target, key: "k", query: `partNumber=${index + 1}` });
      expect([got.status, got.headers.get("x-amz-mp-parts-count")]).toEqual([206, "3"]);
      expect(md5(new Uint8Array(await got.arrayBuffer()))).toBe(md5(part));
    }
  });

  it("leaves the destination readable once the source is overwritten and deleted", async () => {
    const { source, target } = await pair({}, region);
    await uploadParts(source, "k", [noise(5 * MIB, 1), noise(9, 2)]);
    await world.settle();
    await configureReplication(source, { destination: arn(target), status: "Disabled" });
    await put(source, "k", "other");
    await must({ method: "DELETE", bucket: source, key: "k" }, 204);
    await world.settle();
    const got = await send({ bucket: target, key: "k" });
    expect((await got.arrayBuffer()).byteLength).toBe(5 * MIB + 9);
  });
});

describe("replication", () => {
  it("applies to objects with the prefix and all tags of a rule, and to no others", async () => {
    const tag = (key: string) => `<Tag><Key>${key}</Key><Value>1</Value></Tag>`;
    const { source, target } = await pair({ filter: `<And><Prefix>a/</Prefix>${tag("x")}${tag("y")}</And>` });
    await put(source, "a/both", "1", { "x-amz-tagging": "x=1&y=1&z=1" });
    await put(source, "a/one", "1", { "x-amz-tagging": "x=1" });
    await put(source, "b/both", "1", { "x-amz-tagging": "x=1&y=1" });
    expect(await Promise.all(["a/both", "a/one", "b/both"].map((key) => statusOf(source, key)))).toEqual([
      "PENDING",
      null,
      null,
    ]);
    await world.settle();
    expect(await Promise.all(["a/both", "a/one", "b/both"].map((key) => contentOf(target, key)))).toEqual([
      "1",
      404,
      404,
    ]);
    // The object gets the tags later.
    const body =
      "<Tagging><TagSet><Tag><Key>x</Key><Value>1</Value></Tag><Tag><Key>y</Key><Value>1</Value></Tag></TagSet></Tagging>";
    await must({ method: "PUT", bucket: source, key: "a/one", query: "tagging=", body, headers: contentMd5(body) });
    await world.settle();
    expect(await contentOf(target, "a/one")).toBe("1");
  });

  it("uses the matching rule with the greatest priority if several name one destination", async () => {
    const [source, target] = [await createBucket(), await createBucket("eu-west-1")];
    const destination = arn(target);
    const tag = "<Tag><Key>x</Key><Value>1</Value></Tag>";
    await configureReplication(
      source,
      { destination, priority: 1, inDestination: "<StorageClass>REDUCED_REDUNDANCY</StorageClass>" },
      { destination, priority: 2, inDestination: "<StorageClass>STANDARD_IA</StorageClass>", filter: tag },
    );
    await put(source, "tagged", "1", { "x-amz-tagging": "x=1" });
    await put(source, "plain", "1");
    await world.settle();
    const classOf = async (key: string) => (await head(target, key)).headers.get("x-amz-storage-class");
    expect([await classOf("tagged"), await classOf("plain")]).toEqual(["STANDARD_IA", "REDUCED_REDUNDANCY"]);
  });

  it("replicates to several destinations, and is COMPLETED once all have it", async () => {
    const [source, one, two] = [await createBucket(), await createBucket(), await createBucket("eu-west-1")];
    await configureReplication(source, { destination: arn(one), priority: 1 }, { destination: arn(two), priority: 2 });
    await put(source, "k", "1");
    await world.spread();
    const second = world.wakes.pop();
    await world.replicate();
    expect(await statusOf(source, "k")).toBe("PENDING");
    if (second !== undefined) world.wakes.push(second);
    await world.replicate();
    expect(await statusOf(source, "k")).toBe("COMPLETED");
    expect([await contentOf(one, "k"), await contentOf(two, "k")]).toEqual(["1", "1"]);
  });

  it("ignores disabled rules, and shows no status for their objects", async () => {
    const { source, target } = await pair({ status: "Disabled" });
    await put(source, "k", "1");
    await world.settle();
    expect([await statusOf(source, "k"), await contentOf(target, "k")]).toEqual([null, 404]);
  });

  it("applies to copies, and to keys of every kind", async () => {
    const { source, target } = await pair();
    const keys = ["a//b", "ünï/日本/😀", "+ %20 & =", `${"long/".repeat(200)}key`];
    for (const key of keys) await put(source, key, key);
    await must({ method: "PUT", bucket: source, key: "copy", headers: { "x-amz-copy-source": `/${source}/a//b` } });
    await world.settle();
    for (const key of keys) expect(await contentOf(target, key)).toBe(key);
    expect(await contentOf(target, "copy")).toBe("a//b");
  });
});

describe("tags, ACL and owner", () => {
  it("are copied when only they change; the object's Last-Modified and ETag stay", async () => {
    const { source, target } = await pair();
    await put(source, "k", "1");
    await world.settle();
    const body = "<Tagging><TagSet><Tag><Key>n</Key><Value>v</Value></Tag></TagSet></Tagging>";
    await must({ method: "PUT", bucket: source, key: "k", query: "tagging=", body, headers: contentMd5(body) });
    await must({ method: "PUT", bucket: source, key: "k", query: "acl=", headers: { "x-amz-acl": "public-read" } });
    expect(await statusOf(source, "k")).toBe("PENDING");
    await world.settle();
    expect(await statusOf(source, "k")).toBe("COMPLETED");
    expect(await headersOf(target, "k")).toEqual(await headersOf(source, "k"));
    expect(await tagsOf(target, "k")).toContain("<Key>n</Key>");
    expect(await aclOf(target, "k")).toBe(await aclOf(source, "k"));
  });

  it("of a replica that were changed at the destination are replaced only by newer ones", async () => {
    const { source, target } = await pair();
    await put(source, "k", "1");
    await world.settle();
    const tag = (value: string) => `<Tagging><TagSet><Tag><Key>t</Key><Value>${value}</Value></Tag></TagSet></Tagging>`;
    const setTag = (bucket: string, value: string) =>
      must({ method: "PUT", bucket, key: "k", query: "tagging=", body: tag(value), headers: contentMd5(tag(value)) });
    await setTag(source, "older");
    await new Promise((resolve) => setTimeout(resolve, 5));
    await setTag(target, "of the destination");
    await world.settle();
    expect(await tagsOf(target, "k")).toContain("of the destination");
    await new Promise((resolve) => setTimeout(resolve, 5));
    await setTag(source, "newer");
    await world.settle();
    expect(await tagsOf(target, "k")).toContain("newer");
  });

  it("AccessControlTranslation gives replicas to the destination's owner", async () => {
    const [source, target] = [await createBucket(), await createBucket("eu-west-1")];
    const other = await createAccount();
    const { results } = await testEnv.DB.prepare("SELECT account_id AS id FROM buckets WHERE name = ?1")
      .bind(source)
      .all();
    const account = String(results[0]?.id);
    const translation = `<Account>${account}</Account><AccessControlTranslation><Owner>Destination</Owner></AccessControlTranslation>`;
    await configureReplication(source, { destination: arn(target), inDestination: translation });
    const acl = { "x-amz-acl": "public-read-write" };
    await must({ method: "PUT", bucket: source, query: "acl=", headers: acl });
    await must({ method: "PUT", bucket: source, key: "k", body: "1", as: other });
    await world.settle();
    expect(await aclOf(source, "k")).toContain(other.canonicalId);
    expect(await aclOf(target, "k")).not.toContain(other.canonicalId);
  });

  it("public grants are not copied if the destination blocks them", async () => {
    const { source, target } = await pair();
    const block =
      "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>";
    await must({
      method: "PUT",
      bucket: target,
      query: "publicAccessBlock=",
      body: block,
      headers: contentMd5(block),
    });
    await put(source, "k", "1", { "x-amz-acl": "public-read" });
    await world.settle();
    expect(await contentOf(target, "k")).toBe("1");
    expect(await aclOf(target, "k")).not.toContain("AllUsers");
  });
});

describe("removals", () => {
  it("are replicated only if the rule enables it", async () => {
    const carried = await pair({ deletes: "Enabled" });
    const kept = await pair();
    for (const { source } of [carried, kept]) {
      await put(source, "a", "1");
      await put(source, "b", "1");
    }
    await world.settle();
    for (const { source } of [carried, kept]) {
      await must({ method: "DELETE", bucket: source, key: "a" }, 204);
      const body = "<Delete><Object><Key>b</Key></Object></Delete>";
      await must({ method: "POST", bucket: source, query: "delete=", body, headers: contentMd5(body) });
    }
    await world.settle();
    expect([await contentOf(carried.target, "a"), await contentOf(carried.target, "b")]).toEqual([404, 404]);
    expect([await contentOf(kept.target, "a"), await contentOf(kept.target, "b")]).toEqual(["1", "1"]);
    const listed = await (await send({ bucket: carried.target })).text();
    expect(listed).not.toContain("<Contents>");
  });

  it("do not remove later writes at the destination", async () => {
    const { source, target } = await pair({ deletes: "Enabled" });
    await put(source, "k", "of the source");
    await world.settle();
    await must({ method: "DELETE", bucket: source, key: "k" }, 204);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await put(target, "k", "of the destination");
    await world.settle();
    expect(await contentOf(target, "k")).toBe("of the destination");
    expect(await rows(source)).toEqual([]);
  });

  it("do not remove an object that was written again, whichever task runs first", async () => {
    for (const reverse of [false, true]) {
      const { source, target } = await pair({ deletes: "Enabled" });
      await put(source, "k", "1");
      await world.settle();
      await must({ method: "DELETE", bucket: source, key: "k" }, 204);
      await put(source, "k", "2");
      await world.spread();
      if (reverse) world.wakes.reverse();
      await world.replicate();
      expect(await contentOf(target, "k")).toBe("2");
    }
  });
});

describe("order", () => {
  it("does not matter: every order of a key's tasks, and every repetition, ends with the last state", async () => {
    const { source, target } = await pair();
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ];
    for (const [round, order] of orders.entries()) {
      const key = `k${round}`;
      for (const body of ["1", "2", "3"]) await put(source, key, body);
      await world.spread();
      const wakes = world.wakes.splice(0);
      for (const index of [...order, ...order]) {
        const wake = wakes[index];
        if (wake !== undefined) world.wakes.push(wake);
        await world.replicate();
      }
      expect(await contentOf(target, key)).toBe("3");
    }
    expect(await rows(source)).toEqual([]);
  });

  it("an older object never replaces a newer one, and a newer one replaces an older", async () => {
    const { source, target } = await pair();
    await put(source, "k", "older");
    await new Promise((resolve) => setTimeout(resolve, 5));
    await put(target, "k", "newer");
    await world.settle();
    expect(await contentOf(target, "k")).toBe("newer");
    expect([await statusOf(source, "k"), await statusOf(target, "k")]).toEqual(["COMPLETED", null]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await put(source, "k", "newest");
    await world.settle();
    expect(await contentOf(target, "k")).toBe("newest");
  });

  it("a message that arrives twice creates one task", async () => {
    const { source } = await pair();
    await put(source, "k", "1");
    const [message] = structuredClone(world.events);
    await world.spread();
    if (message !== undefined) world.events.push(message);
    await world.spread();
    expect(await rows(source)).toHaveLength(1);
    await world.settle();
  });
});

describe("two buckets that replicate to each other", () => {
  it("end up with the same objects, and do not send replicas back", async () => {
    const [one, two] = [await createBucket(), await createBucket("eu-west-1")];
    await configureReplication(one, { destination: arn(two), deletes: "Enabled" });
    await configureReplication(two, { destination: arn(one), deletes: "Enabled" });
    await put(one, "only-one", "1");
    await put(two, "only-two", "2");
    await put(one, "both", "from one");
    await new Promise((resolve) => setTimeout(resolve, 5));
    await put(two, "both", "from two");
    await world.spread();
    expect(world.wakes).toHaveLength(4);
    await world.replicate();
    // Replicas are changes too, but no rule replicates them.
    await world.spread();
    expect(world.wakes).toHaveLength(0);
    for (const bucket of [one, two]) {
      expect(await Promise.all(["only-one", "only-two", "both"].map((key) => contentOf(bucket, key)))).toEqual([
        "1",
        "2",
        "from two",
      ]);
    }
    expect(await statusOf(one, "both")).toBe("REPLICA");
    await must({ method: "DELETE", bucket: one, key: "both" }, 204);
    await world.settle();
    expect([await contentOf(one, "both"), await contentOf(two, "both")]).toEqual([404, 404]);
    expect(world.wakes).toHaveLength(0);
  });
});

/** Only of writes: a removal leaves no time to compare an older write with (docs/replication.md, "Conflicts"). */
describe("any interleaving", () => {
  /** Mulberry32: a seed gives the same choices in every run. */
  function chance(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
    };
  }

  it.each([1, 2, 3, 4, 5, 6])("of writes and tasks ends with two equal buckets (seed %i)", async (seed) => {
    const pick = chance(seed);
    const sides = [await createBucket(), await createBucket("eu-west-1")] as const;
    await configureReplication(sides[0], { destination: arn(sides[1]), deletes: "Enabled" });
    await configureReplication(sides[1], { destination: arn(sides[0]), deletes: "Enabled" });
    const keys = ["a", "b"];
    for (let step = 0; step < 25; step++) {
      const acts = Array.from({ length: 1 + pick(4) }, async () => {
        const [bucket, key] = [sides[pick(2)] ?? "", keys[pick(2)] ?? ""];
        switch (pick(4)) {
          case 0:
            return world.spread();
          case 1: {
            // Some messages arrive late, and in any order.
            const kept = world.wakes.splice(pick(world.wakes.length + 1));
            await world.replicate().catch(() => {});
            world.wakes.unshift(...kept);
            return;
          }
          default:
            return void (await send({ method: "PUT", bucket, key, body: `${step} ${pick(1000)}` }));
        }
      });
      await Promise.all(acts);
    }
    for (let round = 0; round < 10 && world.events.length + world.wakes.length > 0; round++) await world.settle();
    const states = await Promise.all(
      sides.map((bucket) => Promise.all(keys.map(async (key) => [key, await contentOf(bucket, key)]))),
    );
    expect(states[1]).toEqual(states[0]);
    for (const bucket of sides) expect(await rows(bucket)).toEqual([]);
    for (const key of keys) {
      const [one, two] = await Promise.all(sides.map((bucket) => head(bucket, key)));
      expect(two?.headers.get("last-modified")).toBe(one?.headers.get("last-modified"));
    }
  });
});

describe("notifications of the destination", () => {
  it("report replicas like other writes and removals", async () => {
    const { source, target } = await pair({ deletes: "Enabled" });
    await setRules(target, { notification: [EVERYTHING] });
    await put(source, "k", "content");
    await world.spread();
    await world.replicate();
    await must({ method: "DELETE", bucket: source, key: "k" }, 204);
    const reported = world.events.splice(0, 1);
    await world.spread();
    await world.replicate();
    reported.push(...world.events.splice(0));
    expect(reported.map(({ origin, changes }) => [origin.bucket.name, changes[0]?.event, changes[0]?.key])).toEqual([
      [target, "ObjectCreated:Put", "k"],
      [target, "ObjectRemoved:Delete", "k"],
    ]);
    expect(reported[0]?.changes[0]).toMatchObject({ etag: md5("content"), sizeBytes: 7, replicate: [] });
  });
});
