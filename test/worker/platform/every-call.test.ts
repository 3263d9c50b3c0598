/**
 * Each call of each binding fails or hangs, before it has taken effect or after, in every operation: the answer is the
 * operation's own or an S3 error of the server, a repetition succeeds, nothing else has changed, and what is stored is
 * consistent. `npm run test:failures` takes each call and kind; `npm test` one call of every fourth operation.
 */
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ATTACK_EXAMPLES, type AttackExample, type AttackWorld, requestOf } from "../../support/attack-examples.ts";
import { signAs } from "../../support/attack-signer.ts";
import { VERSION_EXAMPLES } from "../../support/attack-version-examples.ts";
import { CONTENT, newAttackWorld, newSourceBucket, rootOwnerId } from "../../support/attacked-buckets.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { type Fault, faultyEnv, KINDS } from "../../support/platform/faults.ts";
import { HOST, handDirectly } from "../../support/request.ts";
import { ROOT, s3, testEnv } from "../../support/s3.ts";
import { expectNoFindings } from "../../support/scrub.ts";

keepObjectsInMemory();

const takesAll = Reflect.get(env, "ALL_FAILURES") === "1";

interface Scenario {
  readonly name: string;
  readonly example: AttackExample;
  readonly isVersioned: boolean;
}

/** A form is not signed as the other requests are. */
const { PostObject: _form, ...SIGNED } = ATTACK_EXAMPLES;
const SCENARIOS: readonly Scenario[] = [
  ...Object.entries({ ...SIGNED, ...VERSION_EXAMPLES }).map(([name, example]) => ({
    name,
    example,
    isVersioned: false,
  })),
  ...Object.entries(SIGNED)
    .filter(([, { on }]) => on === "object")
    .map(([name, example]) => ({ name: `${name} in a bucket that keeps versions`, example, isVersioned: true })),
];

const CHOSEN = SCENARIOS.filter((_scenario, index) => takesAll || index % 4 === 0);

/** What a repetition answers if the first request has made the change. */
const REPEATED: Readonly<Record<string, readonly number[]>> = {
  AbortMultipartUpload: [404],
  CreateBucket: [409],
  DeleteBucket: [404],
};

let ownerId: string;
let sourceBucket: string;

beforeAll(async () => {
  [ownerId, sourceBucket] = [await rootOwnerId(), await newSourceBucket()];
});

function newWorld({ name, example, isVersioned }: Scenario): Promise<AttackWorld> {
  const needs = { emptyBucket: example.on === "empty bucket", upload: /Part|MultipartUpload/.test(name) };
  return newAttackWorld({ ownerId, sourceBucket, isVersioned, needs });
}

/** A scrub of thousands of buckets takes its time. */
const LONG_MS = 900_000;
let tried = 0;

afterAll(async () => {
  console.info(`${tried} faults in ${CHOSEN.length} operations`);
  await expectNoFindings();
}, LONG_MS);

function signed(example: AttackExample, world: AttackWorld): Request {
  return signAs(ROOT, "header, unsigned payload", requestOf(example, world, HOST));
}

async function outcome(request: Request, bindings = testEnv): Promise<{ status: number; text: string }> {
  const response = await handDirectly(request, bindings);
  return { status: response.status, text: await response.text() };
}

/** The operation when all goes well. */
async function usual(scenario: Scenario): Promise<{ calls: number; status: number }> {
  const { env: counting, calls } = faultyEnv();
  const { status, text } = await outcome(signed(scenario.example, await newWorld(scenario)), counting);
  expect(status, text).toBeLessThan(500);
  return { calls: calls.length, status };
}

/** Each scenario has another call and another kind, so that few requests meet many of both. */
function faultsOf(calls: number, number: number): readonly Fault[] {
  const all = Array.from({ length: calls }, (_, index) => KINDS.map((kind) => ({ at: index + 1, kind }))).flat();
  return takesAll ? all : all.slice((number * 7) % all.length).slice(0, 1);
}

async function expectIntact(world: AttackWorld, example: AttackExample): Promise<void> {
  const others = [`/${world.source.bucket}/${world.source.key}`];
  const isMoved = "x-amz-rename-source" in (example.headers?.(world) ?? {});
  if (!isMoved) others.push(`/${world.bucket}/${world.source.key}`);
  for (const path of others) {
    const response = await s3(path);
    expect([path, response.status, await response.text()]).toEqual([path, 200, CONTENT]);
  }
}

describe("a call that fails or hangs is answered with a server's error or without effect on the operation", () => {
  it.each(CHOSEN.map((scenario, number) => [scenario.name, scenario, number] as const))(
    "%s",
    async (name, scenario, number) => {
      const { example } = scenario;
      const [operation = ""] = name.split(" ");
      const { calls: count, status } = await usual(scenario);
      for (const fault of faultsOf(count, number)) {
        tried++;
        const world = await newWorld(scenario);
        const { env: faulty, calls } = faultyEnv(fault);
        const failed = await outcome(signed(example, world), faulty);
        const call = calls[fault.at - 1];
        const where = `${call?.binding}.${call?.method}, call ${fault.at}, ${fault.kind}: ${failed.text}`;
        expect([status, 500, 503], where).toContain(failed.status);
        if (failed.status >= 500 && example.method !== "HEAD") {
          expect(failed.text, where).toMatch(/<Code>(InternalError|ServiceUnavailable|SlowDown)</);
        }
        const repeated = await outcome(signed(example, world));
        expect([status, ...(REPEATED[operation] ?? [])], `${where}; repeated: ${repeated.text}`).toContain(
          repeated.status,
        );
        await expectIntact(world, example);
      }
    },
    LONG_MS,
  );
});
