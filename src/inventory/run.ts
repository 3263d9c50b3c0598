/**
 * The inventories of all buckets: their reports are written from the schedule, in steps. A run gives every report whose turn it is
 * an equal part of its calls, and begins with those that have waited longest.
 */
import type { CallBudget } from "../lifecycle/call-budget.ts";
import type { InventoryServices } from "../services.ts";
import { ReportStep } from "./report-step.ts";

const REPORTS_PER_RUN = 20;
/** With fewer calls a report could list the bucket and not be completed. */
const LEAST_CALLS_OF_A_REPORT = 50;
/** The rows of the reports. */
const CALLS_OF_A_RUN = 1;
/** The rows of both buckets and that of the report. */
const CALLS_OF_A_REPORT = 3;

export interface InventoryResult {
  readonly reports: number;
  readonly completed: number;
  readonly refused: number;
  /** Versions that are in data files. */
  readonly rows: number;
}

/** @throws the first failure, after all reports had their turn */
export async function runInventories(
  services: InventoryServices,
  now: Date,
  budget: CallBudget,
): Promise<InventoryResult> {
  const { inventory } = services;
  budget.spend(CALLS_OF_A_RUN);
  const affordable = Math.floor(budget.left / LEAST_CALLS_OF_A_REPORT);
  const due = await inventory.reports.due(now, Math.min(REPORTS_PER_RUN, affordable));
  const total = { reports: 0, completed: 0, refused: 0, rows: 0 };
  const failures: unknown[] = [];
  for (const [index, each] of due.entries()) {
    const share = budget.share(due.length - index);
    if (!share.budget.take(CALLS_OF_A_REPORT)) break;
    total.reports++;
    const step = new ReportStep({ services, now, budget: share.budget }, each);
    try {
      const outcome = await step.run();
      if (outcome === "completed" || outcome === "refused") total[outcome]++;
    } catch (error) {
      failures.push(error);
    }
    total.rows += step.rows;
    share.settle();
  }
  if (failures.length > 0) throw failures[0];
  return total;
}
