/** Websites for tests, and requests to them like those of a browser. */
import { expect } from "vitest";
import type { Env } from "../../src/env.ts";
import { handDirectly, putObject, type SendOptions, send } from "./request.ts";
import { createBucket } from "./s3.ts";

export const WEBSITE_DOMAIN = "website.localhost:8787";

export function websiteDocument(content: string): string {
  return `<WebsiteConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${content}</WebsiteConfiguration>`;
}

export async function putWebsite(bucket: string, body: string, options: SendOptions = {}): Promise<Response> {
  return send({ method: "PUT", bucket, query: "website", body, ...options });
}

/** PutBucketWebsite, which must succeed. `rules` are the contents of RoutingRule elements. */
export async function configureWebsite(
  bucket: string,
  { index = "index.html", error, rules = [] }: { index?: string; error?: string; rules?: readonly string[] } = {},
): Promise<void> {
  const list = rules.map((rule) => `<RoutingRule>${rule}</RoutingRule>`).join("");
  const document = websiteDocument(
    `<IndexDocument><Suffix>${index}</Suffix></IndexDocument>` +
      (error === undefined ? "" : `<ErrorDocument><Key>${error}</Key></ErrorDocument>`) +
      (list && `<RoutingRules>${list}</RoutingRules>`),
  );
  const response = await putWebsite(bucket, document);
  expect([response.status, await response.text()]).toEqual([200, ""]);
}

/** Lets everyone read objects and optionally list; only with both a missing key answers 404. */
export async function makePublic(bucket: string, ...actions: ("s3:GetObject" | "s3:ListBucket")[]): Promise<void> {
  const Statement = actions.map((Action) => ({
    Effect: "Allow",
    Principal: "*",
    Action,
    Resource: `arn:aws:s3:::${bucket}${Action === "s3:ListBucket" ? "" : "/*"}`,
  }));
  const body = JSON.stringify({ Version: "2012-10-17", Statement });
  const response = await send({ method: "PUT", bucket, query: "policy", body });
  expect([response.status, await response.text()]).toEqual([204, ""]);
}

/** A bucket with objects whose content is their key, in HTML. */
export async function bucketOf(...keys: string[]): Promise<string> {
  const bucket = await createBucket();
  for (const key of keys) await putObject(bucket, key, key, { headers: { "content-type": "text/html" } });
  return bucket;
}

export interface Visit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of `<bucket>.website.localhost:8787`. */
  readonly host?: string;
  readonly env?: Env;
}

/** A request to the bucket's website. `path` is sent unchanged. */
export async function visit(bucket: string, path: string, options: Visit = {}): Promise<Response> {
  const { method = "GET", headers = {}, host = `${bucket}.${WEBSITE_DOMAIN}`, env } = options;
  return handDirectly(new Request(`http://${host}${path}`, { method, headers }), env);
}

/** Status, content type and whole body. */
export async function seen(response: Response): Promise<[status: number, type: string | null, body: string]> {
  return [response.status, response.headers.get("content-type"), await response.text()];
}

/** Status and target of a redirect, whose body must be empty. */
export async function redirectOf(response: Response): Promise<[status: number, location: string | null]> {
  expect(await response.text()).toBe("");
  return [response.status, response.headers.get("location")];
}
