/** The triggers of wrangler.toml that have work of their own; every other trigger is for `runSweeps`. */

/** Of `resumeEvents`. */
export const EVERY_MINUTE = "* * * * *";
/** Of `ageObjects`. */
export const LIFECYCLE = "*/2 * * * *";
