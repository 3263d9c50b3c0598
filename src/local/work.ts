/** Work that a local server asks its Worker for, each in place of a cron expression. */

/** The server has started. Requests until now were its own, and messages may be left from before. */
export const STARTED = "started";
/** The server stops: requests that were not reported yet are reported. */
export const STOPPING = "stopping";
