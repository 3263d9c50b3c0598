/**
 * `npm run admin -- scrub`: repeats a step of the Worker until nothing is left. Findings go to standard output as they come, and
 * progress to standard error. The cursor of the next step is all that a scrub needs to continue.
 */
import { printable } from "./output.ts";

export interface ScrubRun {
  /** One step. @param body undefined: the first one, as the command line says */
  call(body: unknown): Promise<unknown>;
  readonly isJson: boolean;
  readonly signal: AbortSignal;
  print(text: string): void;
  /** Not part of the result. */
  note(text: string): void;
  readonly isTerminal: boolean;
  /** Milliseconds. */
  now(): number;
  /** Before a step is repeated. */
  pause?(ms: number): Promise<void>;
}

export const EXIT = { consistent: 0, findings: 1, incomplete: 2 } as const;

/** A step reads only, so it may be repeated. */
const ATTEMPTS = 5;
const PAUSE_MS = 1000;
const NOTE_EVERY_MS = { terminal: 200, file: 10_000 };
const FIELDS = ["kind", "bucket", "key", "version", "subject", "detail"] as const;

interface Answer {
  readonly findings: readonly Readonly<Record<string, unknown>>[];
  readonly counts: Readonly<Record<string, number>>;
  readonly at?: string;
  readonly cursor: string | null;
}

/** @returns the exit code */
export async function runScrub(run: ScrubRun): Promise<number> {
  const counts = new Map<string, number>();
  const progress = new Progress(run);
  let found = 0;
  let cursor: string | undefined;
  for (;;) {
    let answer: Answer;
    try {
      answer = await step(run, cursor === undefined ? undefined : { cursor });
    } catch (error) {
      progress.end();
      run.note(`${error instanceof Error ? error.message : String(error)}\n`);
      return cursor === undefined ? EXIT.incomplete : stop(run, cursor);
    }
    if (answer.findings.length > 0) progress.clear();
    for (const finding of answer.findings)
      run.print(run.isJson ? `${JSON.stringify(finding)}\n` : formatFinding(finding));
    found += answer.findings.length;
    for (const [name, count] of Object.entries(answer.counts)) counts.set(name, (counts.get(name) ?? 0) + count);
    if (answer.cursor === null) break;
    cursor = answer.cursor;
    progress.show(answer.at ?? "", { counts, found });
    if (run.signal.aborted) {
      progress.end();
      return stop(run, cursor);
    }
  }
  progress.end();
  const summary = { findings: found, ...Object.fromEntries(counts) };
  run.print(run.isJson ? `${JSON.stringify({ summary })}\n` : formatSummary(summary));
  return found > 0 ? EXIT.findings : EXIT.consistent;
}

function stop({ note }: ScrubRun, cursor: string): number {
  note(`Continue with: npm run admin -- scrub --cursor ${cursor}\n`);
  return EXIT.incomplete;
}

async function step({ call, signal, pause = wait }: ScrubRun, body: unknown): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await call(body)) as Answer;
    } catch (error) {
      // The first step shows whether the Worker can be reached at all.
      const isRepeated = isTemporary(error) || (body !== undefined && isUnreachable(error));
      if (!isRepeated || attempt === ATTEMPTS || signal.aborted) throw error;
      await pause(PAUSE_MS * attempt);
    }
  }
}

/** By the code with which the message begins. */
function isTemporary(error: unknown): boolean {
  return (
    error instanceof Error &&
    /^(SlowDown|ServiceUnavailable|InternalError|RequestTimeout|The Worker answered 5)/.test(error.message)
  );
}

function isUnreachable(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("Cannot reach");
}

function formatFinding(finding: Readonly<Record<string, unknown>>): string {
  const [kind, ...rest] = FIELDS.map((name) => (finding[name] === undefined ? "" : printable(finding[name])));
  return `${[kind, ...rest.filter((text) => text !== "")].join("  ")}\n`;
}

function formatSummary(summary: Readonly<Record<string, number>>): string {
  const width = Math.max(...Object.keys(summary).map((name) => name.length));
  return Object.entries(summary)
    .map(([name, count]) => `${name.padEnd(width)}  ${count}\n`)
    .join("");
}

/** One line that is rewritten on a terminal, and a line from time to time elsewhere. */
class Progress {
  readonly #run: ScrubRun;
  #shownAt: number;
  #length = 0;

  constructor(run: ScrubRun) {
    this.#run = run;
    this.#shownAt = run.now();
  }

  show(at: string, { counts, found }: { readonly counts: ReadonlyMap<string, number>; readonly found: number }): void {
    const { isTerminal, note, now } = this.#run;
    const every = isTerminal ? NOTE_EVERY_MS.terminal : NOTE_EVERY_MS.file;
    if (now() - this.#shownAt < every) return;
    this.#shownAt = now();
    const text = `${printable(at)}: ${counts.get("objects") ?? 0} objects, ${counts.get("noncurrentVersions") ?? 0} noncurrent versions, ${found} findings`;
    note(isTerminal ? `\r${text.padEnd(this.#length)}` : `${text}\n`);
    this.#length = text.length;
  }

  /** Makes room for a line of the result. */
  clear(): void {
    if (this.#run.isTerminal && this.#length > 0) this.#run.note(`\r${" ".repeat(this.#length)}\r`);
  }

  end(): void {
    this.clear();
    this.#length = 0;
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
