/** Where the audit goes, and the names of its objects. */

/** The operator's choice. Plain data, for messages. */
export interface AuditSetting {
  /** The bucket's owner. A bucket of the same name that another account creates later gets nothing. */
  readonly accountId: string;
  readonly bucket: string;
  /** Of the keys of its objects. */
  readonly prefix: string;
}

export const DEFAULT_AUDIT_PREFIX = "audit/";
/** In bytes, so that keys stay far below the limit of 1,024. */
export const MAX_AUDIT_PREFIX_BYTES = 512;

/**
 * `<prefix>YYYY/MM/DD/hh-mm-ss-<id>.jsonl`, in UTC. The same for every delivery of a message, so that a message that is delivered
 * twice is one object.
 * @param time of the message's first line, milliseconds since 1970
 */
export function auditObjectKey({ prefix }: AuditSetting, { id, time }: { readonly id: string; readonly time: number }) {
  const [date = "", clock = ""] = new Date(time).toISOString().split("T");
  return `${prefix}${date.replaceAll("-", "/")}/${clock.slice(0, 8).replaceAll(":", "-")}-${id}.jsonl`;
}
