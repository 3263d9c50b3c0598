/** One line about the requests of a local server: rewritten in place on a terminal, else a new one now and then. */

export interface Traffic {
  readonly requests: number;
  /** Answered with 400 to 499. */
  readonly refused: number;
  /** Answered with 500 and above. */
  readonly failed: number;
}

/** The part of a stream that is used. */
export interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const NONE: Traffic = { requests: 0, refused: 0, failed: 0 };
/** Between two lines that are not rewritten in place. */
const LINE_EVERY_MS = 10_000;
const ERASE_LINE = "\r\x1b[2K";

export class TrafficLine {
  readonly #screen: Screen;
  /** On a terminal since the start, else since the last line. */
  #counted = NONE;
  #isShown = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  add({ requests, refused, failed }: Traffic): void {
    if (requests === 0) return;
    const before = this.#counted;
    this.#counted = {
      requests: before.requests + requests,
      refused: before.refused + refused,
      failed: before.failed + failed,
    };
    if (this.#screen.isTTY) {
      this.#screen.write(`${ERASE_LINE}${formatTraffic(this.#counted, new Date())}`);
      this.#isShown = true;
    } else {
      this.#timer ??= setTimeout(() => this.#print(), LINE_EVERY_MS).unref();
    }
  }

  /** Writes whole lines where the line is, which the next requests show again. */
  writeLines(screen: Screen, text: string): void {
    if (this.#isShown) this.#screen.write(ERASE_LINE);
    this.#isShown = false;
    screen.write(`${text}\n`);
  }

  close(): void {
    if (this.#isShown) this.#screen.write("\n");
    if (this.#timer !== undefined) this.#print();
  }

  #print(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#screen.write(`${formatTraffic(this.#counted, new Date())}\n`);
    this.#counted = NONE;
  }
}

/** `23:04:05  1,204 requests, 3 refused, 1 failed`, in local time. */
export function formatTraffic({ requests, refused, failed }: Traffic, time: Date): string {
  const parts = [`${requests.toLocaleString("en-US")} ${requests === 1 ? "request" : "requests"}`];
  if (refused > 0) parts.push(`${refused.toLocaleString("en-US")} refused`);
  if (failed > 0) parts.push(`${failed.toLocaleString("en-US")} failed`);
  return `${time.toTimeString().slice(0, 8)}  ${parts.join(", ")}`;
}
