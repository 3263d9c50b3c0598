/**
 * The product's decisions compared with those of a second authorizer, which was written from AWS's documentation
 * (test/support/second-authorizer). `npm run test:soak:access` compares 100,000 random questions. A failure prints the seed and the
 * smallest question that it found; `ACCESS_SEED` repeats it.
 */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PermissionOnObjectsBelow, S3Action } from "../../../src/access/actions.ts";
import { isPublicPolicy } from "../../../src/access/policy/inspect.ts";
import { bucketPolicyOf } from "../../../src/access/policy/parsed.ts";
import { type Case, conditionCase, s3Case } from "../../support/second-authorizer/cases.ts";
import { AS_HERE, AS_ON_AWS, DEVIATIONS, type DeviationName } from "../../support/second-authorizer/deviations.ts";
import { type OtherCase, otherCase } from "../../support/second-authorizer/other-cases.ts";
import { iamAllows, kmsAllows, snsAllows, stsAllows } from "../../support/second-authorizer/others.ts";
import { isPublicPolicy as isPublicOnAws } from "../../support/second-authorizer/public-policy.ts";
import { mayLearnAbsence, s3Allows } from "../../support/second-authorizer/s3.ts";
import { productAllows, productAllowsOther, serviceOf } from "./product-decisions.ts";

const QUESTIONS = Number(process.env.ACCESS_QUESTIONS ?? 3000);
const CONDITIONS = Math.ceil(QUESTIONS / 3);
const OTHERS = Math.ceil(QUESTIONS / 10);
const seed = process.env.ACCESS_SEED === undefined ? {} : { seed: Number(process.env.ACCESS_SEED) };
/** A busy machine needs some milliseconds for each question. */
const TIMEOUT_MS = 60_000 + QUESTIONS * 10;

/** Both outcomes are frequent, so that neither authorizer can be right by always answering the same. */
function expectBoth(allowed: number, all: number): void {
  expect(allowed / all).toBeGreaterThan(0.15);
  expect(allowed / all).toBeLessThan(0.85);
}

describe("the second authorizer", () => {
  it(
    `decides as the product does about ${QUESTIONS} random questions to S3`,
    async () => {
      let allowed = 0;
      let asked = 0;
      const property = fc.asyncProperty(s3Case, async (question) => {
        const expected = s3Allows(question, AS_HERE);
        allowed += Number(expected);
        asked++;
        const actual = await productAllows(question);
        if (actual && !expected) expect(mayLearnAbsence(question)).toBe(true);
        else expect(actual).toBe(expected);
        const { policy } = question.bucket.documents;
        const parsed = bucketPolicyOf(question.bucket);
        if (policy !== undefined && parsed !== undefined) expect(isPublicPolicy(parsed)).toBe(isPublicOnAws(policy));
      });
      await fc.assert(property, { numRuns: QUESTIONS, ...seed });
      expectBoth(allowed, asked);
    },
    TIMEOUT_MS,
  );

  it(
    `decides as the product does about ${CONDITIONS} random conditions`,
    async () => {
      let allowed = 0;
      const property = fc.asyncProperty(conditionCase, async (question) => {
        const expected = s3Allows(question, AS_HERE);
        allowed += Number(expected);
        const actual = await productAllows(question);
        if (actual && !expected) expect(mayLearnAbsence(question)).toBe(true);
        else expect(actual).toBe(expected);
      });
      await fc.assert(property, { numRuns: CONDITIONS, ...seed });
      expectBoth(allowed, CONDITIONS);
    },
    TIMEOUT_MS,
  );

  it(
    `decides as the product does about ${OTHERS} random questions to IAM, STS, SNS and KMS`,
    async () => {
      let allowed = 0;
      const property = fc.asyncProperty(otherCase, async (question) => {
        const expected = secondAllows(question);
        allowed += Number(expected);
        expect(await productAllowsOther(question)).toBe(expected);
      });
      await fc.assert(property, { numRuns: OTHERS, ...seed });
      expectBoth(allowed, OTHERS);
    },
    TIMEOUT_MS,
  );

  it(
    `bounds what the product decides about ${OTHERS} sets of keys`,
    async () => {
      const onObjects = s3Case.filter(({ key, isNew }) => key !== undefined && isNew !== true);
      const property = fc.asyncProperty(onObjects, async (question) => {
        // Whatever is allowed for everything below a prefix is allowed for each key, and whatever is allowed for a key
        // may be allowed for some keys below its prefixes.
        const { key = "", action } = question;
        const isAllowed = s3Allows(question, AS_HERE);
        // Only DeleteObjects asks whether some of the keys could be allowed.
        if (isAllowed && !action.startsWith("s3:DeleteObject")) return;
        for (const prefix of ["", key.slice(0, key.indexOf("/") + 1)]) {
          if (isAllowed) expect(await productAllows(question, below(question, prefix, "something-below"))).toBe(true);
          else expect(await productAllows(question, below(question, prefix, "everything-below"))).toBe(false);
        }
      });
      await fc.assert(property, { numRuns: OTHERS, ...seed });
    },
    TIMEOUT_MS,
  );

  it.each(Object.entries(DEVIATIONS))("differs from AWS as the product documents: %s", (name, { documented }) => {
    const [file, words] = documented;
    expect(readFileSync(file, "utf8")).toContain(words);
    // There is a question that it decides, but some are rare.
    if (QUESTIONS < 10_000) return;
    const without = new Set([...AS_HERE].filter((other) => other !== (name as DeviationName)));
    const isDecided = (question: Case) => s3Allows(question, AS_HERE) !== s3Allows(question, without);
    expect(
      fc.check(
        fc.property(s3Case, (question) => !isDecided(question)),
        { numRuns: 20_000, seed: 1, endOnFailure: true },
      ).failed,
    ).toBe(true);
  });

  it("knows no other differences", () => {
    expect(AS_ON_AWS.size).toBe(0);
    expect([...AS_HERE]).toEqual(Object.keys(DEVIATIONS));
  });
});

function below({ action, bucket }: Case, prefix: string, extent: PermissionOnObjectsBelow["extent"]) {
  return { on: "objects-below", action: action as S3Action, bucket: bucket.name, prefix, extent } as const;
}

function secondAllows(question: OtherCase): boolean {
  const service = serviceOf(question.action);
  switch (service) {
    case "iam":
      return iamAllows(question);
    case "sts":
      return stsAllows(question);
    case "sns":
      return snsAllows(question, question.topicPolicy);
    case "kms":
      return kmsAllows(question, question.isDefaultKey);
    default:
      return service satisfies never;
  }
}
