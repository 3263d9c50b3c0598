/** The headers by which a request chooses the encryption of an object that it writes, except customers' keys. */
import { S3Error } from "../errors.ts";
import type { OperationName } from "./operation-name.ts";

export const ENCRYPTION_HEADER = "x-amz-server-side-encryption";
const KEY_HEADER = `${ENCRYPTION_HEADER}-aws-kms-key-id`;
export const CONTEXT_HEADER = `${ENCRYPTION_HEADER}-context`;
const BUCKET_KEY_HEADER = `${ENCRYPTION_HEADER}-bucket-key-enabled`;

/** What each of them says, unchecked: a policy may deny the request first. Null: it was not sent. */
export interface RequestedEncryption {
  readonly method: string | null;
  readonly keyName: string | null;
  readonly context: string | null;
  readonly bucketKey: string | null;
}

export function readRequestedEncryption(headers: Headers): RequestedEncryption {
  return {
    method: headers.get(ENCRYPTION_HEADER),
    keyName: headers.get(KEY_HEADER),
    context: headers.get(CONTEXT_HEADER),
    bucketKey: headers.get(BUCKET_KEY_HEADER),
  };
}

/** The rest of the record, 8,192 bytes with R2, is for metadata, tags, ACL and so on. */
export const MAX_CONTEXT_LENGTH = 2048;

/**
 * The encryption context: base64 of a JSON object of strings. Undefined: an empty one.
 * @throws S3Error `InvalidArgument` (text as reported of AWS); `MetadataTooLarge` above 2,048 characters
 */
export function parseEncryptionContext(header: string | undefined): Readonly<Record<string, string>> | undefined {
  if (header === undefined) return undefined;
  if (header.length > MAX_CONTEXT_LENGTH) {
    const message = `The encryption context may have ${MAX_CONTEXT_LENGTH} characters at most.`;
    throw new S3Error("MetadataTooLarge", { message });
  }
  const value = decodeJson(header);
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  const entries = isMap ? Object.entries(value) : [];
  if (!isMap || !entries.every(isText)) {
    throw new S3Error("InvalidArgument", {
      message: `The header '${CONTEXT_HEADER}' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map`,
      details: { ArgumentName: CONTEXT_HEADER, ArgumentValue: header },
    });
  }
  return entries.length === 0 ? undefined : Object.fromEntries(entries.filter(isText));
}

function isText(entry: [string, unknown]): entry is [string, string] {
  return typeof entry[1] === "string";
}

/** Undefined for what is no base64 of JSON. */
function decodeJson(header: string): unknown {
  try {
    const bytes = Uint8Array.from(atob(header), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** The encryption of what these read, write or remove was chosen before. */
const CHOSEN_BEFORE: ReadonlySet<OperationName> = new Set([
  "CompleteMultipartUpload",
  "DeleteObject",
  "GetObject",
  "HeadObject",
  "UploadPart",
  "UploadPartCopy",
]);

/** @throws S3Error `InvalidArgument` for a choice where there is none (reported of AWS by many clients) */
export function refuseMisplacedEncryption(operation: OperationName, headers: Headers): void {
  if (!CHOSEN_BEFORE.has(operation)) return;
  for (const name of [ENCRYPTION_HEADER, KEY_HEADER, CONTEXT_HEADER, BUCKET_KEY_HEADER]) {
    const value = headers.get(name);
    if (value === null) continue;
    throw new S3Error("InvalidArgument", {
      message: `${name} header is not supported for this operation.`,
      details: { ArgumentName: name, ArgumentValue: value },
    });
  }
}
