/** Requests of S3 Control, signed as SDKs sign them. */
import { AwsClient } from "aws4fetch";
import type { Env } from "../../src/env.ts";
import { rootAccount } from "./accounts.ts";
import { encode } from "./request.ts";
import { type Key, ROOT } from "./s3.ts";
import { handDirectly } from "./worker.ts";

export interface ControlRequest {
  readonly method?: string;
  readonly bucket: string;
  readonly arn?: string;
  readonly path?: string;
  readonly host?: string;
  readonly query?: string;
  readonly body?: string;
  readonly accountId?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bindings to use instead of the Worker's own. */
  readonly env?: Env;
  /** Null: anonymous. */
  readonly as?: Key | null;
}

export async function signedFetch(options: ControlRequest): Promise<Response> {
  const {
    method = "GET",
    bucket,
    arn = `arn:aws:s3:::${bucket}`,
    host = "s3.localhost:8787",
    query,
    as = ROOT,
  } = options;
  const path = options.path ?? `/v20180820/tags/${encode(arn)}`;
  const url = `http://${host}${path}${query === undefined ? "" : `?${query}`}`;
  const accountId = options.accountId ?? (await rootAccount()).accountId;
  const headers = { "x-amz-account-id": accountId, ...options.headers };
  const init = { method, headers, ...(options.body !== undefined && { body: options.body }) };
  const request =
    as === null
      ? new Request(url, init)
      : await new AwsClient({ ...as, service: "s3", region: "us-east-1", retries: 0 }).sign(url, init);
  return handDirectly(request, options.env);
}
