/** Everything that could remove a locked version, or make it look removed. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Env } from "../../../src/env.ts";
import { digestOf } from "../../support/acl.ts";
import { expectError } from "../../support/errors.ts";
import { createUser } from "../../support/iam.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { concat, digestGet, MIB, md5, noise, putMultipart } from "../../support/multipart.ts";
import { createLockedBucket, DAY_MS, holdOf, inDays, putLock, putLocked } from "../../support/object-lock.ts";
import { type SendOptions, send } from "../../support/request.ts";
import { testEnv } from "../../support/s3.ts";
import { sweepFully } from "../../support/uploads.ts";
import { putMarker } from "../../support/versions.ts";
import { all, documentOf, fields } from "../../support/xml.ts";

keepObjectsInMemory();

const MODE = "x-amz-object-lock-mode";
const UNTIL = "x-amz-object-lock-retain-until-date";
const HOLD = "x-amz-object-lock-legal-hold";
const BYPASS = { "x-amz-bypass-governance-retention": "true" };
const PROTECTED = { message: "Access Denied because object protected by object lock." };

const locked = (mode: string, days = 30) => ({ [MODE]: mode, [UNTIL]: inDays(days) });
const HELD = { [HOLD]: "ON" };
const allow = (...actions: readonly string[]) => ({ Effect: "Allow", Action: actions, Resource: "*" });

const remove = (bucket: string, versionId: string, options: SendOptions = {}) =>
  send({ method: "DELETE", bucket, key: "k", query: `versionId=${versionId}`, ...options });

async function contentOf(bucket: string, versionId: string): Promise<string | number> {
  const response = await send({ bucket, key: "k", query: `versionId=${versionId}` });
  const text = await response.text();
  return response.status === 200 ? text : response.status;
}

/** Results of DeleteObjects by version: `deleted`, or a code and its message. */
async function removeAll(bucket: string, versionIds: readonly string[], options: SendOptions = {}) {
  const objects = versionIds.map((id) => `<Object><Key>k</Key><VersionId>${id}</VersionId></Object>`);
  const body = `<Delete>${objects.join("")}</Delete>`;
  const headers = { ...(await digestOf(body)), ...options.headers };
  const response = await send({ ...options, method: "POST", bucket, query: "delete", body, headers });
  const root = await documentOf(response, "DeleteResult");
  const results = new Map(versionIds.map((id) => [id, "none"]));
  for (const element of all(root, "Deleted")) results.set(fields(element).VersionId ?? "", "deleted");
  for (const element of all(root, "Error")) {
    const { VersionId = "", Code, Message } = fields(element);
    results.set(VersionId, `${Code}: ${Message}`);
  }
  return [...results.values()];
}

/** Puts versions with these locks, the last of which is current; their ids. */
async function putVersions(bucket: string, locks: readonly Record<string, string>[]): Promise<string[]> {
  const ids: string[] = [];
  for (const [index, lock] of locks.entries()) ids.push(await putLocked(bucket, "k", lock, `version ${index}`));
  return ids;
}

describe("DeleteObject of a locked version", () => {
  it.each([
    ["governance", 403, 204, locked("GOVERNANCE")],
    ["compliance", 403, 403, locked("COMPLIANCE")],
    ["a legal hold", 403, 403, HELD],
    ["governance and a legal hold", 403, 403, { ...locked("GOVERNANCE"), ...HELD }],
    ["governance and a hold that was taken", 403, 204, { ...locked("GOVERNANCE"), [HOLD]: "OFF" }],
    ["a hold that was taken", 204, 204, { [HOLD]: "OFF" }],
  ] as const)("under %s is answered %d, with the bypass %d", async (_name, without, withBypass, lock) => {
    const bucket = await createLockedBucket();
    // One noncurrent and one current version, removed without the bypass, and then with it.
    for (const [headers, status] of [
      [{}, without],
      [{ "x-amz-bypass-governance-retention": "false" }, without],
      [BYPASS, withBypass],
    ] as const) {
      const ids = await putVersions(bucket, [lock, lock]);
      for (const [index, id] of ids.entries()) {
        const response = await remove(bucket, id, { headers });
        if (status === 403) await expectError(response, 403, "AccessDenied", PROTECTED);
        else expect([response.status, response.headers.get("x-amz-version-id")]).toEqual([204, id]);
        expect(await contentOf(bucket, id)).toBe(status === 403 ? `version ${index}` : 404);
      }
    }
  });

  it("is refused to callers that ask for the bypass without s3:BypassGovernanceRetention, whatever the lock", async () => {
    const bucket = await createLockedBucket();
    const [governed = "", free = ""] = await putVersions(bucket, [locked("GOVERNANCE"), {}]);
    const { key: as } = await createUser([allow("s3:DeleteObjectVersion", "s3:DeleteObject")]);
    for (const id of [governed, free]) {
      await expectError(await remove(bucket, id, { headers: BYPASS, as }), 403, "AccessDenied");
    }
    await expectError(await remove(bucket, governed, { as }), 403, "AccessDenied", PROTECTED);
    expect((await remove(bucket, free, { as })).status).toBe(204);
    const { key: bypasses } = await createUser([allow("s3:DeleteObjectVersion", "s3:BypassGovernanceRetention")]);
    expect((await remove(bucket, governed, { headers: BYPASS, as: bypasses })).status).toBe(204);
  });

  it("is refused whatever condition comes with it", async () => {
    const bucket = await createLockedBucket();
    const [id = ""] = await putVersions(bucket, [locked("COMPLIANCE")]);
    const etag = (await send({ method: "HEAD", bucket, key: "k" })).headers.get("etag") ?? "";
    for (const headers of [{ "if-match": etag }, { "if-match": "*" }, { "x-amz-if-match-size": "9" }]) {
      await expectError(await remove(bucket, id, { headers }), 403, "AccessDenied", PROTECTED);
    }
    expect(await contentOf(bucket, id)).toBe("version 0");
  });
});

