/**
 * Additional checksums at endpoints that do not know their algorithm: S3 has ten, most other servers fewer. The object
 * matters more than its checksum, and its MD5 still tells whether the bytes have arrived.
 */
import { RemoteFailure } from "./remote-client.ts";

/** How servers refuse a header or a value they do not know. */
const REFUSALS: ReadonlySet<string | undefined> = new Set(["InvalidRequest", "InvalidArgument", "NotImplemented"]);

/**
 * @param checksum headers that may be left out
 * @param send is called again without them if they may be why it was refused
 */
export async function withoutChecksumIfRefused<Outcome>(
  checksum: Readonly<Record<string, string>>,
  send: (checksum: Readonly<Record<string, string>>) => Promise<Outcome>,
): Promise<Outcome> {
  try {
    return await send(checksum);
  } catch (error) {
    const mayBeWhy = error instanceof RemoteFailure && REFUSALS.has(error.code);
    if (!mayBeWhy || Object.keys(checksum).length === 0) throw error;
    return send({});
  }
}
