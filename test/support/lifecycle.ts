/** Lifecycle configurations for tests. */
import { contentMd5 } from "./cors.ts";
import { type SendOptions, send } from "./request.ts";

/** A document of rules with Status Enabled, each given by its other elements. */
export function lifecycleDocument(...rules: string[]): string {
  const elements = rules.map((rule) => `<Rule>${rule}<Status>Enabled</Status></Rule>`);
  return `<LifecycleConfiguration>${elements.join("")}</LifecycleConfiguration>`;
}

export async function putLifecycle(bucket: string, body: string, options: SendOptions = {}): Promise<Response> {
  const headers = { ...contentMd5(body), ...options.headers };
  return send({ ...options, method: "PUT", bucket, query: "lifecycle", body, headers });
}

/** PutBucketLifecycleConfiguration, which must succeed. */
export async function configureLifecycle(bucket: string, ...rules: string[]): Promise<void> {
  const response = await putLifecycle(bucket, lifecycleDocument(...rules));
  if (response.status !== 200) throw new Error(`PutBucketLifecycle: ${response.status} ${await response.text()}`);
  await response.body?.cancel();
}
