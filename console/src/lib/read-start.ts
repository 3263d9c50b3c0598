/** The first bytes of an answer as text. */

export interface TextStart {
  readonly text: string;
  /** Whether the answer has more bytes. */
  readonly isCut: boolean;
}

/**
 * Reads at most `maxBytes` bytes, and ends the answer then: a browser decompresses it as it is read, and a few bytes can become
 * gigabytes. Invalid bytes become replacement characters.
 */
export async function readStart({ body }: Pick<Response, "body">, maxBytes: number): Promise<TextStart> {
  const reader = body?.getReader();
  if (reader === undefined) return { text: "", isCut: false };
  const decoder = new TextDecoder();
  let text = "";
  let leftBytes = maxBytes;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return { text: text + decoder.decode(), isCut: false };
    // A character that the cut divides is left out.
    text += decoder.decode(value.subarray(0, leftBytes), { stream: true });
    if (value.byteLength > leftBytes) {
      await reader.cancel();
      return { text, isCut: true };
    }
    leftBytes -= value.byteLength;
  }
}
