/** Bodies up to this size are held in memory, which lets R2 decide a condition in the first call. */
export const BUFFERED_BYTES = 1024 * 1024;
