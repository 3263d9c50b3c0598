/** The triggers of wrangler.toml that have work of their own; every other trigger is for `runSweeps`. */

/** Of `resumeEvents`. */
export const EVERY_MINUTE = "* * * * *";
/** Of `ageObjects`. */
export const LIFECYCLE = "*/2 * * * *";
/** Of `takeInventories`, which counts usage too: in the other minutes, because the platform limits the calls of each run. */
export const INVENTORY = "1-59/2 * * * *";
