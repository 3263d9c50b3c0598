/** Replication where the source, the destination or both keep versions. */
import { describe, expect, it } from "vitest";
import { contentMd5 } from "../../support/cors.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { arn, configureReplication, type RuleOptions } from "../../support/replication.ts";
import { replicator } from "../../support/replicator.ts";
import { type SendOptions, send as sendTo } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { setVersioning } from "../../support/versions.ts";
import { documentOf, textIn } from "../../support/xml.ts";

keepObjectsInMemory();

const world = replicator();
const send = (options: SendOptions) => sendTo({ env: world.env, ...options });

async function must(options: SendOptions, status = 200): Promise<Response> {
  const response = await send(options);
  if (response.status !== status) throw new Error(`${options.method}: ${response.status} ${await response.text()}`);
  return response;
}

type State = "never" | "Enabled" | "Suspended";

async function bucketWith(state: State): Promise<string> {
  const bucket = await createBucket();
  if (state !== "never") await setVersioning(bucket, state, { env: world.env });
  return bucket;
}

async function pair(source: State, target: State, rule: Partial<RuleOptions> = {}) {
  const [from, to] = [await bucketWith(source), await bucketWith(target)];
  await configureReplication(from, { destination: arn(to), deletes: "Enabled", ...rule });
  return { source: from, target: to };
}

async function put(bucket: string, key: string, body: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await must({ method: "PUT", bucket, key, body, headers });
  // The next write must not be in the same millisecond.
  await scheduler.wait(2);
  return response.headers.get("x-amz-version-id") ?? "";
}

async function remove(bucket: string, key: string, versionId?: string): Promise<string> {
  const query = versionId === undefined ? "" : `versionId=${versionId}`;
  const response = await must({ method: "DELETE", bucket, key, query }, 204);
  await scheduler.wait(2);
  return response.headers.get("x-amz-version-id") ?? "";
}

async function read(bucket: string, key: string, query = ""): Promise<string | number> {
  const response = await send({ bucket, key, query });
  const text = await response.text();
  return response.status === 200 ? text : response.status;
}

/** Contents of all versions, newest first; `marker` for a delete marker. */
async function versionsOf(bucket: string): Promise<(string | number)[]> {
  const root = await documentOf(await must({ bucket, query: "versions=" }), "ListVersionsResult");
  const listed = root.children.filter(({ name }) => name === "Version" || name === "DeleteMarker");
  return Promise.all(
    listed.map((element) => {
      if (element.name === "DeleteMarker") return "marker";
      return read(bucket, textIn(element, "Key") ?? "", `versionId=${textIn(element, "VersionId")}`);
    }),
  );
}

const statusOf = async (bucket: string, query = "") =>
  (await must({ method: "HEAD", bucket, key: "k", query })).headers.get("x-amz-replication-status");

async function tag(bucket: string, value: string, query = ""): Promise<void> {
  const body = `<Tagging><TagSet><Tag><Key>a</Key><Value>${value}</Value></Tag></TagSet></Tagging>`;
  await must({ method: "PUT", bucket, key: "k", query: `tagging=${query}`, body, headers: contentMd5(body) });
  await scheduler.wait(2);
}
const tagsOf = async (bucket: string) => (await must({ bucket, key: "k", query: "tagging=" })).text();

describe("replicas in a destination that keeps versions", () => {
  it.each<[State, State]>([
    ["never", "Enabled"],
    ["Enabled", "Enabled"],
    ["Suspended", "Enabled"],
    ["Enabled", "never"],
    ["Enabled", "Suspended"],
  ])("from a source %s into one %s: each replica is current, and what it replaces is kept", async (from, to) => {
    const { source, target } = await pair(from, to);
    for (const body of ["one", "two"]) {
      await put(source, "k", body);
      await world.settle();
    }
    expect(await read(target, "k")).toBe("two");
    expect(await versionsOf(target)).toEqual(to === "Enabled" ? ["two", "one"] : ["two"]);
    expect([await statusOf(source), await statusOf(target)]).toEqual(["COMPLETED", "REPLICA"]);
  });

  it("of versions written meanwhile, the last one; each has its status", async () => {
    const { source, target } = await pair("Enabled", "Enabled");
    const first = await put(source, "k", "one");
    await put(source, "k", "two");
    expect(await statusOf(source, `versionId=${first}`)).toBe("PENDING");
    await world.settle();
    expect(await versionsOf(target)).toEqual(["two"]);
    expect(await statusOf(source, `versionId=${first}`)).toBe("COMPLETED");
  });

  it("leave the status of their source as it is when no rule covers its changes any more", async () => {
    const { source } = await pair("Enabled", "Enabled");
    await put(source, "k", "one");
    await must({ method: "DELETE", bucket: source, query: "replication=" }, 204);
    await tag(source, "1");
    expect(await statusOf(source)).toBe("PENDING");
    await tag(source, "2");
    await world.settle();
    expect(await statusOf(source)).toBe("PENDING");
    await testEnv.DB.prepare("DELETE FROM replication_tasks WHERE bucket_id = (SELECT id FROM buckets WHERE name = ?1)")
      .bind(source)
      .run();
    expect(await statusOf(source)).toBe("COMPLETED");
  });

  it("keep a later version that was written there", async () => {
    const { source, target } = await pair("Enabled", "Enabled");
    await put(source, "k", "of the source");
    await put(target, "k", "of the destination");
    await world.settle();
    expect(await versionsOf(target)).toEqual(["of the destination"]);
  });

  it("do not take the place of a later delete marker", async () => {
    const { source, target } = await pair("Enabled", "Enabled");
    await put(source, "k", "of the source");
    await remove(target, "k");
    await world.settle();
    expect(await versionsOf(target)).toEqual(["marker"]);
    await put(source, "k", "later");
    await world.settle();
    expect(await versionsOf(target)).toEqual(["later", "marker"]);
  });

  it("are changed in place when tags or ACL change, and are not replaced by the same bytes", async () => {
    const { source, target } = await pair("Enabled", "Enabled");
    const first = await put(source, "k", "one");
    await put(source, "k", "two");
    await world.settle();
    await tag(source, "1");
    await world.settle();
    await must({
      method: "PUT",
      bucket: source,
      key: "k",
      query: "acl=",
      headers: { "x-amz-acl": "bucket-owner-read" },
    });
    await world.settle();
    expect([await tagsOf(target), await versionsOf(target)]).toEqual([await tagsOf(source), ["two"]]);
    expect(await statusOf(target)).toBe("REPLICA");
    await tag(source, "2", `&versionId=${first}`);
    await world.settle();
    expect([await tagsOf(target), await versionsOf(target)]).toEqual([await tagsOf(source), ["two"]]);
  });
});

