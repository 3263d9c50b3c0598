/**
 * Every operation, by every kind of caller, with every kind of signature. Callers that must be refused are refused,
 * learn nothing and change nothing; the user with the narrowest policy succeeds. The operations come from the table of offered
 * operations, their requirements from test/support/attack-examples.ts. Other callers that are allowed, by every source of
 * permission, are the subject of access-matrix.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { OFFERED_NAMES } from "../../../src/operations/index.ts";
import { createAccount, type TestAccount } from "../../support/accounts.ts";
import {
  ATTACK_EXAMPLES,
  type AttackExample,
  type AttackWorld,
  arnOf,
  exampleOf,
  HARMLESS_POLICY,
  type Need,
  requestOf,
} from "../../support/attack-examples.ts";
import { type AttackKey, type AuthForm, signAs } from "../../support/attack-signer.ts";
import { VERSION_EXAMPLES } from "../../support/attack-version-examples.ts";
import { configurationRows } from "../../support/configuration-rows.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { call, credentialsOf, resultOf } from "../../support/iam.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { BOUNDARY, encodeForm, type FormEntry, signPolicy, tomorrow } from "../../support/post-form.ts";
import { HOST, handDirectly } from "../../support/request.ts";
import { type Key, ROOT, testEnv } from "../../support/s3.ts";
import { canSignV2, signPolicyV2 } from "../../support/signer-v2.ts";
import { fields, readXml, textIn } from "../../support/xml.ts";

keepObjectsInMemory();

const { env, counts, log, reset } = countingEnv(testEnv);

const SECRET_CONTENT = "the content nobody else may see";
const [PRESENT, MISSING] = ["the-key-present", "the-key-missing"];
const SOURCE_KEY = "source-key";

const OUTSIDERS = [
  "anonymous",
  "wrong signature",
  "unknown key",
  "root of another account",
  "root of the deployment",
  "user of another account",
  "user without a policy",
  "user with all other permissions",
  "federated user without a policy",
  "disabled key",
  "expired session",
  "session without its token",
] as const;
type Outsider = (typeof OUTSIDERS)[number];

const INSIDERS = [
  "user with exactly the permissions needed",
  "root of the bucket's account",
  "session of that root",
] as const;
type Insider = (typeof INSIDERS)[number];

const FORMS: readonly AuthForm[] = [
  "header, literal payload",
  "header, unsigned payload",
  "presigned, unsigned payload",
  "presigned, literal payload",
  "header, version 2",
  "presigned, version 2",
];

interface Expected {
  readonly status: number;
  readonly code: string;
}

/** The refusal of each caller, for any request. */
const REFUSALS: Readonly<Record<Outsider, Expected>> = {
  anonymous: { status: 403, code: "AccessDenied" },
  "wrong signature": { status: 403, code: "SignatureDoesNotMatch" },
  "unknown key": { status: 403, code: "InvalidAccessKeyId" },
  "root of another account": { status: 403, code: "AccessDenied" },
  "root of the deployment": { status: 403, code: "AccessDenied" },
  "user of another account": { status: 403, code: "AccessDenied" },
  "user without a policy": { status: 403, code: "AccessDenied" },
  "user with all other permissions": { status: 403, code: "AccessDenied" },
  "federated user without a policy": { status: 403, code: "AccessDenied" },
  "disabled key": { status: 403, code: "InvalidAccessKeyId" },
  "expired session": { status: 400, code: "ExpiredToken" },
  "session without its token": { status: 403, code: "InvalidAccessKeyId" },
};

const HAVE_RIGHTS_OF_THEIR_OWN: readonly Outsider[] = [
  "root of another account",
  "root of the deployment",
  "user of another account",
];

const OF_THE_OWN_ACCOUNT: readonly Outsider[] = [
  "user without a policy",
  "user with all other permissions",
  "federated user without a policy",
];

