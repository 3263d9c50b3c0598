/** Fields of a signed form ("Creating a POST policy", sigv4-HTTPPOSTConstructPolicy), implemented independently of src. */
import { createHmac } from "node:crypto";

export interface Signer {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

export type Condition = Readonly<Record<string, string>> | readonly [string, string | number, string | number];

/** @param fields all except those of the signature; each becomes a condition too. */
export function signForm(
  { accessKeyId, secretAccessKey, region }: Signer,
  fields: Readonly<Record<string, string>>,
  conditions: readonly Condition[],
): Record<string, string> {
  const now = Date.now();
  const timestamp = new Date(now).toISOString().replace(/[-:]|\.\d+/g, "");
  const date = timestamp.slice(0, 8);
  const all: Record<string, string> = {
    ...fields,
    "x-amz-algorithm": "AWS4-HMAC-SHA256",
    "x-amz-credential": `${accessKeyId}/${date}/${region}/s3/aws4_request`,
    "x-amz-date": timestamp,
  };
  const document = {
    expiration: new Date(now + 300_000).toISOString(),
    conditions: [...conditions, ...Object.entries(all).map(([name, value]) => ({ [name]: value }))],
  };
  const policy = Buffer.from(JSON.stringify(document)).toString("base64");
  const key = [date, region, "s3", "aws4_request"].reduce(hmac, Buffer.from(`AWS4${secretAccessKey}`));
  return { ...all, policy, "x-amz-signature": hmac(key, policy).toString("hex") };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
