/** Deploys that failed half-way: `npm run deploy` as a person runs it, with the real wrangler, against a fake of Cloudflare's API. */
import { describe, expect, it } from "vitest";
import { cloud, defined, deploy, deployOnce, expectComplete, keysIn, useClone } from "../support/deployment.ts";

useClone();

/** One of the deploy's own calls, and of wrangler's one before, at and after the upload. */
const faults = [
  ["the database cannot be created", { method: "POST", path: /^\/d1\/database$/, status: 500 }],
  ["the bucket cannot be created", { method: "POST", path: /^\/r2\/buckets$/, status: 500 }],
  ["the upload is refused", { method: "PUT", path: /^\/workers\/scripts\/workers-s3$/, status: 400 }],
  ["a queue consumer is refused", { method: "POST", path: /consumers$/, status: 400 }],
] as const;

/** Only in `npm run test:failures`. */
const more = [
  ["a queue cannot be created", { method: "POST", path: /^\/queues$/, status: 403 }],
  ["the schedules are refused", { method: "PUT", path: /schedules$/, status: 400 }],
  ["workers.dev cannot be switched on", { method: "POST", path: /subdomain$/, status: 500 }],
] as const;

describe("a deploy that failed half-way", () => {
  it.each([...faults, ...(process.env.ALL_FAILURES ? more : [])])(
    "says that it can be repeated, and succeeds when repeated: %s",
    async (_case, fault) => {
      cloud.fail(fault);
      const failed = await deploy();
      expect(failed.code, failed.text).toBe(1);
      expect(failed.text).toMatch(/[Rr]un the same command again/);
      cloud.heal();
      const repeated = await deploy();
      expect(repeated.code, repeated.text).toBe(0);
      expectComplete();
      const shown = { ...keysIn(failed.text), ...defined(keysIn(repeated.text)) };
      expect(shown).toEqual(cloud.secretsOf("workers-s3"));
    },
  );

  it("shows the keys of an upload whose answer was lost", async () => {
    cloud.fail({ method: "PUT", path: /^\/workers\/scripts\/workers-s3$/, status: 500, isAfter: true });
    const failed = await deploy();
    expect(failed.code).toBe(1);
    const inForce = cloud.secretsOf("workers-s3");
    expect(Object.keys(inForce)).toHaveLength(3);
    cloud.heal();
    const repeated = await deploy();
    expect(repeated.code, repeated.text).toBe(0);
    expect(cloud.secretsOf("workers-s3")).toEqual(inForce);
    expect(keysIn(repeated.text)).toEqual(inForce);
  });

  it("uses what a deploy by hand has created: bucket, database and queues without a Worker", async () => {
    await deployOnce();
    cloud.deleteWorker("workers-s3");
    const { code, text } = await deploy();
    expect(code, text).toBe(0);
    expectComplete();
  });
});