/** The model: the refusal of a caller; undefined if the caller may do it in its own account. */
function refusalOf(example: AttackExample, caller: Outsider, form: AuthForm): Expected | "by key" | undefined {
  if (caller !== "anonymous" && isBeyondV2(example, form)) return { status: 400, code: "InvalidRequest" };
  if (example.isOpenToAccounts && HAVE_RIGHTS_OF_THEIR_OWN.includes(caller)) return undefined;
  if (example.refusesByKey && OF_THE_OWN_ACCOUNT.includes(caller)) return "by key";
  return REFUSALS[caller];
}

/** Whether the form is Version 2 and does not sign the parameter that selects the operation. */
function isBeyondV2({ query }: AttackExample, form: AuthForm): boolean {
  return form.endsWith("version 2") && query !== undefined && !canSignV2(query(shared));
}

let owner: TestAccount;
let shared: AttackWorld;
let keys: Record<Outsider, AttackKey | null>;
let exact: AttackKey;
let rootSession: AttackKey;
const printed: string[] = [];

async function iam(service: "iam" | "sts", action: string, parameters: Record<string, string>, as: AttackKey) {
  return resultOf(await call(service, action, parameters, { as, env }), service, action);
}

async function newUser(as: Key, name: string): Promise<Key> {
  await iam("iam", "CreateUser", { UserName: name }, as);
  const { AccessKeyId = "", SecretAccessKey = "" } = fields(
    (await iam("iam", "CreateAccessKey", { UserName: name }, as))?.children[0],
  );
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey };
}

async function setUserPolicy(as: Key, name: string, statement: object): Promise<void> {
  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: statement });
  await iam("iam", "PutUserPolicy", { UserName: name, PolicyName: "p", PolicyDocument }, as);
}

const EVERYTHING = { Effect: "Allow", Action: "*", Resource: "*" };

/** An expired session. */
async function expiredSession(maker: Key): Promise<AttackKey> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 3 * 3_600_000 });
  try {
    return credentialsOf(await iam("sts", "GetSessionToken", { DurationSeconds: "3600" }, maker));
  } finally {
    vi.useRealTimers();
  }
}

async function must(key: Key, request: Parameters<typeof signAs>[2], status = 200): Promise<Response> {
  const response = await handDirectly(signAs(key, "header, unsigned payload", request), env);
  if (response.status !== status) throw new Error(`${request.url}: ${response.status} ${await response.text()}`);
  return response;
}

let worlds = 0;
const canned = (name: string) => exampleOf(name as (typeof OFFERED_NAMES)[number]);

interface WorldOptions {
  readonly withUpload: boolean;
  /** The operation that it is for: the other configurations are left out. Absent: all of them. */
  readonly operation?: string;
}

/** Buckets with every kind of configuration, and an upload in progress if requested. */
async function newWorld(key: string, { withUpload, operation }: WorldOptions): Promise<AttackWorld> {
  const stem = `attacked-${worlds++}`;
  const at = (path: string) => `http://${HOST}/${path}`;
  const bare = {
    bucket: stem,
    emptyBucket: `${stem}-empty`,
    newBucket: `${stem}-new`,
    source: { bucket: `${stem}-source`, key: SOURCE_KEY },
    key,
    uploadId: "",
    partEtag: "",
    ownerId: owner.canonicalId,
  };
  for (const name of [bare.bucket, bare.emptyBucket, bare.source.bucket]) {
    await must(owner, { method: "PUT", url: at(name) });
  }
  const headers = { "content-type": "text/secret", "x-amz-meta-secret": SECRET_CONTENT, "x-amz-tagging": "secret=tag" };
  await must(owner, { method: "PUT", url: at(`${stem}/${PRESENT}`), headers, body: SECRET_CONTENT });
  for (const name of [bare.bucket, bare.source.bucket]) {
    await must(owner, { method: "PUT", url: at(`${name}/${SOURCE_KEY}`), body: SECRET_CONTENT });
  }
  const configurations = [
    ["PutBucketCors", 200],
    ["PutBucketReplication", 200],
    ["PutBucketTagging", 204],
    ["PutBucketOwnershipControls", 200],
    ["PutBucketWebsite", 200],
    ["PutPublicAccessBlock", 200],
    ["PutBucketPolicy", 204],
  ] as const;
  for (const [name, status] of configurations) {
    const isUsed = operation === undefined || operation.includes(name.replace("Put", ""));
    if (isUsed) await must(owner, requestOf(canned(name), bare, HOST), status);
  }
  if (!withUpload) return bare;
  const created = await must(owner, { method: "POST", url: at(`${stem}/${key}?uploads=`) });
  const uploadId = textIn(readXml(await created.text()), "UploadId") ?? "";
  const part = await must(owner, {
    method: "PUT",
    url: at(`${stem}/${key}?partNumber=1&uploadId=${uploadId}`),
    body: SECRET_CONTENT,
  });
  return { ...bare, uploadId, partEtag: (part.headers.get("etag") ?? "").replaceAll('"', "") };
}

