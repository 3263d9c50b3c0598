/** What the clients are asked to do. A feature that lands is switched on here, and its cases run in every client. */
export const FEATURES = {
  /** Files above the clients' multipart thresholds (8 MB in the AWS CLI). */
  multipart: true,
  /** CopyObject: server-side copies, moves, and clients that set a modification time afterwards. */
  copy: true,
} as const;
