/** Runs the checks in their order, prints each as it ends, and removes what they have made. */
import { printable } from "../output.ts";
import { type Check, Ended, fail, Interrupted, type Outcome, skipped, type Verdict } from "./check.ts";
import { NoAnswer } from "./http.ts";
import { silent, type World } from "./world.ts";

export interface Result extends Verdict {
  readonly name: string;
  readonly milliseconds: number;
}

export interface DoctorRun {
  readonly world: World;
  readonly checks: readonly Check[];
  readonly isJson: boolean;
  print(text: string): void;
}

export const EXIT = { healthy: 0, failed: 1, interrupted: 130 } as const;

/** Requests that get no answer take long, so the rest is left out after some. */
const MAX_SILENT = 3;
const NAME_WIDTH = 20;
const OUTCOME_WIDTH = 9;

/** @returns the exit code */
export async function runDoctor({ world, checks, isJson, print }: DoctorRun): Promise<number> {
  const results: Result[] = [];
  const show = (result: Result) => {
    results.push(result);
    if (!isJson) print(formatResult(result));
  };
  if (!isJson) print(`Checking ${printable(world.options.endpoint.href)}\n\n`);
  let isInterrupted = false;
  let silentChecks = 0;
  try {
    for (const check of checks) {
      const start = performance.now();
      const isEnough = silentChecks >= MAX_SILENT;
      const verdict: Judged = isEnough
        ? skipped(`${MAX_SILENT} checks got no answer`)
        : await runCheck(check, world, results);
      if (verdict.isSilent) silentChecks++;
      show({ ...resultOf(check, verdict), milliseconds: Math.round(performance.now() - start) });
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    isInterrupted = true;
  } finally {
    const start = performance.now();
    const left = await world.cleanUp();
    show({ ...cleanUpResult(left, world), milliseconds: Math.round(performance.now() - start) });
  }
  const counts = countOutcomes(results);
  print(isJson ? formatJson({ world, checks, results, counts }) : formatSummary(counts, world));
  if (isInterrupted) return EXIT.interrupted;
  return counts.fail > 0 ? EXIT.failed : EXIT.healthy;
}

type Judged = Verdict & { readonly isSilent?: true };

async function runCheck(check: Check, world: World, earlier: readonly Result[]): Promise<Judged> {
  const missing = check.needs?.find((need) => earlier.some(({ name, outcome }) => name === need && isBroken(outcome)));
  if (missing !== undefined) return skipped(`needs ${missing}`);
  if (world.options.signal.aborted) throw new Interrupted();
  try {
    return await check.run(world);
  } catch (error) {
    if (error instanceof Ended) return error.verdict;
    if (error instanceof NoAnswer) {
      return {
        ...silent(error, world.options.endpoint.host),
        ...(error.code === "timeout" && { isSilent: true as const }),
      };
    }
    if (error instanceof Interrupted) throw error;
    return fail(`the check itself failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isBroken(outcome: Outcome): boolean {
  return outcome === "fail" || outcome === "skipped";
}

function resultOf(check: Check, { outcome, detail, remedy }: Verdict): Omit<Result, "milliseconds"> {
  const advice = outcome === "fail" || outcome === "warn" ? (remedy ?? check.remedy) : undefined;
  return { name: check.name, outcome, detail, ...(advice !== undefined && { remedy: advice }) };
}

function cleanUpResult(left: readonly string[], { isBucketCreated, bucket }: World): Omit<Result, "milliseconds"> {
  const name = "clean-up";
  if (left.length === 0) {
    return { name, outcome: "ok", detail: isBucketCreated ? `bucket ${bucket} is removed` : "nothing was made" };
  }
  const remedy = `Remove it by hand: aws s3 rb --force s3://${bucket}`;
  return { name, outcome: "warn", detail: `not removed: ${left.join("; ")}`, remedy };
}

function countOutcomes(results: readonly Result[]): Readonly<Record<Outcome, number>> {
  const count = (outcome: Outcome) => results.filter((result) => result.outcome === outcome).length;
  return { ok: count("ok"), warn: count("warn"), fail: count("fail"), skipped: count("skipped") };
}

export function formatResult({ name, outcome, detail, remedy }: Omit<Result, "milliseconds">): string {
  const label = outcome === "fail" ? "FAIL" : outcome;
  const indent = " ".repeat(OUTCOME_WIDTH + NAME_WIDTH);
  const lines = detail.split("\n").map((line, index) => (index === 0 ? printable(line) : indent + printable(line)));
  const first = `${label.padEnd(OUTCOME_WIDTH)}${name.padEnd(NAME_WIDTH)}${lines.join("\n")}\n`;
  return remedy === undefined ? first : `${first}${indent}→ ${printable(remedy)}\n`;
}

function formatSummary(counts: Readonly<Record<Outcome, number>>, { sentBytes }: World): string {
  const sent = (sentBytes / 1e6).toFixed(1);
  const warnings = `${counts.warn} ${counts.warn === 1 ? "warning" : "warnings"}`;
  const parts = [`${counts.ok} ok`, warnings, `${counts.fail} failed`, `${counts.skipped} skipped`];
  return `\n${parts.join(", ")}; ${sent} MB sent. What each check does: docs/doctor.md\n`;
}

interface Report {
  readonly world: World;
  readonly checks: readonly Check[];
  readonly results: readonly Result[];
  readonly counts: Readonly<Record<Outcome, number>>;
}

function formatJson({ world, checks, results, counts }: Report): string {
  const described = results.map((result) => {
    const check = checks.find(({ name }) => name === result.name);
    return { ...result, ...(check !== undefined && { sends: check.sends, expects: check.expects }) };
  });
  const { endpoint } = world.options;
  return `${JSON.stringify({ endpoint: endpoint.href, counts, sentBytes: world.sentBytes, results: described })}\n`;
}