beforeAll(async () => {
  for (const method of ["log", "error", "warn", "info", "debug"] as const) {
    vi.spyOn(console, method).mockImplementation((...values) => {
      printed.push(values.map(String).join(" "));
    });
  }
  const [ownerAccount, other] = await Promise.all([createAccount("owner"), createAccount("other")]);
  owner = ownerAccount;
  exact = await newUser(owner, "exact");
  rootSession = credentialsOf(await iam("sts", "GetSessionToken", {}, owner));
  const disabled = await newUser(owner, "disabled");
  await setUserPolicy(owner, "disabled", EVERYTHING);
  const disabledKey = { UserName: "disabled", AccessKeyId: disabled.accessKeyId, Status: "Inactive" };
  // Used once, so that isolates have cached it when it is disabled.
  await must(disabled, { method: "GET", url: `http://${HOST}/` });
  await iam("iam", "UpdateAccessKey", disabledKey, owner);
  const foreignUser = await newUser(other, "foreign");
  await setUserPolicy(other, "foreign", EVERYTHING);
  const { accessKeyId, secretAccessKey } = rootSession;
  keys = {
    anonymous: null,
    "wrong signature": { accessKeyId: owner.accessKeyId, secretAccessKey: `${owner.secretAccessKey}x` },
    "unknown key": { accessKeyId: "AKIAUNKNOWNUNKNOWN00", secretAccessKey: owner.secretAccessKey },
    "root of another account": other,
    "root of the deployment": ROOT,
    "user of another account": foreignUser,
    "user without a policy": await newUser(owner, "without"),
    "user with all other permissions": await newUser(owner, "all-but"),
    "federated user without a policy": credentialsOf(await iam("sts", "GetFederationToken", { Name: "fed" }, owner)),
    "disabled key": disabled,
    "expired session": await expiredSession(owner),
    "session without its token": { accessKeyId, secretAccessKey },
  };
  shared = await newWorld(PRESENT, { withUpload: true });
});

afterAll(() => {
  vi.restoreAllMocks();
});

async function setNeeds(example: AttackExample, world: AttackWorld, needs: readonly Need[]): Promise<void> {
  const allows = needs.map(({ action, on }) => ({ Effect: "Allow", Action: action, Resource: arnOf(world, on) }));
  await setUserPolicy(owner, "exact", allows.length === 0 ? { ...EVERYTHING, Effect: "Deny" } : allows);
  // A caller that may list may know which keys exist; this is not tested here.
  const NotAction = [...example.needs.map(({ action }) => action), "s3:ListBucket"];
  await setUserPolicy(owner, "all-but", { Effect: "Allow", NotAction, Resource: "*" });
}

/**
 * The objects of the shared world and all rows, except the times when keys were last used. Other worlds may change in the
 * background, where the queues replicate what insiders have written.
 */
