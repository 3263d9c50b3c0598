/**
 * Two changes of one object at the same moment, both acknowledged: what is there afterwards is what one after the other
 * would have left, in some order. `npm run test:races` makes 200 rounds of each pair and prints the figures.
 */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { completionDocument, createUpload, noise, putPart } from "../../support/multipart.ts";
import { encode, putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { unlimitedEnv } from "../../support/worker.ts";

keepObjectsInMemory();

const ROUNDS = Number(Reflect.get(testEnv, "RACE_ROUNDS"));

interface Target {
  readonly bucket: string;
  readonly key: string;
}

/** How an object is stored, and the headers with which PutObject stores it so. */
const KINDS = {
  "a small object": { body: noise(1000), headers: {} },
  "an object above 1 MiB": { body: noise(1_200_000), headers: {} },
  "an object behind a manifest": { body: noise(1_200_000), headers: { "x-amz-storage-class": "STANDARD_IA" } },
} as const;
type Kind = (typeof KINDS)[keyof typeof KINDS];

interface State {
  readonly status: number;
  readonly meta: string | null;
  readonly isPublic: boolean;
  readonly tag: string | undefined;
  readonly etag: string | null;
}

async function stateOf(target: Target): Promise<State> {
  const [head, anonymous, tagging] = await Promise.all([
    send({ method: "HEAD", ...target }),
    send({ method: "HEAD", ...target, as: null }),
    send({ ...target, query: "tagging" }),
  ]);
  return {
    status: head.status,
    meta: head.headers.get("x-amz-meta-a"),
    isPublic: anonymous.status === 200,
    tag: /<Value>(.*)<\/Value>/.exec(await tagging.text())?.[1],
    etag: head.headers.get("etag"),
  };
}

/** Resolves to whether the change was acknowledged; 404, 409 and 412 say that it was not made. */
type Change = (target: Target, kind: Kind, round: number) => Promise<boolean>;

async function isAcknowledged(answer: Promise<Response>): Promise<boolean> {
  const response = await answer;
  const text = await response.text();
  if (![200, 204, 404, 409, 412].includes(response.status)) throw new Error(`${response.status} ${text}`);
  return response.ok;
}

function change(
  method: string,
  target: Target,
  headers: Record<string, string>,
  query = "",
  body?: Uint8Array | string,
) {
  const request = { method, ...target, headers, ...(query !== "" && { query }), ...(body !== undefined && { body }) };
  // R2's limit of one write a second would keep apart what is to meet here.
  return isAcknowledged(send({ ...request, env: unlimitedEnv }));
}

const putTag =
  (name: string): Change =>
  (target, _kind, round) => {
    const body = `<Tagging><TagSet><Tag><Key>a</Key><Value>${name}${round}</Value></Tag></TagSet></Tagging>`;
    const digest = createHash("md5").update(body).digest("base64");
    return change("PUT", target, { "content-md5": digest }, "tagging", body);
  };
const tag = putTag("tag");
const close: Change = (target) => change("PUT", target, { "x-amz-acl": "private" }, "acl");
const open: Change = (target) => change("PUT", target, { "x-amz-acl": "public-read" }, "acl");
const put: Change = (target, { body, headers }) =>
  change("PUT", target, { ...headers, "x-amz-meta-a": "new" }, "", body);
const remove: Change = (target) => change("DELETE", target, {});
/** With new metadata and the present tags. */
const copy: Change = (target, { headers }) =>
  change("PUT", target, {
    ...headers,
    "x-amz-copy-source": `/${target.bucket}/${encode(target.key)}`,
    "x-amz-metadata-directive": "REPLACE",
    "x-amz-meta-a": "new",
  });
const reclass: Change = (target) =>
  change("PUT", target, {
    "x-amz-copy-source": `/${target.bucket}/${encode(target.key)}`,
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
  });

/** Two changes, and what must be so if both were acknowledged, the tags and grants of the beginning being gone or not. */
interface Race {
  readonly one: Change;
  readonly other: Change;
  readonly isRight: (after: State, acknowledged: { one: boolean; other: boolean }, round: number) => boolean;
  /** Both are acknowledged: no request has to give up for so few rivals. */
  readonly bothHold?: true;
}

const RACES: Readonly<Record<string, Race>> = {
  "PutObjectAcl and PutObjectTagging": {
    one: close,
    other: tag,
    isRight: (after, _, round) => !after.isPublic && after.tag === `tag${round}`,
    bothHold: true,
  },
  "PutObject of the same bytes and PutObjectTagging": {
    one: put,
    other: tag,
    isRight: (after, _, round) =>
      after.meta === "new" && !after.isPublic && [undefined, `tag${round}`].includes(after.tag),
    bothHold: true,
  },
  "PutObject of the same bytes and PutObjectAcl": {
    one: put,
    other: open,
    isRight: (after) => after.meta === "new" && after.tag === undefined,
    bothHold: true,
  },
  "CopyObject onto itself and PutObjectTagging": {
    one: copy,
    other: tag,
    isRight: (after, _, round) => after.meta === "new" && after.tag === `tag${round}` && !after.isPublic,
    bothHold: true,
  },
  "CopyObject onto itself and PutObject of the same bytes": {
    one: reclass,
    other: put,
    isRight: (after) => after.meta === "new" && after.tag === undefined,
    bothHold: true,
  },
  "PutObjectTagging and PutObjectTagging": {
    one: tag,
    other: putTag("other"),
    isRight: (after, _, round) => [`tag${round}`, `other${round}`].includes(after.tag ?? "") && after.isPublic,
    bothHold: true,
  },
  "DeleteObject and PutObjectTagging": {
    one: remove,
    other: tag,
    isRight: (after, { one }) => one && after.status === 404,
  },
  "DeleteObject and CopyObject onto itself": {
    one: remove,
    other: copy,
    isRight: (after, { one }) => one && after.status === 404,
  },
};

const lost: Record<string, number> = {};

beforeAll(() => {
  // A log line for each of thousands of requests.
  vi.spyOn(console, "log").mockImplementation(() => {});
});

async function runRounds(name: string, kind: Kind, makeRound: (target: Target, round: number) => Promise<boolean>) {
  const bucket = await createBucket();
  lost[name] = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const target = { bucket, key: `k${round % 5}` };
    await putObject(bucket, target.key, kind.body, {
      headers: { ...kind.headers, "x-amz-acl": "public-read", "x-amz-tagging": "a=old", "x-amz-meta-a": "old" },
    });
    if (!(await makeRound(target, round))) lost[name]++;
  }
  expect(lost[name]).toBe(0);
}

