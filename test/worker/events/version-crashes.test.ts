/**
 * As `crashes.test.ts`, in buckets that are or were versioned: every binding call of every change fails, and another write may
 * replace the version before the sweep looks for it. Every change that took effect has then been reported, and no other.
 */
import { afterAll, describe, expect, it } from "vitest";
import type { GrantedBucket } from "../../../src/access/authorize.ts";
import type { Env } from "../../../src/env.ts";
import { S3Error } from "../../../src/errors.ts";
import type { Versioning } from "../../../src/model/version.ts";
import { Intents } from "../../../src/storage/journal/intents.ts";
import { Journal, type RequestJournal } from "../../../src/storage/journal/journal.ts";
import { type MatchedChange, OwnQueue } from "../../../src/storage/journal/messages.ts";
import { Objects } from "../../../src/storage/r2/objects.ts";
import { BlobSets } from "../../../src/storage/uploads/blob-sets.ts";
import { contentMd5 } from "../../support/cors.ts";
import { EVERYTHING, type EventQueue, intentRows, withEventQueue } from "../../support/events.ts";
import { callsToFail, type Failure, failingEnv } from "../../support/failing-env.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { completionDocument, createUpload, putPart } from "../../support/multipart.ts";
import { type SendOptions, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { expectNoFindings } from "../../support/scrub.ts";
import { attributes, bodyOf, noQuotas, testBucket } from "../../support/storage.ts";
import { resumeEvents } from "../../support/worker.ts";

keepObjectsInMemory();

afterAll(() => expectNoFindings());

const MINUTES = 60_000;
const ORIGIN = {
  time: new Date(),
  principalId: "AIDAUSER",
  sourceIp: "",
  requestId: "0123456789ABCDEF",
  endpoint: "http://s3.localhost:8787",
  callbackVariables: {},
};

/** The store and the journal over the same bindings. */
interface World {
  readonly env: Env;
  readonly objects: Objects;
  readonly journal: RequestJournal;
}

function worldOf(env: Env): World {
  const stores = new Map([["us-east-1", env.STORE]]);
  const confirm = async () => {};
  return {
    env,
    objects: new Objects(stores, new BlobSets(env.UPLOADS)),
    journal: new Journal({
      intents: new Intents(env.DB),
      events: new OwnQueue(env.EVENTS),
      deletion: { confirm },
      quotas: noQuotas,
    }).of(ORIGIN),
  };
}

const SEEN = worldOf(testEnv);

/** One bucket before it was versioned, and since, without and with the rules that have its changes reported. */
async function newBucket(versioning: Versioning) {
  const notification = { rules: [EVERYTHING] };
  const name = await createBucket();
  const row = await testEnv.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(name).first<{ id: string }>();
  const bucket = testBucket({ id: row?.id ?? "" });
  for (const [kind, document] of Object.entries({ versioning, notification })) {
    await testEnv.DB.prepare("INSERT INTO bucket_documents (bucket_id, kind, body, updated_at) VALUES (?1, ?2, ?3, 0)")
      .bind(bucket.id, kind, JSON.stringify(document))
      .run();
  }
  return {
    before: { ...bucket, name, documents: {} },
    silent: { ...bucket, name, documents: { versioning } },
    bucket: { ...bucket, name, documents: { versioning, notification } },
  };
}

type Stages = Awaited<ReturnType<typeof newBucket>>;

const put = (bucket: GrantedBucket, key: string, body: string | Uint8Array, { objects, journal }: World = SEEN) =>
  journal.write(
    bucket,
    { key, event: "ObjectCreated:Put" },
    {
      adds: undefined,
      commit: (ticket) => objects.put({ bucket, key, attributes: attributes(), ticket }, bodyOf(body)),
      describe: ({ etag, sizeBytes, lastModified, versionId }) => ({ etag, sizeBytes, at: lastModified, versionId }),
    },
  );

type Removals = readonly { readonly key: string; readonly versionId?: string }[];

const remove = (bucket: GrantedBucket, removals: Removals, { objects, journal }: World = SEEN) =>
  journal.removeEach(bucket, removals, {
    commit: async (tickets) => {
      const settled = await Promise.allSettled(
        removals.map(({ key, versionId }, index) => {
          const ticket = tickets[index];
          if (ticket === undefined) throw new Error("a ticket each");
          if (versionId === undefined) return objects.remove({ bucket, key, ticket });
          return objects.removeVersion({ bucket, key, versionId, ticket }, { bypassesGovernance: false });
        }),
      );
      return settled.map((outcome) => {
        if (outcome.status === "rejected") throw outcome.reason;
        return outcome.value;
      });
    },
    describe: (removed) => removed,
  });

/** A request to the Worker, which must succeed. */
async function request(options: SendOptions, { env }: World): Promise<void> {
  const response = await send({ ...options, env });
  const text = await response.text();
  if (!response.ok || text.includes("<Error>")) throw new Error(`${response.status} ${text}`);
}

/** What readers see of a version, or of the current one: its tags, or the error. */
async function look(bucket: GrantedBucket, key: string, versionId?: string): Promise<string> {
  try {
    const object = await SEEN.objects.head(bucket, { key, versionId });
    return object === undefined ? "absent" : JSON.stringify([object.versionId, object.etag, object.tags]);
  } catch (error) {
    if (error instanceof S3Error) return `${error.code} ${JSON.stringify(error.headers)}`;
    throw error;
  }
}

interface Prepared {
  change(world: World): Promise<unknown>;
  /** One for each change that is made: what readers see of it. */
  readonly looks: readonly (() => Promise<string>)[];
  /** Whether an event is about the change of the same index. */
  readonly events: readonly ((change: MatchedChange) => boolean)[];
}

interface Scenario {
  readonly name: string;
  readonly versioning: Versioning;
  prepare(stages: Stages): Promise<Prepared>;
  /** What readers see is a version, not the current one. */
  readonly isAboutVersion?: true;
  /** A write over the key leaves no trace of the change: of null versions only the last one is kept. */
  readonly isLostByNext?: true;
}

const one = (change: Prepared["change"], seen: () => Promise<string>, isIt: (change: MatchedChange) => boolean) => ({
  change,
  looks: [seen],
  events: [isIt],
});
const LARGE = new Uint8Array(1024 * 1024 + 1).fill(5);

const removal = (
  name: string,
  versioning: Versioning,
  which: "current" | "noncurrent" | "null" | "marker",
): Scenario => ({
  name,
  versioning,
  isAboutVersion: true,
  ...(versioning === "Suspended" && { isLostByNext: true }),
  async prepare({ bucket, silent, before }) {
    if (which === "null") await put(before, "k", "from before");
    const first = await put(silent, "k", "one");
    const second = await put(silent, "k", "two");
    const [marker] = which === "marker" ? await remove(silent, [{ key: "k" }]) : [];
    const versionId =
      { current: second, noncurrent: first, marker, null: { versionId: "null" } }[which]?.versionId ?? "";
    return one(
      (world) => remove(bucket, [{ key: "k", versionId }], world),
      () => look(bucket, "k", versionId),
      ({ event, versionId: removed }) => event === "ObjectRemoved:Delete" && removed === versionId,
    );
  },
});

const SCENARIOS: readonly Scenario[] = [
  ...(["Enabled", "Suspended"] as const).flatMap((versioning): Scenario[] => [
    {
      name: "a put",
      versioning,
      async prepare({ bucket, before }) {
        await put(before, "k", "old");
        return one(
          (world) => put(bucket, "k", "new", world),
          () => look(bucket, "k"),
          ({ event, sizeBytes, etag }) => event === "ObjectCreated:Put" && sizeBytes === 3 && etag !== undefined,
        );
      },
      ...(versioning === "Suspended" && { isLostByNext: true }),
    },
    {
      name: "a delete marker",
      versioning,
      async prepare({ bucket, silent }) {
        await put(silent, "k", "old");
        return one(
          (world) => remove(bucket, [{ key: "k" }], world),
          () => look(bucket, "k"),
          ({ event, etag }) => event === "ObjectRemoved:DeleteMarkerCreated" && etag === undefined,
        );
      },
      ...(versioning === "Suspended" && { isLostByNext: true }),
    },
  ]),
  removal("the removal of a delete marker", "Enabled", "marker"),
  {
    name: "a put above 1 MiB",
    versioning: "Enabled",
    async prepare({ bucket, silent }) {
      await put(silent, "k", "old");
      return one(
        (world) => put(bucket, "k", LARGE, world),
        () => look(bucket, "k"),
        ({ event, sizeBytes }) => event === "ObjectCreated:Put" && sizeBytes === LARGE.byteLength,
      );
    },
  },
  removal("the removal of the current version", "Enabled", "current"),
  removal("the removal of another version", "Enabled", "noncurrent"),
  removal("the removal of a version in a suspended bucket", "Suspended", "null"),
  removal("the removal of the null version", "Enabled", "null"),
  {
    name: "tags of another version",
    versioning: "Enabled",
    async prepare({ bucket, silent }) {
      const { versionId } = await put(silent, "k", "one");
      await put(silent, "k", "two");
      return tagged(bucket, versionId);
    },
  },
  {
    name: "tags without a version id",
    versioning: "Enabled",
    async prepare({ bucket, silent }) {
      const { versionId } = await put(silent, "k", "one");
      return { ...tagged(bucket, undefined), looks: [() => look(bucket, "k", versionId)] };
    },
  },
  {
    name: "CopyObject",
    versioning: "Enabled",
    async prepare({ bucket, silent }) {
      await put(silent, "source", "copied");
      await put(silent, "k", "old");
      const headers = { "x-amz-copy-source": `/${bucket.name}/source` };
      return one(
        (world) => request({ method: "PUT", bucket: bucket.name, key: "k", headers }, world),
        () => look(bucket, "k"),
        ({ event, sizeBytes }) => event === "ObjectCreated:Copy" && sizeBytes === 6,
      );
    },
  },
  {
    name: "CompleteMultipartUpload",
    versioning: "Enabled",
    async prepare({ bucket, silent }) {
      await put(silent, "k", "old");
      const target = { bucket: bucket.name, key: "k" };
      const uploadId = await createUpload(target);
      const body = completionDocument([await putPart(target, uploadId, 1, "content")]);
      return one(
        (world) => request({ method: "POST", ...target, query: `uploadId=${uploadId}`, body }, world),
        () => look(bucket, "k"),
        ({ event, sizeBytes }) => event === "ObjectCreated:CompleteMultipartUpload" && sizeBytes === 7,
      );
    },
  },
  {
    name: "DeleteObjects of keys and versions",
    versioning: "Enabled",
    async prepare({ bucket, silent }) {
      const { versionId = "" } = await put(silent, "k", "one");
      await put(silent, "k", "two");
      await put(silent, "other", "one");
      const objects = `<Object><Key>other</Key></Object><Object><Key>k</Key><VersionId>${versionId}</VersionId></Object>`;
      const body = `<Delete>${objects}</Delete>`;
      const headers = contentMd5(body);
      return {
        change: (world) => request({ method: "POST", bucket: bucket.name, query: "delete", body, headers }, world),
        looks: [() => look(bucket, "other"), () => look(bucket, "k", versionId)],
        events: [
          ({ event, key }) => event === "ObjectRemoved:DeleteMarkerCreated" && key === "other",
          ({ event, versionId: removed }) => event === "ObjectRemoved:Delete" && removed === versionId,
        ],
      };
    },
  },
];

function tagged(bucket: GrantedBucket, versionId: string | undefined): Prepared {
  const tags = [{ key: "a", value: "1" }];
  return one(
    ({ journal, objects }) =>
      journal.write(
        bucket,
        { key: "k", versionId, event: "ObjectTagging:Put" },
        {
          adds: undefined,
          commit: (ticket) => objects.setTags({ bucket, key: "k", versionId, ticket }, tags),
          describe: (object) =>
            object && { etag: object.etag, sizeBytes: object.sizeBytes, versionId: object.versionId, at: new Date() },
        },
      ),
    () => look(bucket, "k", versionId),
    ({ event, versionId: changed, etag }) =>
      event === "ObjectTagging:Put" && etag !== undefined && (changed === versionId || versionId === undefined),
  );
}

/** One change with one failure, and perhaps a write over the key afterwards. */
async function attempt(scenario: Scenario, { env }: EventQueue, about: { failure?: Failure; isReplaced: boolean }) {
  const stages = await newBucket(scenario.versioning);
  const { bucket, silent } = stages;
  const { change, looks, events } = await scenario.prepare(stages);
  const failing = failingEnv(env, about.failure);
  const lookAll = () => Promise.all(looks.map((seen) => seen()));
  const seen = [await lookAll()];
  const isAcknowledged = await change(worldOf(failing.env)).then(
    () => true,
    () => false,
  );
  seen.push(await lookAll());
  if (about.isReplaced) {
    await put(silent, "k", "the next one");
    // The next write completes a removal that has only begun.
    if (scenario.isAboutVersion) seen.push(await lookAll());
  }
  const changed = looks.map((_, index) => seen.at(-1)?.[index] !== seen[0]?.[index]);
  return { bucket, silent, isAcknowledged, changed, events, lookAll, calls: failing.calls() };
}

type Attempt = Awaited<ReturnType<typeof attempt>>;

/** Attempts at the same time, and one sweep for all of them. */
async function run(scenario: Scenario, failures: readonly { failure?: Failure; isReplaced: boolean }[]) {
  const queue = withEventQueue();
  const attempts = await Promise.all(failures.map((about) => attempt(scenario, queue, about)));
  await consume(queue);
  await resumeEvents(queue.env, new Date(Date.now() + 2 * MINUTES));
  const outcomes = attempts.map((outcome) => {
    const changes = queue.messages
      .filter(({ origin }) => origin.bucket.name === outcome.bucket.name)
      .flatMap((message) => message.changes);
    const reported = outcome.events.map((isIt) => changes.some(isIt));
    return { ...outcome, reported, isNamed: changes.every(({ versionId }) => versionId !== undefined) };
  });
  await consume(queue);
  await resumeEvents(queue.env, new Date(Date.now() + 25 * 60 * MINUTES));
  return Promise.all(
    outcomes.map(async (outcome) => ({ ...outcome, rowsLeft: (await intentRows(outcome.bucket.name)).length })),
  );
}

/** Each sweep is later than the one before: a row is looked at again only after a few minutes. */
let sweeps = 0;

/** The next write completes a deletion that was interrupted, however late, and then it is reported. */
async function expectCompletion({ bucket, silent, events, lookAll }: Attempt, label: string): Promise<void> {
  const before = await lookAll();
  await put(silent, "k", "much later");
  expect(await lookAll(), label).not.toEqual(before);
  const queue = withEventQueue();
  await resumeEvents(queue.env, new Date(Date.now() + (25 * 60 + 5 * ++sweeps) * MINUTES));
  const reported = queue.messages.filter(({ origin }) => origin.bucket.name === bucket.name);
  expect([
    label,
    reported.flatMap(({ changes }) => changes).filter((change) => events.some((isIt) => isIt(change))).length,
  ]).toEqual([label, 1]);
  await consume(queue);
}

/** What the consumer does with the rows of messages once it has handled them. */
const consume = ({ env, messages }: EventQueue) => new Intents(env.DB).remove(messages.map(({ id }) => id));

describe.each(SCENARIOS)("$name, $versioning", (scenario) => {
  it.each([
    ["before", "permanently"],
    ["after", "once"],
  ] as const)(
    "is reported if it happened, and only then, when any call fails %s it is made, %s",
    async (when, lasting) => {
      const [intact] = await run(scenario, [{ isReplaced: false }]);
      const { isAcknowledged, changed = [], reported, calls = 0 } = intact ?? {};
      expect([isAcknowledged, reported, changed.includes(false)]).toEqual([true, changed, false]);
      expect(calls).toBeGreaterThanOrEqual(4);
      const failures = callsToFail(calls, { when, lasting }).map((at) => ({ at, when, lasting }));
      for (const isReplaced of scenario.isLostByNext ? [false] : [false, true]) {
        const outcomes = await run(
          scenario,
          failures.map((failure) => ({ failure, isReplaced })),
        );
        for (const [index, outcome] of outcomes.entries()) {
          const label = `call ${failures[index]?.at} of ${calls}, replaced ${isReplaced}`;
          if (outcome.isAcknowledged) expect(outcome.changed, label).toEqual(changed);
          expect([label, outcome.reported, outcome.isNamed]).toEqual([label, outcome.changed, true]);
          // Also of changes that did not happen. A deletion of the current version that has begun will be completed.
          if (outcome.rowsLeft > 0) await expectCompletion(outcome, label);
        }
      }
    },
  );
});