async function snapshot(): Promise<string> {
  const names = [shared.bucket, shared.emptyBucket, shared.source.bucket];
  const { results: buckets } = await testEnv.DB.prepare(
    "SELECT id FROM buckets WHERE name IN (SELECT value FROM json_each(?1)) ORDER BY name",
  )
    .bind(JSON.stringify(names))
    .all<{ id: string }>();
  expect(buckets).toHaveLength(names.length);
  const objects: string[] = [];
  for (const { id } of buckets) {
    const page = await testEnv.STORE.list({ prefix: `${id}/`, include: ["customMetadata", "httpMetadata"] });
    for (const { key, version, customMetadata } of page.objects) {
      objects.push(JSON.stringify({ key, version, customMetadata }));
    }
    expect(page.truncated).toBe(false);
  }
  const rows = await testEnv.DB.batch([
    ...configurationRows(testEnv.DB),
    testEnv.DB.prepare("SELECT id, account_id, secret_sealed, status, user_id FROM access_keys ORDER BY id"),
  ]);
  return [...objects, ...rows.map(({ results }) => JSON.stringify(results))].join("\n");
}

/** All writes to R2, and every call of a Durable Object, since only uploads have one. */
function changes(): readonly string[] {
  const writes = log.filter((entry) => !/^(head|get|list) /.test(entry));
  return counts.durableObject === 0 ? writes : [...writes, `${counts.durableObject} calls of Durable Objects`];
}

const HARMLESS_HEADERS =
  /^(content-type|content-length|date|x-amz-request-id|x-amz-id-2|vary|cache-control|x-amzn-requestid)$/;

const NOTHING: readonly string[] = [];
const REGION = ["x-amz-bucket-region"];

/** The text of an answer without the parts that may depend on the key. */
function withoutNames(text: string, world: AttackWorld): string {
  return text
    .replaceAll(world.key, "KEY")
    .replace(/<(RequestId|HostId)>[^<]*/g, "<$1>")
    .replace(
      /<(StringToSign|StringToSignBytes|CanonicalRequestBytes|SignatureProvided|CanonicalRequest)>[^<]*/g,
      "<$1>",
    );
}

interface Answer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly text: string;
}

async function read(response: Response, world: AttackWorld): Promise<Answer> {
  const text = withoutNames(await response.text(), world);
  return { status: response.status, headers: [...response.headers.keys()].sort(), text };
}

/** @param disclosed headers that AWS also sends to strangers */
function expectRefusal(answer: Answer, expected: Expected, isHead: boolean, what: string, disclosed = NOTHING): void {
  const { status, headers, text } = answer;
  expect([status, text === "" ? "" : (/<Code>([^<]*)/.exec(text)?.[1] ?? text)], what).toEqual([
    expected.status,
    isHead ? "" : expected.code,
  ]);
  expect(
    headers.filter((name) => !HARMLESS_HEADERS.test(name)),
    what,
  ).toEqual(disclosed);
  for (const secret of [SECRET_CONTENT, "text/secret", owner.canonicalId, shared.partEtag, SOURCE_KEY, "secret=tag"]) {
    expect(text.includes(secret) && !text.includes("<CanonicalRequest>"), `${what} disclosed ${secret}`).toBe(false);
  }
}

function formsFor(example: AttackExample, key: AttackKey | null): readonly AuthForm[] {
  if (key === null) return ["header, unsigned payload"];
  return example.body === undefined ? FORMS.filter((form) => form !== "presigned, literal payload") : FORMS;
}

let turn = 0;

/**
 * One form in a header and one presigned, alternating between calls: every caller uses every form, and so does every
 * operation, but not every caller uses every form for every operation.
 */
function twoForms(forms: readonly AuthForm[]): readonly AuthForm[] {
  turn++;
  const [inHeader, presigned] = [true, false].map((is) => forms.filter((form) => form.startsWith("header") === is));
  return [inHeader, presigned].flatMap((some = []) => some[turn % some.length] ?? []);
}

const needsUpload = ({ query }: AttackExample) => query?.({ ...shared, uploadId: "?" }).includes("uploadId") ?? false;

it("there is an example of every offered operation, and of no other", () => {
  expect(Object.keys(ATTACK_EXAMPLES).sort()).toEqual([...OFFERED_NAMES].sort());
});

const MATRIX = [
  ...OFFERED_NAMES.filter((name) => name !== "PostObject").map((name) => [name, exampleOf(name)] as const),
  ...Object.entries(VERSION_EXAMPLES),
];