/** The bucket's objects may have ACLs by default; so the objects are public, and each change of that shows. */
describe.each(Object.entries(KINDS))("%s", { timeout: 10_000 + ROUNDS * 5_000 }, (what, kind) => {
  it.each(Object.entries(RACES))("%s", async (name, { one, other, isRight, bothHold }) => {
    await runRounds(`${what}: ${name}`, kind, async (target, round) => {
      const [first, second] = await Promise.all([one(target, kind, round), other(target, kind, round)]);
      if (bothHold === true && !(first && second)) return false;
      return isRight(await stateOf(target), { one: first, other: second }, round);
    });
  });

  it("CompleteMultipartUpload and PutObjectTagging", async () => {
    await runRounds(`${what}: CompleteMultipartUpload and PutObjectTagging`, kind, async (target, round) => {
      const uploadId = await createUpload(target, { "x-amz-meta-a": "new" });
      const part = await putPart(target, uploadId, 1, kind.body);
      const query = `uploadId=${encode(uploadId)}`;
      const acknowledged = await Promise.all([
        change("POST", target, {}, query, completionDocument([part])),
        tag(target, kind, round),
      ]);
      const after = await stateOf(target);
      const isUpload = after.meta === "new" && /-1"$/.test(after.etag ?? "") && !after.isPublic;
      return acknowledged.every(Boolean) && isUpload && [undefined, `tag${round}`].includes(after.tag);
    });
  });

  it("a replica and PutObjectTagging", async () => {
    await runRounds(`${what}: a replica and PutObjectTagging`, kind, async (target, round) => {
      const written = Date.now() - 5_000;
      const replicate = (revision: number, meta: string) =>
        change(
          "PUT",
          target,
          { ...kind.headers, "x-amz-meta-a": meta, "x-amz-workers-s3-replica": `${written}.${revision}.e` },
          "",
          kind.body,
        );
      await change("DELETE", target, {});
      await replicate(written, "old");
      const [isReplica, isTagged] = await Promise.all([replicate(written + 1, "new"), tag(target, kind, round)]);
      const after = await stateOf(target);
      // The tags were changed here after the replica's last change, so they stay in both orders.
      return isTagged && after.tag === `tag${round}` && (!isReplica || after.meta === "new");
    });
  });
});