describe("a delete marker of the source", () => {
  it("is made at a destination that keeps versions, and is a replica there", async () => {
    const { source, target } = await pair("Enabled", "Enabled");
    const further = await bucketWith("Enabled");
    await configureReplication(target, { destination: arn(further), deletes: "Enabled" });
    await put(source, "k", "one");
    await world.settle();
    await put(further, "k", "elsewhere");
    await remove(source, "k");
    await world.settle();
    expect([await versionsOf(target), await versionsOf(further)]).toEqual([["marker", "one"], ["elsewhere"]]);
    const row = await testEnv.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(target).first<{ id: string }>();
    const entry = await testEnv.STORE.head(`${row?.id}/k`);
    expect(JSON.parse(entry?.customMetadata?.s3 ?? "{}")).toMatchObject({ D: 1, p: "R" });
  });

  it("removes the replica from a destination that was never versioned", async () => {
    const { source, target } = await pair("Enabled", "never");
    await put(source, "k", "one");
    await world.settle();
    await remove(source, "k");
    await world.settle();
    expect(await versionsOf(target)).toEqual([]);
    await put(source, "k", "two");
    await world.settle();
    expect(await versionsOf(target)).toEqual(["two"]);
  });

  it("stays at the source if the rule replicates no removals, or another object is current at the destination", async () => {
    const silent = await pair("Enabled", "Enabled", { deletes: "Disabled" });
    const { source, target } = await pair("Enabled", "Enabled");
    for (const bucket of [silent.source, source]) await put(bucket, "k", "one");
    await world.settle();
    await put(target, "k", "of the destination");
    for (const bucket of [silent.source, source]) await remove(bucket, "k");
    await world.settle();
    expect(await versionsOf(silent.target)).toEqual(["one"]);
    expect(await versionsOf(target)).toEqual(["of the destination", "one"]);
  });

  it("that comes while the object is still waiting leaves nothing at the destination", async () => {
    const { source, target } = await pair("Enabled", "Enabled");
    await put(source, "k", "one");
    await remove(source, "k");
    await world.settle();
    expect(await versionsOf(target)).toEqual([]);
  });
});

describe("a removal before versioning", () => {
  it("is replicated, although the source has no delete marker", async () => {
    const { source, target } = await pair("never", "never");
    await put(source, "k", "one");
    await world.settle();
    await remove(source, "k");
    await setVersioning(source, "Enabled", { env: world.env });
    await world.settle();
    expect(await read(target, "k")).toBe(404);
  });
});

describe("a deletion by version id", () => {
  it.each<State>(["Enabled", "never"])("is never replicated, whatever becomes current: destination %s", async (to) => {
    const { source, target } = await pair("Enabled", to);
    await put(source, "k", "one");
    await world.settle();
    const second = await put(source, "k", "two");
    await world.settle();
    const kept = await versionsOf(target);
    await remove(source, "k", second);
    expect(world.events).toEqual([]);
    await world.settle();
    expect([await read(source, "k"), await versionsOf(target)]).toEqual(["one", kept]);
    // Nor by a change of the version that has become current, which is older than what the destination has.
    await tag(source, "1");
    await world.settle();
    expect(await versionsOf(target)).toEqual(kept);
    await put(source, "k", "three");
    await world.settle();
    expect(await read(target, "k")).toBe("three");
  });

  it("of the last version leaves the replica, and of a delete marker the marker", async () => {
    const { source, target } = await pair("Enabled", "Enabled");
    const only = await put(source, "k", "one");
    await world.settle();
    const marker = await remove(source, "k");
    await world.settle();
    await remove(source, "k", marker);
    await world.settle();
    expect([await read(source, "k"), await versionsOf(target)]).toEqual(["one", ["marker", "one"]]);
    await tag(source, "1");
    await remove(source, "k", only);
    await world.settle();
    expect([await versionsOf(source), await versionsOf(target)]).toEqual([[], ["marker", "one"]]);
  });
});
