/**
 * Every operation by every kind of caller, in buckets with every source of permission and of denial. What is expected comes from the
 * second authorizer (test/support/second-authorizer), from the permissions that AWS documents for the operation.
 *
 * Here every operation meets every caller and every bucket, and every caller meets every bucket; `npm run test:soak:access` sends
 * all combinations. Which signatures and forms are refused, and what refusals disclose, is the subject of attack-matrix.test.ts.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { OFFERED_NAMES } from "../../../src/operations/index.ts";
import { callersOf, peopleOf } from "../../support/access-callers.ts";
import { isExpectedToBeAllowed, REMOVES_SOURCE, withoutEffect, worldOf } from "../../support/access-requests.ts";
import {
  type MatrixBucket,
  type MatrixCaller,
  MatrixWorld,
  type People,
  settings,
} from "../../support/access-world.ts";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { type AttackExample, exampleOf, requestOf } from "../../support/attack-examples.ts";
import { signAs } from "../../support/attack-signer.ts";
import { VERSION_EXAMPLES } from "../../support/attack-version-examples.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { HOST, handDirectly } from "../../support/request.ts";
import { testEnv } from "../../support/s3.ts";

const { env, counts, log, reset } = countingEnv(testEnv);
const IS_FULL = Reflect.get(testEnv, "ACCESS_MATRIX") === "full";

const OPERATIONS: readonly (readonly [string, AttackExample])[] = [
  // Only by form: see attack-matrix.test.ts.
  ...OFFERED_NAMES.filter((name) => name !== "PostObject").map((name) => [name, exampleOf(name)] as const),
  ...Object.entries(VERSION_EXAMPLES),
].map(([name, example]) => [name, withoutEffect(name, example)]);

let people: People;
let callers: readonly (readonly [string, MatrixCaller])[];
let buckets: readonly (readonly [string, MatrixBucket])[];
const world = new MatrixWorld(env);

interface Combination {
  readonly who: string;
  readonly where: string;
  readonly by: MatrixCaller;
  readonly at: MatrixBucket;
}

/** All combinations, or for each operation as many as it takes to meet every caller and every bucket. */
function combinations(operation: number): readonly Combination[] {
  const count = Math.max(callers.length, buckets.length);
  return buckets.flatMap(([where, at], index) =>
    callers.flatMap(([who, by], other) => {
      const isChosen = Array.from(
        { length: Math.ceil(count / buckets.length) },
        (_, round) => index + round * buckets.length,
      ).some((position) => (position + operation) % callers.length === other);
      return IS_FULL || isChosen ? [{ who, where, by, at }] : [];
    }),
  );
}

beforeAll(async () => {
  const [owner, other, deployment] = await Promise.all([createAccount("owner"), createAccount("other"), rootAccount()]);
  people = await peopleOf(world, owner, other);
  callers = Object.entries(await callersOf(world, people, deployment));
  const made: [string, MatrixBucket][] = [];
  for (const [name, setting] of Object.entries(settings(people)))
    made.push([name, await world.newBucket(people, setting)]);
  buckets = made;
});

/** The objects of all buckets and all rows, except the times when keys were last used. */
async function snapshot(): Promise<string> {
  const objects = await testEnv.STORE.list({ include: ["customMetadata", "httpMetadata"] });
  expect(objects.truncated).toBe(false);
  const tables = [
    "accounts",
    "buckets",
    "deleted_buckets",
    "open_uploads",
    "bucket_documents",
    "users",
    "user_policies",
  ];
  const rows = await testEnv.DB.batch(
    tables.map((table) => testEnv.DB.prepare(`SELECT * FROM ${table} ORDER BY 1, 2, 3`)),
  );
  const entries = objects.objects.map(({ key, version, customMetadata }) => ({ key, version, customMetadata }));
  return JSON.stringify([entries, rows.map(({ results }) => results)]);
}

interface Answer {
  readonly status: number;
  readonly code: string;
}

async function send(example: AttackExample, { by, at }: Combination): Promise<Answer> {
  const request = requestOf(example, worldOf(at), HOST);
  const response = await handDirectly(signAs(by.key, "header, unsigned payload", request), env);
  const text = await response.text();
  return { status: response.status, code: /<Code>([^<]*)/.exec(text)?.[1] ?? "" };
}

const isDenied = ({ status, code }: Answer) => code === "AccessDenied" || (status === 403 && code === "");

let before = "";
let refused = 0;

describe("refusals", () => {
  beforeAll(async () => {
    before = await snapshot();
  });

  it.each(OPERATIONS.map(([name, example], index) => [name, example, index] as const))(
    "%s",
    async (name, example, index) => {
      reset();
      for (const combination of combinations(index)) {
        const { by, who, where } = combination;
        if (by.invalid === undefined && isExpectedToBeAllowed(example, by, combination.at)) continue;
        refused++;
        const answer = await send(example, combination);
        const what = `${name} by ${who} with ${where}`;
        if (by.invalid === undefined) expect(isDenied(answer), `${what}: ${answer.status} ${answer.code}`).toBe(true);
        else if (example.method === "HEAD") expect(answer.status, what).toBe(by.invalid.status);
        else expect(answer, what).toEqual(by.invalid);
      }
      expect(log.filter((entry) => !/^(head|get|list) /.test(entry))).toEqual([]);
      expect(counts.durableObject).toBe(0);
    },
  );

  it("have changed nothing", async () => {
    expect(refused).toBeGreaterThan(OPERATIONS.length * 8);
    expect(await snapshot()).toBe(before);
  });
});

describe("permissions", () => {
  let allowed = 0;

  it.each(OPERATIONS.map(([name, example], index) => [name, example, index] as const))(
    "%s",
    async (name, example, index) => {
      for (const combination of combinations(index)) {
        const { by, at, who, where } = combination;
        if (by.invalid !== undefined || !isExpectedToBeAllowed(example, by, at)) continue;
        allowed++;
        const answer = await send(example, combination);
        const what = `${name} by ${who} with ${where}: ${answer.status} ${answer.code}`;
        expect(isDenied(answer), what).toBe(false);
        expect(answer.status, what).toBeLessThan(500);
        if (REMOVES_SOURCE.includes(name)) await world.restore(people.owner, at.bucket);
      }
    },
  );

  it("are given often", () => {
    expect(allowed).toBeGreaterThan(OPERATIONS.length * 5);
  });
});