describe("DeleteObjects of locked versions", () => {
  const DENIED = `AccessDenied: ${PROTECTED.message}`;

  it("answers for each, with and without the bypass", async () => {
    const bucket = await createLockedBucket();
    const ids = await putVersions(bucket, [locked("GOVERNANCE"), locked("COMPLIANCE"), HELD, {}, locked("GOVERNANCE")]);
    const [governed = "", complied = "", held = "", , current = ""] = ids;
    expect(await removeAll(bucket, ids)).toEqual([DENIED, DENIED, DENIED, "deleted", DENIED]);
    const rest = [governed, complied, held, current];
    expect(await removeAll(bucket, rest, { headers: BYPASS })).toEqual(["deleted", DENIED, DENIED, "deleted"]);
    expect(await Promise.all(rest.map((id) => contentOf(bucket, id)))).toEqual([404, "version 1", "version 2", 404]);
  });

  it("refuses each key of a caller that asks for the bypass without its permission for the key", async () => {
    const bucket = await createLockedBucket();
    const ids = await putVersions(bucket, [locked("GOVERNANCE"), {}]);
    const { key: as } = await createUser([allow("s3:DeleteObjectVersion", "s3:DeleteObject")]);
    const refused = "AccessDenied: Access Denied";
    expect(await removeAll(bucket, ids, { headers: BYPASS, as })).toEqual([refused, refused]);
    const other = { ...allow("s3:BypassGovernanceRetention"), Resource: `arn:aws:s3:::${bucket}/other` };
    const { key: elsewhere } = await createUser([allow("s3:DeleteObjectVersion", "s3:DeleteObject"), other]);
    expect(await removeAll(bucket, ids, { headers: BYPASS, as: elsewhere })).toEqual([refused, refused]);
    expect(await removeAll(bucket, ids, { as })).toEqual([DENIED, "deleted"]);
  });
});

