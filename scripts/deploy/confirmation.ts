/** Questions to the person who runs the command. */
import { createInterface, type Interface } from "node:readline";

/** Reads answers from standard input, line by line, from a terminal or a pipe. */
export class Questions {
  #input: Interface | undefined;
  #lines: AsyncIterator<string> | undefined;

  /** @returns the line without blanks at its ends; empty if the input has ended */
  async ask(text: string): Promise<string> {
    process.stdout.write(text);
    this.#input ??= createInterface({ input: process.stdin });
    this.#lines ??= this.#input[Symbol.asyncIterator]();
    const { done, value } = await this.#lines.next();
    if (done === true || !process.stdin.isTTY) process.stdout.write("\n");
    return done === true ? "" : value.trim();
  }

  close(): void {
    this.#input?.close();
    process.stdin.destroy();
  }
}