/** Whether the operation gives another answer when it is repeated on the same bucket, key or upload. */
const happensOnce = (name: string) =>
  /^(Delete|CreateBucket$|CompleteMultipartUpload$|AbortMultipartUpload$)/.test(name);

const TAKES_SEVERAL = MATRIX.filter(([, { needs }]) => needs.length > 1);

describe.each(MATRIX)("%s", (name, example) => {
  const isHead = example.method === "HEAD";

  it(`${name} is refused to all outsiders, who learn nothing and change nothing`, async () => {
    await setNeeds(example, shared, example.needs);
    const before = await snapshot();
    const missing = { ...shared, key: MISSING };
    reset();
    for (const caller of OUTSIDERS) {
      const key = keys[caller];
      for (const form of twoForms(formsFor(example, key))) {
        const expected = refusalOf(example, caller, form);
        if (expected === undefined) continue;
        const what = `${name} by ${caller}, ${form}`;
        const ask = async (world: AttackWorld) =>
          read(await handDirectly(signAs(key, form, requestOf(example, world, HOST)), env), world);
        const answer = await ask(shared);
        if (expected === "by key") {
          expect([answer.status, answer.text.includes("<Deleted>")], what).toEqual([200, false]);
          expect(answer.text, what).toMatch(/<Error><Key>KEY<\/Key>(<VersionId>null<\/VersionId>)?<Code>AccessDenied</);
        } else expectRefusal(answer, expected, isHead, what, name === "HeadBucket" ? REGION : NOTHING);
        if (example.on !== "object" && example.refusesByKey === undefined) continue;
        expect(await ask(missing), `${what}: tells whether the key is there`).toEqual(answer);
      }
    }
    expect(changes()).toEqual([]);
    expect(await snapshot()).toBe(before);
  });

  it(`${name} is allowed to the user with exactly the permissions needed`, async () => {
    const isRead = example.method === "GET" || example.method === "HEAD";
    const forms = formsFor(example, owner).filter((form) => !isBeyondV2(example, form));
    let world: AttackWorld | undefined = isRead ? shared : undefined;
    for (const form of happensOnce(name) ? forms.slice(1, 3) : forms) {
      const isFresh = world === undefined || (!isRead && happensOnce(name));
      if (world === undefined || isFresh) {
        world = await newWorld(PRESENT, { withUpload: needsUpload(example), operation: name });
      }
      if (isFresh || isRead) await setNeeds(example, world, example.needs);
      const response = await handDirectly(signAs(exact, form, requestOf(example, world, HOST)), env);
      const text = await response.text();
      // Only callers that may know learn what does not exist.
      const isFailure = example.success < 400 && /<(Code|Message)>/.test(text);
      expect([response.status, isFailure ? text : ""], form).toEqual([example.success, ""]);
    }
  });
});

it.each(TAKES_SEVERAL)("%s requires each of its permissions", async (name, example) => {
  const before = await snapshot();
  reset();
  for (const left of example.needs) {
    await setNeeds(
      example,
      shared,
      example.needs.filter((need) => need !== left),
    );
    const answer = await read(
      await handDirectly(signAs(exact, "header, literal payload", requestOf(example, shared, HOST)), env),
      shared,
    );
    expectRefusal(answer, { status: 403, code: "AccessDenied" }, false, `${name} without ${left.action}`);
  }
  expect(changes()).toEqual([]);
  const rest = (text: string) => text.replace(/^.*"document".*$/m, "");
  expect(rest(await snapshot())).toBe(rest(before));
});

function insiderKey(caller: Insider): AttackKey {
  switch (caller) {
    case "user with exactly the permissions needed":
      return exact;
    case "root of the bucket's account":
      return owner;
    case "session of that root":
      return rootSession;
  }
}

