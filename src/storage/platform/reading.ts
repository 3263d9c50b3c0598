/**
 * Reading what R2 holds, for storage's own use. The body of an answer is not read here: the platform moves it without JavaScript,
 * and a client that receives nothing ends its request.
 */
import { inTime } from "../../model/deadline.ts";
import { type Pieces, toPieces } from "../../model/pieces.ts";
import { callR2 } from "../platform-errors.ts";
import { waitsFor } from "./waits.ts";

const WHAT = "R2 get, the next bytes";

/** All bytes of an object. @throws S3Error */
export async function bytesOf(store: R2Bucket, found: R2ObjectBody): Promise<Uint8Array<ArrayBuffer>> {
  const ms = waitsFor(store).callMs;
  return new Uint8Array(await callR2(inTime(found.arrayBuffer(), { ms, what: WHAT })));
}

/** The pieces of an object, each of which comes in time. */
export function storedPieces(store: R2Bucket, content: ReadableStream<Uint8Array> | Pieces): Pieces {
  const ms = waitsFor(store).callMs;
  const pieces = toPieces(content);
  return {
    next: () => inTime(pieces.next(), { ms, what: WHAT }),
    cancel: (reason) => pieces.cancel(reason),
  };
}
