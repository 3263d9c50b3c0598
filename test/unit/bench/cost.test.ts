import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CASES } from "../../../bench/cases.ts";
import { billOf, billOfR2, billOfS3, cpuMsOf, priceOfMillion } from "../../../bench/cost/bill.ts";
import { UNITS } from "../../../bench/cost/billed-units.ts";
import { formatScale } from "../../../bench/cost/page.ts";
import { AWS, CLOUDFLARE, charge, chargeTiers } from "../../../bench/cost/prices.ts";
import { SWEEP_CALLS_PER_RUN, SWEEP_PASSES_PER_DAY, WORKLOADS, type Workload } from "../../../bench/cost/workloads.ts";
import type { Results, SideFigures } from "../../../bench/results.ts";

const root = new URL("../../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

const figures = (cpuMs: number): SideFigures => ({ perSecond: [1], cpuMs: [cpuMs], p50Ms: 1, p99Ms: 1 });
const results = (ours: number, floor: number): Pick<Results, "requests"> => ({
  requests: [{ name: "GET 1 KiB", connections: 1, sides: { start: figures(ours), floor: figures(floor) } }],
});
const recorded = (ours: number, floor: number) => results(ours, floor) as Results;

it("docs/scale.md is what npm run bench:cost prints", () => {
  const record = JSON.parse(read("bench/results.json")) as Results;
  expect(read("docs/scale.md")).toBe(formatScale(record));
});

it("the page sweeps as many sets as the Worker", () => {
  const sweep = read("src/sweeps/blob-sets.ts");
  expect(sweep).toContain(`const CALLS_PER_RUN = ${SWEEP_CALLS_PER_RUN};`);
  expect(sweep).toContain(`const PASSES_PER_GRACE_PERIOD = ${SWEEP_PASSES_PER_DAY};`);
  expect(read("wrangler.toml")).toContain('BLOB_GRACE_HOURS = "24"');
  expect(read("wrangler.toml")).toContain('crons = ["*/10 * * * *", "*/2 * * * *", "1-59/2 * * * *", "* * * * *"]');
});

it("CPU time is taken from requests that are measured", () => {
  const names = CASES.map(({ name }) => name);
  const used = WORKLOADS.flatMap(({ uses }) => uses.map(({ cpu }) => cpu.request));
  expect(used.filter((name) => !names.includes(name))).toEqual([]);
});

describe("charges", () => {
  it("what is included costs nothing", () => {
    expect(charge(1e6, CLOUDFLARE.classA)).toBe(0);
    expect(charge(3e6, CLOUDFLARE.classA)).toBeCloseTo(9);
  });

  it("each tier costs its own price", () => {
    expect(chargeTiers(100, AWS.egressGb)).toBe(0);
    expect(chargeTiers(10_100, AWS.egressGb)).toBeCloseTo(900);
    expect(chargeTiers(20_100, AWS.egressGb)).toBeCloseTo(900 + 850);
    expect(chargeTiers(1_000_000, AWS.storedGb)).toBeCloseTo(50_000 * 0.023 + 450_000 * 0.022 + 500_000 * 0.021);
  });
});

describe("CPU time", () => {
  it("is the difference to the floor, for as many as one use is worth", () => {
    expect(cpuMsOf(recorded(2, 1.5), { request: "GET 1 KiB", times: 3 })).toBeCloseTo(1.5);
  });

  it("is at least a tenth of a millisecond", () => {
    expect(cpuMsOf(recorded(1, 2), { request: "GET 1 KiB" })).toBe(0.1);
  });

  it("is not known for a request that was not measured", () => {
    expect(cpuMsOf(recorded(1, 2), { request: "PUT 1 KiB" })).toBeUndefined();
  });
});

describe("a workload", () => {
  const workload: Workload = {
    name: "reads",
    assumes: "",
    storedGb: 110,
    egressGb: 1_100,
    uses: [
      {
        ...{ what: "reads", operation: "GetObject, HeadObject", plain: "classB", count: 20e6 },
        cpu: { request: "GET 1 KiB" },
      },
    ],
  };

  it("costs the plan, its storage, its requests and its calls", () => {
    const bill = billOf(workload, recorded(3, 1));
    expect(bill.storage).toBeCloseTo(100 * 0.015);
    expect(bill.r2Operations).toBeCloseTo(10 * 0.36);
    expect(bill.workers).toBeCloseTo(5 + 10 * 0.3 + 10 * 0.02);
    expect(bill.total).toBeCloseTo(1.5 + 3.6 + 8.2);
    expect(bill.d1 + bill.durableObjects + bill.queues).toBe(0);
  });

  it("costs no requests for scheduled work", () => {
    const uses = workload.uses.map((use) => ({ ...use, isScheduled: true }));
    expect(billOf({ ...workload, uses }, recorded(3, 1)).workers).toBeCloseTo(5 + 10 * 0.02);
  });

  it("costs its storage and calls on R2 itself, and egress in addition on S3", () => {
    expect(billOfR2(workload)).toBeCloseTo(1.5 + 3.6);
    expect(billOfS3(workload)).toBeCloseTo(110 * 0.023 + 1_000 * 0.09 + 20 * 0.4);
  });
});

it("a million requests cost each of their units", () => {
  expect(priceOfMillion(UNITS["GetObject, HeadObject"], 1, true)).toBeCloseTo(0.3 + 0.02 + 0.36);
  expect(priceOfMillion(UNITS["GetObject, HeadObject"], 0, false)).toBeCloseTo(0.36);
  const { classA, d1RowsWritten, queueMessages } = UNITS["PutObject under a notification or replication rule"];
  const expected = 0.3 + classA * 4.5 + d1RowsWritten * 1 + queueMessages * 3 * 0.4;
  expect(priceOfMillion(UNITS["PutObject under a notification or replication rule"], 0, true)).toBeCloseTo(expected);
});
