/** What workloads cost in a month, from billed units and prices. Pure. */
import { cpuAbove } from "../report.ts";
import { isRefused, type Results } from "../results.ts";
import { type BilledUnits, UNITS } from "./billed-units.ts";
import {
  AWS,
  CLOUDFLARE,
  charge,
  chargeTiers,
  OBJECT_GB_SECONDS_PER_CALL,
  QUEUE_OPERATIONS_PER_MESSAGE,
} from "./prices.ts";
import type { CpuBasis, Workload } from "./workloads.ts";

/** The least that is assumed for a request, in ms. */
const MIN_CPU_MS = 0.1;

/** Sweeps of a month of 30 days. */
const SWEEPS = [
  { operation: "sweeps of 10 minutes, two regions, nothing stored", count: 6 * 24 * 30 },
  { operation: "sweeps of a minute, nothing stored", count: 60 * 24 * 30 },
  { operation: "run of the lifecycle, no bucket with rules", count: 30 * 24 * 30 },
  { operation: "run of inventories and usage, nothing due", count: 30 * 24 * 30 },
  { operation: "start of a run of a schedule, in addition", count: (60 + 30 + 30 + 6) * 24 * 30 },
] as const;

export interface Bill {
  readonly storage: number;
  readonly r2Operations: number;
  /** The plan, requests and CPU time. */
  readonly workers: number;
  readonly d1: number;
  readonly durableObjects: number;
  readonly queues: number;
  readonly total: number;
}

/** CPU time of the Worker above that of the floor, in ms. Undefined where the record has none. */
export function cpuMsOf(results: Results, { request, times = 1 }: CpuBasis): number | undefined {
  const { start, floor } = results.requests.find(({ name }) => name === request)?.sides ?? {};
  if (start === undefined || floor === undefined || isRefused(start) || isRefused(floor)) return undefined;
  const above = cpuAbove(start, floor);
  return above === undefined ? undefined : Math.max(MIN_CPU_MS, above) * times;
}

export function billOf(workload: Workload, results: Results): Bill {
  const total = { requests: 0, cpuMs: 0, ...UNITS["DeleteObject, DeleteObjects of 1,000 keys"] };
  const add = (units: BilledUnits, count: number) => {
    for (const name of Object.keys(units) as (keyof BilledUnits)[]) total[name] += units[name] * count;
  };
  for (const { operation, count, cpu, isScheduled = false } of workload.uses) {
    add(UNITS[operation], count);
    if (!isScheduled) total.requests += count;
    total.cpuMs += (cpuMsOf(results, cpu) ?? MIN_CPU_MS) * count;
  }
  for (const { operation, count } of SWEEPS) add(UNITS[operation], count);
  const storage = charge(workload.storedGb, CLOUDFLARE.storedGb);
  const r2Operations = charge(total.classA, CLOUDFLARE.classA) + charge(total.classB, CLOUDFLARE.classB);
  const workers = CLOUDFLARE.plan + charge(total.requests, CLOUDFLARE.requests) + charge(total.cpuMs, CLOUDFLARE.cpuMs);
  const d1 = charge(total.d1RowsRead, CLOUDFLARE.d1RowsRead) + charge(total.d1RowsWritten, CLOUDFLARE.d1RowsWritten);
  const durableObjects =
    charge(total.objectCalls, CLOUDFLARE.objectCalls) +
    charge(total.objectCalls * OBJECT_GB_SECONDS_PER_CALL, CLOUDFLARE.objectGbSeconds) +
    charge(total.objectRowsRead, CLOUDFLARE.objectRowsRead) +
    charge(total.objectRowsWritten, CLOUDFLARE.objectRowsWritten);
  const queues = charge(total.queueMessages * QUEUE_OPERATIONS_PER_MESSAGE, CLOUDFLARE.queueOperations);
  const sum = storage + r2Operations + workers + d1 + durableObjects + queues;
  return { storage, r2Operations, workers, d1, durableObjects, queues, total: sum };
}

/** The same work through R2's own endpoint. */
export function billOfR2({ storedGb, ...workload }: Workload): number {
  const { classA, classB } = plainCalls(workload);
  return charge(storedGb, CLOUDFLARE.storedGb) + charge(classA, CLOUDFLARE.classA) + charge(classB, CLOUDFLARE.classB);
}

export function billOfS3({ storedGb, egressGb, ...workload }: Workload): number {
  const { classA, classB } = plainCalls(workload);
  const calls = classA * AWS.classA + classB * AWS.classB;
  return chargeTiers(storedGb, AWS.storedGb) + chargeTiers(egressGb, AWS.egressGb) + calls;
}

function plainCalls({ uses }: Pick<Workload, "uses">): { classA: number; classB: number } {
  const calls = { classA: 0, classB: 0 };
  for (const { plain, count } of uses) if (plain !== "free") calls[plain] += count;
  return calls;
}

/** Dollars for a million requests, beyond what is included. */
export function priceOfMillion(units: BilledUnits, cpuMs: number, isRequest: boolean): number {
  const { requests, classA, classB, d1RowsRead, d1RowsWritten, objectCalls, objectGbSeconds } = CLOUDFLARE;
  const each =
    (isRequest ? requests.each : 0) +
    cpuMs * CLOUDFLARE.cpuMs.each +
    units.classA * classA.each +
    units.classB * classB.each +
    units.d1RowsRead * d1RowsRead.each +
    units.d1RowsWritten * d1RowsWritten.each +
    units.objectCalls * (objectCalls.each + OBJECT_GB_SECONDS_PER_CALL * objectGbSeconds.each) +
    units.objectRowsRead * CLOUDFLARE.objectRowsRead.each +
    units.objectRowsWritten * CLOUDFLARE.objectRowsWritten.each +
    units.queueMessages * QUEUE_OPERATIONS_PER_MESSAGE * CLOUDFLARE.queueOperations.each;
  return each * 1e6;
}
