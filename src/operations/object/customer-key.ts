/**
 * A customer's key as a request presents it (SSE-C). Checks and errors as recorded on AWS; each error names
 * `x-amz-server-side-encryption`, whichever header it is about.
 */
import { formatBase64, parseBase64 } from "../../checksum/digests.ts";
import { createHasher } from "../../checksum/hasher.ts";
import { S3Error } from "../../errors.ts";
import { CONTENT_KEY_BYTES, ContentKey } from "../../model/encryption.ts";
import { readCustomerKeyHeaders } from "../../protocol/customer-key-headers.ts";

const ENCRYPTION_HEADER = "x-amz-server-side-encryption";
const MD5_BYTES = 16;

export interface CustomerKey {
  readonly key: ContentKey;
  /** Base64 of its MD5, as it was sent; undefined if the key is too long, which makes that of a read the wrong one (recorded). */
  readonly md5: string | undefined;
}

/**
 * The key that a request presents, which is checked when it is first read. That is after the authorization: a policy that denies
 * requests with another algorithm answers AccessDenied (s3-tests, test_encryption_sse_c_deny_algo_with_bucket_policy).
 */
export class PresentedKey {
  readonly #parse: () => CustomerKey;
  #parsed: CustomerKey | undefined;

  constructor(parse: () => CustomerKey) {
    this.#parse = parse;
  }

  /** @throws S3Error `InvalidArgument`, `InvalidEncryptionAlgorithmError` */
  read(): CustomerKey {
    this.#parsed ??= this.#parse();
    return this.#parsed;
  }
}

/** The key of an object that is about to be written. Undefined if the request has none. */
export function presentedForWrite(headers: Headers): PresentedKey | undefined {
  const sent = readCustomerKeyHeaders(headers, "target");
  if (sent === undefined) return undefined;
  const method = headers.get(ENCRYPTION_HEADER);
  return new PresentedKey(() => {
    if (method !== null) {
      throw invalidKey(
        "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
        method,
      );
    }
    const { key, md5 } = parseKey(sent);
    if (md5 === undefined) throw invalidKey("The secret key was invalid for the specified algorithm.");
    return { key, md5 };
  });
}

/** The key of an object that is about to be read, or of a copy's source. Undefined if the request has none. */
export function presentedForRead(headers: Headers, of: "target" | "source" = "target"): PresentedKey | undefined {
  const sent = readCustomerKeyHeaders(headers, of);
  return sent && new PresentedKey(() => parseKey(sent));
}

function parseKey({ algorithm, key, keyMd5 }: NonNullable<ReturnType<typeof readCustomerKeyHeaders>>): CustomerKey {
  if (algorithm !== null && algorithm !== "AES256") {
    const details = { ArgumentName: ENCRYPTION_HEADER, ArgumentValue: algorithm };
    throw new S3Error("InvalidEncryptionAlgorithmError", { details });
  }
  if (algorithm === null) {
    throw invalidKey(
      "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.",
    );
  }
  if (key === null) {
    throw invalidKey(
      "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.",
    );
  }
  if (keyMd5 === null) {
    throw invalidKey(
      "Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.",
    );
  }
  const bytes = parseBase64(key, (key.length / 4) * 3 - (/=*$/.exec(key)?.[0].length ?? 0));
  if (bytes === undefined || bytes.length < CONTENT_KEY_BYTES) {
    throw invalidKey("The secret key was invalid for the specified algorithm.");
  }
  if (!isMd5Of(keyMd5, bytes)) {
    throw invalidKey("The calculated MD5 hash of the key did not match the hash that was provided.");
  }
  const isTooLong = bytes.length > CONTENT_KEY_BYTES;
  return { key: new ContentKey(bytes.subarray(0, CONTENT_KEY_BYTES)), md5: isTooLong ? undefined : keyMd5 };
}

function isMd5Of(text: string, bytes: Uint8Array): boolean {
  const hasher = createHasher("MD5");
  hasher.update(bytes);
  const sent = parseBase64(text, MD5_BYTES);
  return sent !== undefined && formatBase64(sent) === formatBase64(hasher.digest());
}

/** @param value of the header, if it was sent and is no key */
function invalidKey(message: string, value?: string): S3Error {
  const details = { ArgumentName: ENCRYPTION_HEADER, ...(value !== undefined && { ArgumentValue: value }) };
  return new S3Error("InvalidArgument", { message, details });
}
