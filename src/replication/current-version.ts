/** Reading what is current at a key, as replication needs it: a delete marker is a state like an object. */
import { S3Error } from "../errors.ts";

/**
 * The object at a key, a delete marker, or undefined if there is neither.
 * @param reading by the store, which throws `NoSuchKey` for a delete marker
 */
export async function orMarker<Read>(reading: Promise<Read | undefined>): Promise<Read | "delete-marker" | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof S3Error && error.code === "NoSuchKey") return "delete-marker";
    throw error;
  }
}

/** The object at a key; undefined if there is none, or a delete marker. */
export async function orUndefined<Read>(reading: Promise<Read | undefined>): Promise<Read | undefined> {
  const read = await orMarker(reading);
  return read === "delete-marker" ? undefined : read;
}
