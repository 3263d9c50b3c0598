/** A data file of a report while it is being written: rows, compressed as they come. */

/**
 * Bytes of rows after which a file ends. Rows are keys and digests, of which gzip leaves a fifth to a half, and a file is held
 * in memory.
 */
export const MAX_ROW_BYTES = 24 * 1024 * 1024;

export class DataFile {
  readonly #writer: WritableStreamDefaultWriter<BufferSource>;
  readonly #compressed: Promise<ArrayBuffer>;
  readonly #encoder = new TextEncoder();
  #rowBytes = 0;

  constructor() {
    const { writable, readable } = new CompressionStream("gzip");
    this.#writer = writable.getWriter();
    this.#compressed = new Response(readable).arrayBuffer();
    // After `abandon` no one waits for it.
    this.#compressed.catch(() => {});
  }

  get isEmpty(): boolean {
    return this.#rowBytes === 0;
  }

  get isFull(): boolean {
    return this.#rowBytes >= MAX_ROW_BYTES;
  }

  async add(rows: string): Promise<void> {
    if (rows === "") return;
    const bytes = this.#encoder.encode(rows);
    this.#rowBytes += bytes.byteLength;
    await this.#writer.write(bytes);
  }

  /** The whole file. */
  async end(): Promise<Uint8Array<ArrayBuffer>> {
    await this.#writer.close();
    return new Uint8Array(await this.#compressed);
  }

  async abandon(): Promise<void> {
    await this.#writer.abort().catch(() => {});
  }
}
