/** Request of API_UpdateObjectEncryption, whose page lists the messages below. */
import { invalidRequest, type S3Error } from "../../errors.ts";
import { childText, findChild, malformedXml, parseXml, requireOnly } from "./reader.ts";

export const MAX_OBJECT_ENCRYPTION_BYTES = 16 * 1024;

const KEY_ARN = /^arn:aws[-a-z0-9]*:kms:[-a-z0-9]*:\d{12}:key\/.+$/;
const MAX_ARN_LENGTH = 2048;
/** Elements that name another encryption, as the SDK's name of the one that exists is also that of its method. */
const OTHER_TYPES = ["SSE-S3", "SSES3", "SSE-C", "SSEC", "DSSE-KMS", "DSSEKMS"];

export interface ObjectEncryptionUpdate {
  readonly keyArn: string;
  readonly usesBucketKey: boolean;
}

/** @throws S3Error `MalformedXML`; `InvalidRequest` for another encryption, no ARN of a key, or an invalid flag */
export function parseObjectEncryption(body: Uint8Array): ObjectEncryptionUpdate {
  const root = parseXml(body, "ObjectEncryption", { maxBytes: MAX_OBJECT_ENCRYPTION_BYTES });
  requireOnly(root, ["SSE-KMS", ...OTHER_TYPES]);
  const kms = findChild(root, "SSE-KMS");
  const other = OTHER_TYPES.find((name) => findChild(root, name) !== undefined);
  if (kms !== undefined && other !== undefined) throw malformedXml("several encryption types");
  if (kms === undefined) throw unknownType(other);
  requireOnly(kms, ["KMSKeyArn", "BucketKeyEnabled"]);
  return {
    keyArn: parseArn(childText(kms, "KMSKeyArn")),
    usesBucketKey: parseFlag(childText(kms, "BucketKeyEnabled")),
  };
}

function unknownType(other: string | undefined): S3Error {
  if (other === undefined || /S3$/.test(other)) {
    return invalidRequest(
      "Requests that modify an object encryption configuration require a valid new encryption type. Valid values are SSEKMS. Modify the request to specify SSE-KMS for the updated encryption type, and then try again.",
    );
  }
  return invalidRequest(
    "The UpdateObjectEncryption operation doesn't support updating the encryption type to DSSE-KMS or SSE-C. Modify the request to specify SSE-KMS for the updated encryption type, and then try again.",
  );
}

function parseArn(text: string | undefined): string {
  if (text === undefined || text === "") {
    throw invalidRequest(
      "Requests that modify an object's encryption type to SSE-KMS require an AWS KMS key Amazon Resource Name (ARN). Modify the request to specify a KMS key ARN, and then try again.",
    );
  }
  if (text.length <= MAX_ARN_LENGTH && KEY_ARN.test(text)) return text;
  throw invalidRequest(
    "Requests that modify an object's encryption type to SSE-KMS require a valid AWS KMS key Amazon Resource Name (ARN). Confirm that you have a correctly formatted KMS key ARN in your request, and then try again.",
  );
}

function parseFlag(text = "false"): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw invalidRequest(
    "The BucketKeyEnabled value isn't valid. Valid values are true or false. Modify the request to specify a valid value, and then try again.",
  );
}
