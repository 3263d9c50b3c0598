/**
 * What a local server shows of the Worker's log. Errors are always shown; the other lines go where `--log` says, and
 * without it a line about the traffic takes their place.
 */
import { LogFile } from "./log-file.ts";
import { type Screen, type Traffic, TrafficLine } from "./traffic-line.ts";

/** A line of the Worker, as Miniflare gets it from workerd. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
}

export interface Streams {
  readonly stdout: Screen;
  readonly stderr: Screen;
}

/** Start of the lines of `src/local/traffic.ts`. Lines with the text of clients start with other names. */
const TRAFFIC = '{"traffic":';

export class ServerLog {
  readonly #streams: Streams;
  readonly #traffic: TrafficLine;
  readonly #isOnStdout: boolean;
  readonly #file: LogFile | undefined;
  #onLastReport: () => void = () => undefined;

  /**
   * @param target a path, or `-` for standard output
   * @throws Error with a sentence if the file cannot be written
   */
  constructor(target: string | undefined, streams: Streams = process) {
    this.#streams = streams;
    this.#traffic = new TrafficLine(streams.stdout);
    this.#isOnStdout = target === "-";
    const onError = (message: string) => this.#traffic.writeLines(streams.stderr, message);
    this.#file = target === undefined || target === "-" ? undefined : new LogFile(target, onError);
  }

  readonly take = ({ level, message }: LogLine): void => {
    if (level === "debug" && message.startsWith(TRAFFIC)) {
      // With the lines of the requests on standard output, their number would be one more among them.
      const { traffic, isLast } = JSON.parse(message) as { traffic: Traffic; isLast: boolean };
      if (!this.#isOnStdout) this.#traffic.add(traffic);
      if (isLast) this.#onLastReport();
      return;
    }
    this.#file?.append(message);
    if (level === "error" || level === "warn") this.#traffic.writeLines(this.#streams.stderr, message);
    else if (this.#isOnStdout) this.#streams.stdout.write(`${message}\n`);
  };

  /** Resolves at the last report of the Worker, and so after every line that it wrote before. */
  lastReport(): Promise<void> {
    return new Promise((resolve) => {
      this.#onLastReport = resolve;
    });
  }

  close(): void {
    this.#traffic.close();
    this.#file?.close();
  }
}
