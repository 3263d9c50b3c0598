/**
 * Counts requests, and reports their number to the local server at most once a second while there are any: a line of the log
 * for each request would cost more than a small request.
 */
import { waitUntil } from "cloudflare:workers";

const REPORT_AFTER_MS = 1_000;

let requests = 0;
let refused = 0;
let failed = 0;
let nextReportAt = 0;

/** @param status of the answer: from 400 the request was refused, from 500 it failed */
export function countRequest(status: number): void {
  requests++;
  if (status >= 500) failed++;
  else if (status >= 400) refused++;
  const now = Date.now();
  if (now < nextReportAt) return;
  nextReportAt = now + REPORT_AFTER_MS;
  waitUntil(scheduler.wait(REPORT_AFTER_MS).then(() => reportTraffic()));
}

/**
 * One line, as `scripts/server-log.ts` reads it. What was counted before is not counted again.
 * @param isLast whether the server waits for this one before it ends
 */
export function reportTraffic(isLast = false): void {
  console.debug(JSON.stringify({ traffic: { requests, refused, failed }, isLast }));
  forgetTraffic();
}

export function forgetTraffic(): void {
  [requests, refused, failed] = [0, 0, 0];
}