describe("a locked version stays", () => {
  const write = {
    PutObject: (bucket: string) => putLocked(bucket, "k", {}, "newer"),
    CopyObject: async (bucket: string) => {
      await putLocked(bucket, "other");
      const headers = { "x-amz-copy-source": `/${bucket}/other` };
      await send({ method: "PUT", bucket, key: "k", headers });
    },
    CompleteMultipartUpload: (bucket: string) => putMultipart({ bucket, key: "k" }, ["newer"]),
    "DeleteObject without a version": (bucket: string) => putMarker(bucket, "k"),
    "DeleteObjects without a version": async (bucket: string) => {
      const body = "<Delete><Object><Key>k</Key></Object></Delete>";
      await send({ method: "POST", bucket, query: "delete", body, headers: await digestOf(body) });
    },
  };

  it.each(Object.entries(write))("when %s takes its place", async (_name, replace) => {
    const bucket = await createLockedBucket();
    const [id = ""] = await putVersions(bucket, [{ ...locked("COMPLIANCE"), ...HELD }]);
    await replace(bucket);
    expect(await contentOf(bucket, id)).toBe("version 0");
    await expectError(await remove(bucket, id, { headers: BYPASS }), 403, "AccessDenied", PROTECTED);
    const head = await send({ method: "HEAD", bucket, key: "k", query: `versionId=${id}` });
    expect([head.headers.get(MODE), head.headers.get(HOLD)]).toEqual(["COMPLIANCE", "ON"]);
  });

  it("with its lock when a later version is deleted and it is current again", async () => {
    const bucket = await createLockedBucket();
    const [id = "", later = ""] = await putVersions(bucket, [locked("COMPLIANCE"), {}]);
    expect((await remove(bucket, later)).status).toBe(204);
    expect(await (await send({ bucket, key: "k" })).text()).toBe("version 0");
    await expectError(await remove(bucket, id, { headers: BYPASS }), 403, "AccessDenied", PROTECTED);
    const marker = await putMarker(bucket, "k");
    expect((await remove(bucket, marker)).status).toBe(204);
    await expectError(await remove(bucket, id, { headers: BYPASS }), 403, "AccessDenied", PROTECTED);
    expect(await contentOf(bucket, id)).toBe("version 0");
  });

  it("when its bucket is to be deleted, although only a delete marker is left to see", async () => {
    const bucket = await createLockedBucket();
    const [id = ""] = await putVersions(bucket, [HELD]);
    await putMarker(bucket, "k");
    await expectError(await send({ method: "DELETE", bucket }), 409, "BucketNotEmpty", {
      message: "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
      details: { BucketName: bucket },
    });
    expect(await contentOf(bucket, id)).toBe("version 0");
  });

  it("with its bytes after sweeps of blobs", async () => {
    const bucket = await createLockedBucket();
    const bodies = [noise(5 * MIB, 1), noise(10, 2)];
    await putMultipart({ bucket, key: "k" }, bodies, { "x-amz-checksum-algorithm": "CRC32", ...HELD });
    const uploaded = (await send({ method: "HEAD", bucket, key: "k" })).headers.get("x-amz-version-id") ?? "";
    const large = await putLocked(bucket, "k", locked("COMPLIANCE"), "x".repeat(1.5 * MIB));
    await putMarker(bucket, "k");
    await sweepFully();
    for (const [id, body] of [
      [uploaded, concat(bodies)],
      [large, "x".repeat(1.5 * MIB)],
    ] as const) {
      expect((await digestGet({ bucket, key: "k", query: `versionId=${id}` })).md5).toBe(md5(body));
    }
  });
});

describe("a lock that has ended", () => {
  afterEach(() => void vi.useRealTimers());

  it("lets the version be removed, unless it has a legal hold too", async () => {
    const bucket = await createLockedBucket();
    const held = { ...locked("COMPLIANCE", 1), ...HELD };
    const ids = await putVersions(bucket, [
      locked("COMPLIANCE", 1),
      locked("GOVERNANCE", 1),
      held,
      locked("GOVERNANCE", 3),
    ]);
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(Date.now() + 2 * DAY_MS);
    const answers = await Promise.all(ids.map((id) => remove(bucket, id)));
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 403, 403]);
    const [, , heldId = ""] = ids;
    expect((await putLock("legal-hold", { bucket, key: "k", versionId: heldId, body: holdOf("OFF") })).status).toBe(
      200,
    );
    expect((await remove(bucket, heldId)).status).toBe(204);
  });
});

describe("a removal and a lock at the same moment", () => {
  /** Bindings that do the work before the call of R2 with this number. */
  function during(call: number, work: () => Promise<unknown>): Env {
    let calls = 0;
    const STORE = new Proxy(testEnv.STORE, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return async (...parameters: unknown[]) => {
          if (calls++ === call) await work();
          return Reflect.apply(value, target, parameters) as unknown;
        };
      },
    });
    return { ...testEnv, STORE };
  }

  it.each([
    ["current", "lock"],
    ["current", "removal"],
    ["noncurrent", "lock"],
    ["noncurrent", "removal"],
  ])("of a %s version: at each step of the %s one of them comes first", async (which, first) => {
    const bucket = await createLockedBucket();
    const outcomes = new Set<string>();
    for (let call = 0; call < 7; call++) {
      const id = await putLocked(bucket, "k", {}, `step ${call}`);
      if (which === "noncurrent") await putLocked(bucket, "k", {}, "later");
      const lock = (env = testEnv) =>
        putLock("legal-hold", { bucket, key: "k", versionId: id, body: holdOf("ON"), env });
      let [locked, removed]: (Response | undefined)[] = [];
      if (first === "lock") {
        locked = await lock(during(call, async () => (removed = await remove(bucket, id))));
        removed ??= await remove(bucket, id);
      } else {
        removed = await remove(bucket, id, { env: during(call, async () => (locked = await lock())) });
        locked ??= await lock();
      }
      const found = await contentOf(bucket, id);
      const outcome = `lock ${locked?.status}, removal ${removed?.status}, ${found === 404 ? "gone" : "there"}`;
      expect(["lock 200, removal 403, there", "lock 404, removal 204, gone"]).toContain(outcome);
      outcomes.add(outcome);
      if (found !== 404) await putLock("legal-hold", { bucket, key: "k", versionId: id, body: holdOf("OFF") });
    }
    expect(outcomes.size).toBe(2);
  });
});