describe("replicas", { timeout: 10_000 + ROUNDS * 5_000 }, () => {
  it.each(Object.entries(KINDS))("%s: the removal of a replica and PutObjectTagging", async (what, kind) => {
    await runRounds(`${what}: the removal of a replica and PutObjectTagging`, kind, async (target, round) => {
      const written = Date.now() - 5_000;
      const replica = (revision: number, etag: string) => ({
        "x-amz-workers-s3-replica": `${written}.${revision}.${etag}`,
        "x-amz-workers-s3-replica-source": "abcdefghijkl",
      });
      await change("DELETE", target, {});
      await change("PUT", target, { ...kind.headers, ...replica(written, "e") }, "", kind.body);
      const [isRemoved, isTagged] = await Promise.all([
        change("DELETE", target, replica(written + 1, "")),
        tag(target, kind, round),
      ]);
      const after = await stateOf(target);
      // The object was tagged here after the removal, so one of the two is too late.
      return isRemoved !== isTagged && (isTagged ? after.tag === `tag${round}` : after.status === 404);
    });
  });
});

describe("a manifest written by an early release, whose body does not name its write", {
  timeout: 10_000 + ROUNDS * 5_000,
}, () => {
  it("is read, and PutObjectAcl and PutObjectTagging both hold", async () => {
    const kind = KINDS["an object behind a manifest"];
    await runRounds("early manifest: PutObjectAcl and PutObjectTagging", kind, async (target, round) => {
      const row = await testEnv.DB.prepare("SELECT id FROM buckets WHERE name = ?1")
        .bind(target.bucket)
        .first<{ id: string }>();
      const r2Key = `${row?.id}/${target.key}`;
      const entry = await testEnv.STORE.get(r2Key);
      if (entry === null) throw new Error("there is no entry");
      const { w: _, ...manifest } = await entry.json<{ w: string }>();
      const body = new TextEncoder().encode(JSON.stringify(manifest));
      const sha512 = createHash("sha512").update(body).digest("hex");
      const { httpMetadata, customMetadata } = entry;
      await testEnv.STORE.put(r2Key, body, {
        sha512,
        ...(httpMetadata && { httpMetadata }),
        ...(customMetadata && { customMetadata }),
      });
      const acknowledged = await Promise.all([close(target, kind, round), tag(target, kind, round)]);
      const after = await stateOf(target);
      const content = await (await send(target)).bytes();
      const isWhole = createHash("md5").update(content).digest("hex") === after.etag?.replaceAll('"', "");
      return acknowledged.every(Boolean) && isWhole && !after.isPublic && after.tag === `tag${round}`;
    });
  });
});

describe("many at once", () => {
  it("eight clients that tag one object all succeed, and the object has the tags of one", async () => {
    for (const kind of [KINDS["a small object"], KINDS["an object behind a manifest"]]) {
      const target = { bucket: await createBucket(), key: "k" };
      await putObject(target.bucket, target.key, kind.body, { headers: kind.headers });
      const rivals = Array.from({ length: 8 }, (_, index) => putTag("rival")(target, kind, index));
      expect(await Promise.all(rivals)).toEqual(Array(8).fill(true));
      expect((await stateOf(target)).tag).toMatch(/^rival[0-7]$/);
    }
  });
});

afterAll(() => {
  if (ROUNDS < 50) return;
  const rows = Object.entries(lost).map(([name, count]) => `${String(count).padStart(4)} of ${ROUNDS} lost  ${name}`);
  console.info(rows.join("\n"));
});