describe("PostObject", () => {
  const example = exampleOf("PostObject");

  function post(
    key: AttackKey | null,
    world: AttackWorld,
    { headers = {}, version = 4 }: { headers?: Record<string, string>; version?: 2 | 4 } = {},
  ): Request {
    const token = key?.sessionToken === undefined ? {} : { "x-amz-security-token": key.sessionToken };
    const own: FormEntry[] = [["key", world.key], ...Object.entries(token)];
    const conditions = [{ bucket: world.bucket }, { key: world.key }, token].filter(
      (one) => Object.keys(one).length > 0,
    );
    const document = (signing: readonly object[]) => ({
      expiration: tomorrow(),
      conditions: [...conditions, ...signing],
    });
    const signed = key === null ? {} : version === 4 ? signPolicy({ key, document }) : signPolicyV2(key, document([]));
    const entries: FormEntry[] = [
      ...own,
      ...Object.entries(signed),
      ["file", { content: "overwritten", name: "f.txt" }],
    ];
    const type = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
    const body = encodeForm(entries);
    return new Request(`http://${HOST}/${world.bucket}`, { method: "POST", headers: { ...type, ...headers }, body });
  }

  it.each([4, 2] as const)(
    "PostObject is refused to all outsiders, who learn nothing and change nothing, version %i",
    async (version) => {
      await setNeeds(example, shared, example.needs);
      const before = await snapshot();
      const missing = { ...shared, key: MISSING };
      reset();
      for (const caller of OUTSIDERS) {
        const expected = refusalOf(example, caller, "header, unsigned payload");
        if (typeof expected !== "object") throw new Error("PostObject is refused to every outsider");
        const answer = await read(await handDirectly(post(keys[caller], shared, { version }), env), shared);
        expectRefusal(answer, expected, false, `PostObject by ${caller}`);
        expect(await read(await handDirectly(post(keys[caller], missing, { version }), env), missing)).toEqual(answer);
      }
      expect(changes()).toEqual([]);
      expect(await snapshot()).toBe(before);
    },
  );

  it.each(INSIDERS.flatMap((caller) => ([4, 2] as const).map((version) => [caller, version] as const)))(
    "PostObject is allowed to the %s, version %i",
    async (caller, version) => {
      const world = await newWorld(PRESENT, { withUpload: false, operation: "PostObject" });
      await setNeeds(example, world, example.needs);
      const response = await handDirectly(post(insiderKey(caller), world, { version }), env);
      expect([response.status, await response.text()]).toEqual([204, ""]);
    },
  );

  it.each(FORMS)("PostObject is refused with a second signature outside the form, %s", async (form) => {
    const unsigned = { method: "POST", url: `http://${HOST}/${shared.bucket}`, body: "" };
    const signed = signAs(owner, form, unsigned);
    reset();
    for (const key of [null, owner]) {
      const inner = post(key, shared, { headers: Object.fromEntries(signed.headers) });
      const headers = new Headers(inner.headers);
      headers.set("content-type", `multipart/form-data; boundary=${BOUNDARY}`);
      const request = new Request(signed.url, { method: "POST", headers, body: await inner.arrayBuffer() });
      const response = await handDirectly(request, env);
      expect([response.status, /<Code>(\w+)/.exec(await response.text())?.[1]]).toEqual([400, "InvalidArgument"]);
    }
    expect(changes()).toEqual([]);
  });
});

it("the log contains no secret, token, signature or header", () => {
  const held: readonly (AttackKey | null)[] = [...Object.values(keys), owner, exact, rootSession, ROOT];
  const secrets = held.flatMap((key) => [key?.secretAccessKey ?? [], key?.sessionToken ?? []]);
  const lines = printed.join("\n");
  expect(printed.length).toBeGreaterThan(1000);
  for (const secret of secrets.flat()) expect(lines.includes(secret)).toBe(false);
  expect(lines).not.toMatch(
    /Signature=|X-Amz-Signature|authorization|AWS4-HMAC|X-Amz-Credential|AWSAccessKeyId|x-amz-security-token/i,
  );
  // HMACs and sealed tokens, with any name.
  expect(lines).not.toMatch(/\b[0-9a-f]{64}\b/);
  expect(lines).not.toContain(HARMLESS_POLICY(shared.bucket));
});
