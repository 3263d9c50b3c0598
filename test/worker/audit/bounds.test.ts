/** What the audit costs, how many refusals it keeps, and how it learns that it was switched on or off. */
import { beforeAll, describe, expect, it } from "vitest";
import { DENIED_PER_ACCOUNT, DENIED_PER_SECOND } from "../../../src/audit/denial-limit.ts";
import { AuditSwitch } from "../../../src/storage/d1/audit-switch.ts";
import { createAccount } from "../../support/accounts.ts";
import { audit, enableAudit, flushAudit, recordAudit } from "../../support/audit.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { LaggingD1 } from "../../support/lagging-replica.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";

let bucket: string;

beforeAll(async () => {
  bucket = await createBucket();
  await putObject(bucket, "k");
});

describe("a flood of refusals", () => {
  it("has a limited number of lines, and one that counts the rest; changes keep theirs", async () => {
    const { env, lines } = recordAudit();
    await enableAudit(env);
    await lines();
    const tenants = await Promise.all(Array.from({ length: 4 }, () => createAccount()));
    const count = 150;
    for (let step = 0; step < count; step++) await send({ bucket, key: "k", as: null, env });
    for (const as of tenants) for (let step = 0; step < 30; step++) await send({ bucket, key: "k", as, env });
    for (let step = 0; step < 3; step++) await createBucket({ env });
    const found = await lines();
    const denied = found.filter(({ type }) => type === "denied");
    const omitted = found.filter(({ type }) => type === "omitted");
    expect(denied.length).toBeGreaterThanOrEqual(DENIED_PER_ACCOUNT);
    const left = omitted.reduce((sum, { count: each }) => sum + Number(each), 0);
    expect(denied.length + left).toBe(count + 120);
    expect(omitted[0]).toMatchObject({
      version: 1,
      codes: { AccessDenied: expect.any(Number) },
      until: expect.any(String),
    });
    expect(found.filter(({ operation }) => operation === "CreateBucket")).toHaveLength(3);
    expect(DENIED_PER_SECOND).toBeLessThan(100);
  });
});

describe("while the audit is off", () => {
  it("requests make the same calls as before, changes and refusals too", async () => {
    const { env, counts, reset } = countingEnv(testEnv);
    await audit("DELETE", undefined, { env });
    await (await send({ bucket, key: "k", env })).text();
    await flushAudit();
    reset();
    await (await send({ bucket, key: "k", env })).text();
    await (await send({ bucket, key: "k", as: null, env })).text();
    await flushAudit();
    // The refusal's one is for the ACL of the object.
    expect(counts).toEqual({ r2: 2, d1: 0, durableObject: 0, queue: 0 });
  });

  it("a flood of unsigned requests about no bucket reads the setting once", async () => {
    const { env, counts } = countingEnv(testEnv);
    for (let step = 0; step < 20; step++) await (await send({ as: null, env })).text();
    await flushAudit();
    expect(counts).toEqual({ r2: 0, d1: 1, durableObject: 0, queue: 0 });
  });
});

describe("the switch", () => {
  const ROW = { account_id: "1", bucket: "b", prefix: "p/", set_at: 1 };
  const SETTING = { accountId: "1", bucket: "b", prefix: "p/" };

  it("knows what was read last, for a while", () => {
    const auditSwitch = new AuditSwitch(testEnv.DB, 5_000);
    expect(auditSwitch.known(0)).toBeUndefined();
    auditSwitch.note(ROW, 1_000);
    expect(auditSwitch.known(2_000)).toEqual(SETTING);
    auditSwitch.note(undefined, 500);
    expect(auditSwitch.known(2_000)).toEqual(SETTING);
    auditSwitch.note(undefined, 3_000);
    expect(auditSwitch.known(4_000)).toBe("off");
    expect(auditSwitch.known(60_000)).toBeUndefined();
  });

  it("a read from before a change of this isolate does not undo it", async () => {
    const { env } = recordAudit();
    const own = await enableAudit(env);
    const auditSwitch = new AuditSwitch(testEnv.DB, 5_000);
    await auditSwitch.clear({} as Parameters<AuditSwitch["clear"]>[0]);
    auditSwitch.note({ ...ROW, bucket: own }, Date.now() - 60_000);
    expect(await auditSwitch.find()).toBe("off");
  });

  it("is not what a replica of D1 shows, which may be an older one", async () => {
    const d1 = await LaggingD1.open();
    const own = await enableAudit(recordAudit().env);
    const far = recordAudit({ ...testEnv, DB: d1.binding, D1_READS: "nearest" });
    expect((await send({ bucket, key: "k", as: null, env: far.env })).status).toBe(403);
    expect(await far.lines()).toMatchObject([{ type: "denied", operation: "GetObject" }]);
    expect(far.messages.map(({ setting }) => setting.bucket)).toEqual([own]);
    expect(d1.trips.replica).toBeGreaterThan(0);
  });

  it("another isolate's setting is seen with the next read of a key or bucket", async () => {
    const { env, lines, messages } = recordAudit();
    await audit("DELETE", undefined, { env });
    await lines();
    const { env: other } = recordAudit();
    const own = await enableAudit(other);
    await createBucket({ env, key: await createAccount() });
    expect(await lines()).toMatchObject([{ type: "change", operation: "CreateBucket" }]);
    expect(messages.at(-1)?.setting.bucket).toBe(own);
  });
});
