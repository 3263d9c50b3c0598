/** Requests to the real Worker in workerd, signed by aws4fetch, because a bug in shared code would not be found. */
import { AwsClient } from "aws4fetch";
import type { Env } from "../../src/env.ts";
import { handDirectly, testEnv } from "./worker.ts";

export { testEnv };

export const ENDPOINT = "http://s3.localhost:8787";

export const ROOT = {
  accessKeyId: "AKIAROOTROOTROOTROOT",
  secretAccessKey: "root/secret/for/tests+0123456789abcdefgh",
};

export interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface CallOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: BodyInit;
  /** Null: anonymous. */
  readonly key?: Key | null;
  /** Bindings to use instead of the Worker's own, to count calls. */
  readonly env?: Env;
}

/** Sends a signed request. `path` starts with `/` and is sent unchanged. */
export async function s3(path: string, options: CallOptions = {}): Promise<Response> {
  const { method = "GET", headers = {}, body, key = ROOT } = options;
  const init = { method, headers, ...(body !== undefined && { body }) };
  const url = `${ENDPOINT}${path}`;
  const request =
    key === null
      ? new Request(url, init)
      : await new AwsClient({ ...key, service: "s3", region: "us-east-1", retries: 0 }).sign(url, init);
  return handDirectly(request, options.env);
}

let buckets = 0;

/** Creates a bucket for one test. */
export async function createBucket(options: CallOptions = {}): Promise<string> {
  const name = `bucket-${Date.now().toString(36)}-${buckets++}`;
  const response = await s3(`/${name}`, { ...options, method: "PUT" });
  if (response.status !== 200) throw new Error(`CreateBucket: ${response.status} ${await response.text()}`);
  await response.body?.cancel();
  return name;
}

/** The parts of an error document; reads the whole of it. */
export async function errorOf(response: Response): Promise<{ status: number; code: string; text: string }> {
  const text = await response.text();
  return { status: response.status, code: /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? "", text };
}
