/** Where Miniflare keeps what it simulates: the SQLite database of one Durable Object for each R2 bucket and D1 database. */
import { createHash, createHmac } from "node:crypto";
import { join } from "node:path";

const CLASSES = { r2: "miniflare-R2BucketObject", d1: "miniflare-D1DatabaseObject" } as const;

/**
 * The main file of the database.
 * @param folder the storage of Miniflare
 * @param id the bucket's or the database's
 */
export function databaseFile(folder: string, kind: keyof typeof CLASSES, id: string): string {
  return join(folder, kind, CLASSES[kind], `${objectId(CLASSES[kind], id)}.sqlite`);
}

/** The id that workerd derives from an object's name: a MAC of the name, followed by a MAC of that MAC. */
function objectId(uniqueKey: string, name: string): string {
  const key = createHash("sha256").update(uniqueKey).digest();
  const half = (data: string | Buffer) => createHmac("sha256", key).update(data).digest().subarray(0, 16);
  const ofName = half(name);
  return Buffer.concat([ofName, half(ofName)]).toString("hex");
}
