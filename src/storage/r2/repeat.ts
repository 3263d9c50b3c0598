/** Making a change again after another write of the same entry has come first. */
import { S3Error } from "../../errors.ts";
import { pause } from "./unchanged.ts";

/** Of rivals for one entry one wins each time, so about as many can change it at once. */
const ATTEMPTS = 12;
const MAX_DELAY_MS = 10;

/**
 * @param attempt reads the entry, and puts it on condition that it is unchanged
 * @throws S3Error `ConditionalRequestConflict` once every attempt was beaten; whatever else `attempt` throws
 */
export async function repeatIfBeaten<Outcome>(attempt: () => Promise<Outcome>): Promise<Outcome> {
  for (let made = 1; ; made++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isBeaten(error) || made === ATTEMPTS) throw error;
    }
    // Rivals in step would meet again.
    await pause(Math.random() * MAX_DELAY_MS * made);
  }
}

function isBeaten(error: unknown): boolean {
  return error instanceof S3Error && error.code === "ConditionalRequestConflict";
}
