/** Reads forms from chunks of any size. */
import type { ByteSource } from "../../../../src/protocol/post-form/multipart-reader.ts";
import { type PostForm, readPostForm } from "../../../../src/protocol/post-form/post-form.ts";
import { BOUNDARY } from "../../../support/post-form.ts";

export function sourceOf(pieces: readonly (Uint8Array | string)[]): ByteSource {
  const left = pieces.map((piece) => (typeof piece === "string" ? new TextEncoder().encode(piece) : piece));
  return { take: async () => left.shift() };
}

export function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces = [];
  for (let start = 0; start < bytes.length; start += size) pieces.push(bytes.subarray(start, start + size));
  return pieces;
}

export interface ReadForm {
  readonly form: PostForm;
  readonly fields: Record<string, string>;
  readonly file: Uint8Array;
}

export async function readWhole(pieces: readonly (Uint8Array | string)[], boundary = BOUNDARY): Promise<ReadForm> {
  const form = await readPostForm(sourceOf(pieces), boundary);
  const content = [];
  for await (const piece of form.file()) content.push(...piece);
  return { form, fields: Object.fromEntries(form.fields), file: Uint8Array.from(content) };
}
