/** What the page of the set-up shows. */

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sealKey: string;
}

/** The keys that a page shows; undefined if it shows none. */
export function keysOn(page: string): Keys | undefined {
  const find = (label: string) => new RegExp(`<dt>${label}</dt><dd><code>([^<]+)</code>`).exec(page)?.[1];
  const accessKeyId = find("Access key id");
  const secretAccessKey = find("Secret access key");
  const sealKey = find("Seal key");
  if (accessKeyId === undefined || secretAccessKey === undefined || sealKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, sealKey };
}
