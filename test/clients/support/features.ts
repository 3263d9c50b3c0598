/** Features that the clients test. Each is switched on here for every client. */
export const FEATURES = {
  /** Files above the clients' multipart thresholds (8 MB in the AWS CLI). */
  multipart: true,
  /** CopyObject: server-side copies, moves, and clients that set a modification time afterwards. */
  copy: true,
} as const;
