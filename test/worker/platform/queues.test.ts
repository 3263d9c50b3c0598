/** Messages arrive twice, in any order and hours late, and consumers are cut off: no event is lost, and replicas converge. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { rootAccount } from "../../support/accounts.ts";
import { EVERYTHING, setRules } from "../../support/events.ts";
import { envWith } from "../../support/notification.ts";
import { QueuePlatform } from "../../support/platform/queue-platform.ts";
import { arn, configureReplication } from "../../support/replication.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { resumeEvents } from "../../support/worker.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.spyOn(console, "error").mockReturnValue();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const KEYS = ["a", "b", "c"];

it.each([1, 2])("seed %i: every event reaches its receiver, and the replica has what the source has", async (seed) => {
  const { accountId } = await rootAccount();
  const received: { Records: { eventName: string; s3: { object: { key: string; sequencer: string } } }[] }[] = [];
  const QUEUE_JOBS = { send: async (body: (typeof received)[number]) => void received.push(body) };
  const platform = new QueuePlatform(envWith({ QUEUE_JOBS }), seed);
  const { env } = platform;
  const [source, target] = [await createBucket(), await createBucket()];
  await configureReplication(source, { destination: arn(target), deletes: "Enabled" });
  const destination = { kind: "queue", arn: `arn:aws:sqs:us-east-1:${accountId}:jobs` } as const;
  await setRules(source, { notification: [{ ...EVERYTHING, destination }] });
  for (let step = 0; step < 3; step++) {
    for (const key of KEYS) await putObject(source, key, `${key}${step}`, { env });
  }
  expect((await send({ method: "DELETE", bucket: source, key: "b", env })).status).toBe(204);
  await platform.deliverAll();
  // What a cut off consumer has begun is sent again by the schedule.
  for (let run = 0; run < 2; run++) {
    vi.setSystemTime(Date.now() + 60 * 60 * 1000);
    await resumeEvents(env, new Date());
    await platform.deliverAll();
  }
  expect(platform.seen.duplicates).toBeGreaterThan(0);
  expect(platform.seen.cutOff).toBeGreaterThan(0);
  const records = received.flatMap(({ Records }) => Records);
  const events = new Set(
    records.map(({ eventName, s3: { object } }) => `${eventName} ${object.key} ${object.sequencer}`),
  );
  expect([...events].map((event) => event.split(" ").slice(0, 2).join(" ")).sort()).toEqual(
    [...KEYS.flatMap((key) => Array(3).fill(`ObjectCreated:Put ${key}`)), "ObjectRemoved:Delete b"].sort(),
  );
  const contents = await Promise.all(
    KEYS.map(async (key) => {
      const response = await send({ bucket: target, key, env });
      const text = await response.text();
      return response.status === 200 ? text : response.status;
    }),
  );
  expect(contents).toEqual(["a2", 404, "c2"]);
});
