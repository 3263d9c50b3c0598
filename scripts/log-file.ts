/** A file to which lines are appended, in batches: a write for each line would cost more than the request it is about. */
import { closeSync, openSync, writeSync } from "node:fs";

const FLUSH_AFTER_MS = 100;
const FLUSH_AT_CHARACTERS = 256 * 1024;

export class LogFile {
  readonly #path: string;
  readonly #file: number;
  readonly #onError: (message: string) => void;
  #waiting = "";
  #timer: NodeJS.Timeout | undefined;
  #hasFailed = false;

  /**
   * @param onError is called once, when the file can no longer be written
   * @throws Error with a sentence if the file cannot be written
   */
  constructor(path: string, onError: (message: string) => void) {
    this.#path = path;
    this.#onError = onError;
    try {
      this.#file = openSync(path, "a");
    } catch (cause) {
      throw new Error(`Cannot write to ${path}, which --log names.`, { cause });
    }
  }

  append(line: string): void {
    this.#waiting += `${line}\n`;
    if (this.#waiting.length >= FLUSH_AT_CHARACTERS) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_AFTER_MS);
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const bytes = Buffer.from(this.#waiting);
    this.#waiting = "";
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(this.#file, bytes, written);
    } catch (error) {
      if (!this.#hasFailed) this.#onError(`Cannot write to ${this.#path}: ${String(error)}`);
      this.#hasFailed = true;
    }
  }
}
