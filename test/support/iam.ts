/** Calls of the query APIs (IAM, STS, SNS) to the real Worker, signed by aws4fetch, and a reader of their documents that is independent of src. */
import { AwsClient } from "aws4fetch";
import { expect } from "vitest";
import type { Env } from "../../src/env.ts";
import { handDirectly } from "./request.ts";
import { ENDPOINT, type Key, ROOT } from "./s3.ts";
import { type Element, fields, readXml, textIn } from "./xml.ts";

export const NAMESPACES = {
  iam: "https://iam.amazonaws.com/doc/2010-05-08/",
  sts: "https://sts.amazonaws.com/doc/2011-06-15/",
  sns: "http://sns.amazonaws.com/doc/2010-03-31/",
};
const VERSIONS = { iam: "2010-05-08", sts: "2011-06-15", sns: "2010-03-31" };

export type Service = keyof typeof VERSIONS;

export interface SessionKey extends Key {
  readonly sessionToken: string;
}

export interface RawCall {
  readonly service?: Service | "s3";
  readonly body: string;
  readonly as?: (Key & { readonly sessionToken?: string }) | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly url?: string;
  readonly region?: string;
  /** `YYYYMMDDTHHMMSSZ` to sign for instead of now. */
  readonly datetime?: string;
  readonly env?: Env;
}

/** Any form, signed unchanged. */
export async function post({ service = "iam", body, as = ROOT, headers, url = `${ENDPOINT}/`, ...more }: RawCall) {
  const init = {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8", ...headers },
    body,
  };
  const { region = "us-east-1", datetime, env } = more;
  const aws = datetime === undefined ? {} : { datetime };
  const request =
    as === null
      ? new Request(url, init)
      : await new AwsClient({ ...as, service, region, retries: 0 }).sign(url, { ...init, aws });
  // Calls over HTTP get slower with each of thousands of calls.
  return handDirectly(request, env);
}

export type CallParameters = Readonly<Record<string, string>>;

/** One action as an SDK sends it. */
export function call(
  service: Service,
  action: string,
  parameters: CallParameters = {},
  options: Omit<RawCall, "service" | "body"> = {},
): Promise<Response> {
  const body = new URLSearchParams({ Action: action, Version: VERSIONS[service], ...parameters }).toString();
  return post({ ...options, service, body });
}

/** The result element of a successful answer; undefined for actions without one. */
export async function resultOf(response: Response, service: Service, action: string): Promise<Element | undefined> {
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${action}: ${response.status} ${text}`);
  const root = readXml(text);
  expect(response.headers.get("content-type")).toBe("text/xml");
  expect(root.name).toBe(`${action}Response`);
  expect(root.attributes).toBe(`xmlns="${NAMESPACES[service]}"`);
  expect(root.children.at(-1)?.name).toBe("ResponseMetadata");
  expect(textIn(root, "ResponseMetadata", "RequestId")).toBe(response.headers.get("x-amzn-requestid"));
  const [result] = root.children;
  if (root.children.length === 1) return undefined;
  expect([root.children.length, result?.name]).toEqual([2, `${action}Result`]);
  return result;
}

/** Calls an action that must succeed. */
export async function iam(action: string, parameters: CallParameters = {}, as: RawCall["as"] = ROOT) {
  return resultOf(await call("iam", action, parameters, { as }), "iam", action);
}

export async function sts(action: string, parameters: CallParameters = {}, as: RawCall["as"] = ROOT) {
  return resultOf(await call("sts", action, parameters, { as }), "sts", action);
}

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** Checks the whole document of a refusal. */
export async function refusalOf(response: Response, service: Service = "iam"): Promise<Refusal> {
  const text = await response.text();
  const root = readXml(text);
  expect(text).toMatch(/^<\?xml version="1.0" encoding="UTF-8"\?>\n<ErrorResponse /);
  expect(root.attributes).toBe(`xmlns="${NAMESPACES[service]}"`);
  expect(root.children.map(({ name }) => name)).toEqual(["Error", "RequestId"]);
  expect(textIn(root, "RequestId")).toBe(response.headers.get("x-amzn-requestid"));
  const [error] = root.children;
  expect(error?.children.map(({ name }) => name)).toEqual(["Type", "Code", "Message"]);
  const { Type, Code = "", Message = "" } = fields(error);
  expect(Type).toBe(response.status < 500 ? "Sender" : "Receiver");
  return { status: response.status, code: Code, message: Message };
}

/** Calls an action that must be refused. */
export async function refused(
  action: string,
  parameters: CallParameters = {},
  { as = ROOT, service = "iam" }: { as?: RawCall["as"]; service?: Service } = {},
): Promise<Refusal> {
  return refusalOf(await call(service, action, parameters, { as }), service);
}

let users = 0;

export interface TestUser {
  readonly name: string;
  readonly arn: string;
  readonly id: string;
  readonly key: Key;
}

/** A user with one key and, if given, one policy. */
export async function createUser(statements?: readonly object[], as: RawCall["as"] = ROOT): Promise<TestUser> {
  const name = `user-${users++}`;
  const created = await iam("CreateUser", { UserName: name }, as);
  if (statements !== undefined) await putPolicy(name, statements, as);
  const { Arn: arn = "", UserId: id = "" } = fields(created?.children[0]);
  return { name, arn, id, key: await createKey(name, as) };
}

export async function createKey(userName: string, as: RawCall["as"] = ROOT): Promise<Key> {
  const created = await iam("CreateAccessKey", { UserName: userName }, as);
  const { AccessKeyId: accessKeyId = "", SecretAccessKey: secretAccessKey = "" } = fields(created?.children[0]);
  return { accessKeyId, secretAccessKey };
}

export async function putPolicy(userName: string, statements: readonly object[], as: RawCall["as"] = ROOT) {
  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  await iam("PutUserPolicy", { UserName: userName, PolicyName: "policy", PolicyDocument }, as);
}

/** The credentials in an answer of STS. */
export function credentialsOf(result: Element | undefined): SessionKey & { readonly expiration: string } {
  const found = fields(result?.children.find(({ name }) => name === "Credentials"));
  const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "", Expiration = "" } = found;
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiration: Expiration,
  };
}
