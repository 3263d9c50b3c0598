/**
 * Every operation by every kind of caller, in buckets with every source of permission and of denial. What is expected comes from the
 * second authorizer (test/support/second-authorizer), from the permissions that AWS documents for the operation.
 *
 * Here every operation meets every caller and every bucket, every caller meets every bucket, and GetObject all combinations of both;
 * `npm run test:soak:access` sends all combinations of every operation. Which signatures and forms are refused, and what refusals disclose, is the subject of attack-matrix.test.ts.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { OFFERED_NAMES } from "../../../src/operations/index.ts";
import { callersOf, peopleOf } from "../../support/access-callers.ts";
import { isExpectedToBeAllowed, REMOVES_SOURCE, withoutEffect, worldOf } from "../../support/access-requests.ts";
import { type Answer, serviceRows, topicPolicies } from "../../support/access-services.ts";
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
import { configurationRows } from "../../support/configuration-rows.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { call } from "../../support/iam.ts";
import { createKmsKey, env as kmsEnv, kmsHeaders } from "../../support/kms.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { HOST, handDirectly } from "../../support/request.ts";
import { testEnv } from "../../support/s3.ts";
import { createTopic, topicsEnv } from "../../support/topics.ts";

keepObjectsInMemory();

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

/** The one operation that meets all combinations in every run: on it policies, ACLs, ownership and public access block all act. */
const ALWAYS_FULL = "GetObject";

/**
 * All combinations, or for each operation every bucket once, and with them every caller; the next operation has them shifted by
 * one, so that after as many operations as there are callers each caller has met each bucket.
 */
function combinations(name: string, operation: number): readonly Combination[] {
  const isFull = IS_FULL || name === ALWAYS_FULL;
  return buckets.flatMap(([where, at], index) =>
    callers
      .filter((_, other) => isFull || (index + operation) % callers.length === other)
      .map(([who, by]) => ({ who, where, by, at })),
  );
}

beforeAll(async () => {
  const [owner, other, deployment] = await Promise.all([createAccount("owner"), createAccount("other"), rootAccount()]);
  people = await peopleOf(world, owner, other);
  callers = Object.entries(await callersOf(world, people, deployment));
  buckets = await newBuckets();
});

async function newBuckets(more: { readonly isWebsite?: true } = {}): Promise<typeof buckets> {
  const made: [string, MatrixBucket][] = [];
  for (const [name, setting] of Object.entries(settings(people))) {
    made.push([name, await world.newBucket(people, { ...setting, ...more })]);
  }
  return made;
}

/** The objects of all buckets and all rows, except the times when keys were last used. */
async function snapshot(): Promise<string> {
  const entries: object[] = [];
  let cursor: string | undefined;
  do {
    const page = await testEnv.STORE.list({ include: ["customMetadata"], ...(cursor !== undefined && { cursor }) });
    entries.push(...page.objects.map(({ key, version, customMetadata }) => ({ key, version, customMetadata })));
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  const rows = await testEnv.DB.batch(configurationRows(testEnv.DB));
  return JSON.stringify([entries, rows.map(({ results }) => results)]);
}

async function send(example: AttackExample, { by, at }: Combination): Promise<Answer> {
  const request = requestOf(example, worldOf(at), HOST);
  return answerOf(await handDirectly(signAs(by.key, "header, unsigned payload", request), env));
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const [, xml, json] = /<Code>([^<]*)|"code":"([^"]*)/.exec(text) ?? [];
  return { status: response.status, code: xml ?? json ?? "" };
}

const isDenied = ({ status, code }: Answer) => code === "AccessDenied" || (status === 403 && code === "");

/** The rows beyond S3's operations, which read or fail behind their permission: before the rows that change settings. */
describe("other services", () => {
  /**
   * The codes that each kind of API has for a refusal, for keys that are not valid, for a signature that is missing (a POST to `/`
   * is a call only if it is signed) and for a session that it does not accept.
   */
  const REFUSALS =
    /^(?:AccessDenied|AuthorizationError|InvalidClientTokenId|InvalidAccessKeyId|ExpiredToken|MethodNotAllowed|InvalidToken)$/;

  it("answer every caller as expected, and refusals change nothing", async () => {
    const websites = await newBuckets({ isWebsite: true });
    const subjects = { people, buckets, websites, topics: await newTopics(), encrypted: await newEncrypted() };
    const rows = Object.entries(serviceRows(subjects, env));
    const unchanged = await snapshot();
    let [allowed, denied] = [0, 0];
    const wrong: string[] = [];
    for (const [index, [name, row]] of rows.entries()) {
      for (const [position, [who, by]] of callers.entries()) {
        // Of the rows about buckets, topics and users, every caller meets every third.
        if (!IS_FULL && /^iam:| with | on /.test(name) && (index + position) % 3 !== 0) continue;
        // A website reads no signature.
        const isWebsite = name.startsWith("a website");
        const isAllowed = (by.invalid === undefined || isWebsite) && row.isAllowed(by);
        const answer = await answerOf(await row.send(by));
        // KMS takes no requests without a signature.
        const isUnsigned = by.key === null && answer.code === "InvalidArgument";
        const isRefused = REFUSALS.test(answer.code) || isUnsigned || (isWebsite && answer.status === 403);
        if (isRefused === isAllowed || answer.status >= 500) {
          const expected = isAllowed ? "to be allowed" : "to be refused";
          wrong.push(`${name} by ${who}: ${answer.status} ${answer.code}, expected ${expected}`);
        }
        if (isAllowed) allowed++;
        else denied++;
      }
    }
    expect(wrong).toEqual([]);
    expect(await snapshot()).toBe(unchanged);
    expect(Math.min(allowed, denied)).toBeGreaterThan(100);
  });

  async function newTopics() {
    const { owner } = people;
    const made: { arn: string; policy: string | undefined }[] = [];
    for (const policyOf of topicPolicies(people)) {
      const arn = await createTopic(owner);
      const policy = policyOf(arn);
      if (policy !== undefined) {
        const parameters = { TopicArn: arn, AttributeName: "Policy", AttributeValue: policy };
        const response = await call("sns", "SetTopicAttributes", parameters, { as: owner, env: topicsEnv });
        expect(response.status).toBe(200);
      }
      made.push({ arn, policy });
    }
    return made;
  }

  async function newEncrypted() {
    const { owner } = people;
    const at = buckets.find(([name]) => name === "a policy for everyone")?.[1];
    if (at === undefined) throw new Error("There is no public bucket.");
    const keyArn = await createKmsKey(owner.accountId);
    const keys = { default: "under-default", own: "under-own" };
    for (const [key, name] of [
      [keys.default, undefined],
      [keys.own, keyArn],
    ] as const) {
      const url = `http://${HOST}/${at.bucket.name}/${key}`;
      const request = { method: "PUT", url, headers: kmsHeaders(name), body: "content" };
      const response = await handDirectly(signAs(owner, "header, unsigned payload", request), kmsEnv);
      expect([response.status, await response.text()]).toEqual([200, ""]);
    }
    return { at, keys, keyArn };
  }
});

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
      for (const combination of combinations(name, index)) {
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
      for (const combination of combinations(name, index)) {
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

  it("are asked for by every caller in turn", () => {
    // Otherwise some callers would be left out.
    expect(buckets.length).toBeGreaterThanOrEqual(callers.length);
  });

  it("are given often", () => {
    expect(allowed).toBeGreaterThan(OPERATIONS.length * 5);
  });
});
