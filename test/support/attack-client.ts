/** Sends any request, as any caller, directly to the Worker, and describes the answer. */
import { vi } from "vitest";
import { createAccount, type TestAccount } from "./accounts.ts";
import { type AttackKey, type AuthForm, signAs, type Unsigned } from "./attack-signer.ts";
import { call, credentialsOf, resultOf, type Service } from "./iam.ts";
import { BOUNDARY, encodeForm, type FormEntry } from "./post-form.ts";
import { HOST, handDirectly } from "./request.ts";
import { type Key, testEnv } from "./s3.ts";
import { fields } from "./xml.ts";

export interface Ask {
  readonly method?: string;
  /** As sent, with the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Null: anonymous. */
  readonly as?: AttackKey | null;
  readonly form?: AuthForm;
  readonly host?: string;
}

export interface Answer {
  readonly status: number;
  /** Empty on success. */
  readonly code: string;
  readonly text: string;
  readonly headers: Headers;
}

export async function ask({ path, as = null, form = "header, unsigned payload", host = HOST, ...more }: Ask) {
  const unsigned: Unsigned = { method: "GET", ...more, url: `http://${host}${path}` };
  return hand(signAs(as, form, unsigned));
}

export async function hand(request: Request): Promise<Answer> {
  const response = await handDirectly(request, testEnv);
  const text = await response.text();
  const code = response.status < 300 ? "" : (/<Code>([^<]*)|"code":"([^"]*)/.exec(text)?.slice(1).join("") ?? "");
  return { status: response.status, code, text, headers: response.headers };
}

/** `status code`, which describes most refusals. */
export async function outcome(options: Ask): Promise<string> {
  return describeAnswer(await ask(options));
}

export function describeAnswer({ status, code }: Answer): string {
  return code === "" ? String(status) : `${status} ${code}`;
}

export async function must(options: Ask): Promise<Answer> {
  const answer = await ask(options);
  if (answer.status >= 300) throw new Error(`${options.method} ${options.path}: ${answer.status} ${answer.text}`);
  return answer;
}

export function postForm(path: string, entries: readonly FormEntry[], headers: Record<string, string> = {}) {
  const type = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
  const init = { method: "POST", headers: { ...type, ...headers }, body: encodeForm(entries) };
  return hand(new Request(`http://${HOST}${path}`, init));
}

export async function query(service: Service, action: string, parameters: Record<string, string>, as: AttackKey) {
  return resultOf(await call(service, action, parameters, { as, env: testEnv }), service, action);
}

/** The outcome of an IAM or STS call. */
export async function queryOutcome(
  service: Service,
  action: string,
  parameters: Record<string, string>,
  as: AttackKey | null,
): Promise<string> {
  const response = await call(service, action, parameters, { as, env: testEnv });
  const code = /<Code>([^<]*)/.exec(await response.text())?.[1];
  return code === undefined ? String(response.status) : `${response.status} ${code}`;
}

let serial = 0;

export function unique(stem: string): string {
  return `${stem}-${Date.now().toString(36)}-${serial++}`;
}

export interface Person extends Key {
  readonly name: string;
}

export async function newUser(account: Key, statements?: readonly object[]): Promise<Person> {
  const name = unique("user");
  await query("iam", "CreateUser", { UserName: name }, account);
  if (statements !== undefined) await setPolicy(account, name, statements);
  return { name, ...(await newKey(account, name)) };
}

export async function newKey(account: Key, UserName: string): Promise<Key> {
  const created = await query("iam", "CreateAccessKey", { UserName }, account);
  const { AccessKeyId = "", SecretAccessKey = "" } = fields(created?.children[0]);
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey };
}

export async function setPolicy(account: Key, UserName: string, statements: readonly object[]): Promise<void> {
  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  await query("iam", "PutUserPolicy", { UserName, PolicyName: "p", PolicyDocument }, account);
}

export async function newSession(maker: AttackKey): Promise<AttackKey> {
  return credentialsOf(await query("sts", "GetSessionToken", {}, maker));
}

/** A federated user, with this session policy. */
export async function federate(maker: AttackKey, statements?: readonly object[]): Promise<AttackKey> {
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  const parameters = { Name: "fed", ...(statements !== undefined && { Policy }) };
  return credentialsOf(await query("sts", "GetFederationToken", parameters, maker));
}

export async function newBucket(as: Key, headers: Record<string, string> = {}): Promise<string> {
  const name = unique("holes");
  await must({ method: "PUT", path: `/${name}`, as, headers });
  return name;
}

export async function setBucketPolicy(as: Key, bucket: string, statements: readonly object[]): Promise<void> {
  await must({ method: "PUT", path: `/${bucket}?policy=`, as, body: bucketPolicy(statements) });
}

export function bucketPolicy(statements: readonly object[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}

export function newAccount(): Promise<TestAccount> {
  return createAccount(unique("account"));
}

/** Collects everything that is written to the console from now on. */
export function captureConsole(): readonly string[] {
  const printed: string[] = [];
  for (const method of ["log", "error", "warn", "info", "debug"] as const) {
    vi.spyOn(console, method).mockImplementation((...values) => {
      printed.push(values.map(String).join(" "));
    });
  }
  return printed;
}
