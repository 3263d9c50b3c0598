/**
 * Effects of users' policies and sessions on S3 requests, above all of a key that is limited to one prefix of one
 * bucket.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { createAccount, type TestAccount } from "../../support/accounts.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { createUser, credentialsOf, iam, putPolicy, type SessionKey, sts } from "../../support/iam.ts";
import { putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket, type Key, testEnv } from "../../support/s3.ts";

type Statement = Readonly<Record<string, unknown>>;

let account: TestAccount;
let bucket: string;
let otherBucket: string;

beforeAll(async () => {
  account = await createAccount();
  [bucket, otherBucket] = [await createBucket({ key: account }), await createBucket({ key: account })];
  for (const key of ["team/a/1.txt", "team/a/2.txt", "team/b/1.txt", "team/a.txt"]) {
    await putObject(bucket, key, key, { as: account });
  }
  await putObject(otherBucket, "team/a/1.txt", "elsewhere", { as: account });
});

/** Status of one request. */
async function status(as: Key | SessionKey, options: SendOptions): Promise<number> {
  const response = await send({ bucket, as, ...options });
  await response.arrayBuffer();
  return response.status;
}

function narrowedTo(prefix: string): readonly Statement[] {
  return [
    {
      Effect: "Allow",
      Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
      Resource: `arn:aws:s3:::${bucket}/${prefix}*`,
    },
    {
      Effect: "Allow",
      Action: "s3:ListBucket",
      Resource: `arn:aws:s3:::${bucket}`,
      Condition: { StringLike: { "s3:prefix": `${prefix}*` } },
    },
  ];
}

/** What a key limited to `team/a/` of `bucket` can and cannot do. */
function expectNarrowed(keyOf: () => Key | SessionKey): void {
  test.each([
    ["reads", { key: "team/a/1.txt" }, 200],
    ["reads the head of", { method: "HEAD", key: "team/a/1.txt" }, 200],
    ["writes", { method: "PUT", key: "team/a/new.txt", body: "new" }, 200],
    ["deletes", { method: "DELETE", key: "team/a/new.txt" }, 204],
    ["lists its prefix", { query: "list-type=2&prefix=team%2Fa%2F" }, 200],
    ["lists below its prefix", { query: "list-type=2&prefix=team%2Fa%2Fdeep%2F&delimiter=%2F" }, 200],
  ] as const)("%s", async (_what, options, expected) => {
    expect(await status(keyOf(), options)).toBe(expected);
  });

  test.each([
    ["reading outside it", { key: "team/b/1.txt" }],
    ["reading a key with a similar prefix", { key: "team/a.txt" }],
    ["reading an absent key", { key: "team/b/nothing" }],
    ["writing outside it", { method: "PUT", key: "team/b/new.txt", body: "new" }],
    ["deleting outside it", { method: "DELETE", key: "team/b/1.txt" }],
    ["dot segments", { key: "team/a/../b/1.txt" }],
    ["another case", { key: "Team/a/1.txt" }],
    ["listing everything", { query: "list-type=2" }],
    ["listing a shorter prefix", { query: "list-type=2&prefix=team%2F" }],
    ["listing a similar prefix", { query: "prefix=team%2Fa" }],
    ["listing versions", { query: "versions&prefix=team%2Fa%2F" }],
    ["its tags", { key: "team/a/1.txt", query: "tagging" }],
    ["its ACL", { key: "team/a/1.txt", query: "acl" }],
    [
      "copying from outside it",
      {
        method: "PUT",
        key: "team/a/stolen.txt",
        headers: { "x-amz-copy-source": "BUCKET/team/b/1.txt" },
      },
    ],
    ["the bucket's policy", { query: "policy" }],
    ["deleting the bucket", { method: "DELETE" }],
    ["a bucket of its own", { bucket: "a-bucket-of-its-own", method: "PUT" }],
    ["the list of buckets", { bucket: "" }],
  ] as const)("is refused %s", async (_what, given) => {
    const options: SendOptions = given;
    const source = options.headers?.["x-amz-copy-source"]?.replace("BUCKET", bucket);
    const headers = source === undefined ? {} : { "x-amz-copy-source": source };
    const { bucket: name, ...rest } = { bucket, ...options, headers };
    expect(await status(keyOf(), name === "" ? { ...rest, ...withoutBucket } : { ...rest, bucket: name })).toBe(403);
  });

  test("is refused the same prefix of another bucket", async () => {
    expect(await status(keyOf(), { bucket: otherBucket, key: "team/a/1.txt" })).toBe(403);
    expect(await status(keyOf(), { bucket: otherBucket, query: "prefix=team%2Fa%2F" })).toBe(403);
  });

  test("deletes in bulk only permitted keys", async () => {
    await putObject(bucket, "team/a/bulk.txt", "x", { as: account });
    const objects = ["team/a/bulk.txt", "team/b/1.txt"].map((key) => `<Object><Key>${key}</Key></Object>`).join("");
    const body = `<Delete>${objects}</Delete>`;
    const md5 = await crypto.subtle.digest("MD5", new TextEncoder().encode(body));
    const headers = { "content-md5": btoa(String.fromCharCode(...new Uint8Array(md5))) };
    const response = await send({ as: keyOf(), bucket, method: "POST", query: "delete", headers, body });
    const text = await response.text();
    expect(text).toContain("<Deleted><Key>team/a/bulk.txt</Key></Deleted>");
    expect(text).toMatch(/<Error><Key>team\/b\/1\.txt<\/Key><Code>AccessDenied<\/Code>/);
    expect(await status(account, { key: "team/b/1.txt" })).toBe(200);
  });
}

const withoutBucket = { bucket: undefined } as unknown as SendOptions;

describe("a key limited to one prefix of one bucket", () => {
  let key: Key;
  beforeAll(async () => {
    ({ key } = await createUser(narrowedTo("team/a/"), account));
  });
  expectNarrowed(() => key);
});

describe("a session of a user with all permissions, limited by its policy", () => {
  let key: SessionKey;
  beforeAll(async () => {
    const maker = await createUser([{ Effect: "Allow", Action: "*", Resource: "*" }], account);
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: narrowedTo("team/a/") });
    key = credentialsOf(await sts("GetFederationToken", { Name: "Bob", Policy }, maker.key));
  });
  expectNarrowed(() => key);
});

describe("a session of the account's root, limited by its policy", () => {
  let key: SessionKey;
  beforeAll(async () => {
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: narrowedTo("team/a/") });
    key = credentialsOf(await sts("GetFederationToken", { Name: "Bob", Policy }, account));
  });
  expectNarrowed(() => key);
});

describe("a session of a limited user whose session policy allows everything", () => {
  let key: SessionKey;
  beforeAll(async () => {
    const federate = { Effect: "Allow", Action: "sts:GetFederationToken", Resource: "*" };
    const maker = await createUser([...narrowedTo("team/a/"), federate], account);
    const Policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}';
    key = credentialsOf(await sts("GetFederationToken", { Name: "Bob", Policy }, maker.key));
  });
  expectNarrowed(() => key);
});

describe("permissions at the time of use", () => {
  const object = { key: "team/a/1.txt" };
  const allow = [{ Effect: "Allow", Action: "s3:GetObject", Resource: "*" }];

  test("a user without a policy has no permissions; a policy that is put, replaced or deleted takes effect at once", async () => {
    const { name, key } = await createUser(undefined, account);
    expect(await status(key, object)).toBe(403);
    await putPolicy(name, allow, account);
    expect(await status(key, object)).toBe(200);
    await putPolicy(name, [{ Effect: "Allow", Action: "s3:PutObject", Resource: "*" }], account);
    expect(await status(key, object)).toBe(403);
    await putPolicy(name, allow, account);
    await iam("DeleteUserPolicy", { UserName: name, PolicyName: "policy" }, account);
    expect(await status(key, object)).toBe(403);
  });

  test("a session loses the permissions that its creator loses", async () => {
    const { name, key } = await createUser(allow, account);
    const session = credentialsOf(await sts("GetSessionToken", {}, key));
    expect(await status(session, object)).toBe(200);
    await iam("DeleteUserPolicy", { UserName: name, PolicyName: "policy" }, account);
    expect(await status(session, object)).toBe(403);
  });

  test("a federated user without a policy has no permissions", async () => {
    const session = credentialsOf(await sts("GetFederationToken", { Name: "Bob" }, account));
    expect(await status(session, object)).toBe(403);
  });

  test("an explicit Deny of the user or the session takes precedence", async () => {
    const deny = { Effect: "Deny", Action: "s3:GetObject", Resource: `arn:aws:s3:::${bucket}/team/a/1.txt` };
    const { key } = await createUser([...allow, deny], account);
    expect(await status(key, object)).toBe(403);
    expect(await status(key, { key: "team/b/1.txt" })).toBe(200);
    const Policy = JSON.stringify({ Statement: [...allow, deny] });
    const session = credentialsOf(await sts("GetFederationToken", { Name: "Bob", Policy }, account));
    expect(await status(session, object)).toBe(403);
    expect(await status(session, { key: "team/b/1.txt" })).toBe(200);
  });

  test("a policy with a variable gives each user a home folder", async () => {
    const home = [{ Effect: "Allow", Action: "s3:*", Resource: `arn:aws:s3:::${bucket}/home/\${aws:username}/*` }];
    const [one, two] = [await createUser(home, account), await createUser(home, account)];
    expect(await status(one.key, { method: "PUT", key: `home/${one.name}/x`, body: "x" })).toBe(200);
    expect(await status(two.key, { key: `home/${one.name}/x` })).toBe(403);
    await iam("UpdateUser", { UserName: one.name, NewUserName: `${one.name}-new` }, account);
    expect(await status(one.key, { key: `home/${one.name}/x` })).toBe(403);
  });

  test("a user with all permissions has none in another account's buckets", async () => {
    const { key } = await createUser([{ Effect: "Allow", Action: "*", Resource: "*" }], await createAccount());
    expect(await status(key, object)).toBe(403);
    expect(await status(key, { query: "list-type=2" })).toBe(403);
  });
});

describe("budget", () => {
  test("key, user and policies are read in one query; a warm request does not query the database", async () => {
    const { key } = await createUser([{ Effect: "Allow", Action: "s3:GetObject", Resource: "*" }], account);
    const session = credentialsOf(await sts("GetSessionToken", {}, key));
    const { env, counts, reset } = countingEnv(testEnv);
    for (const as of [key, session]) {
      await (await send({ as, bucket, key: "team/a/1.txt", env })).arrayBuffer();
      reset();
      const response = await send({ as, bucket, key: "team/a/1.txt", env });
      await response.arrayBuffer();
      expect([response.status, counts.d1, counts.r2]).toEqual([200, 0, 1]);
    }
  });
});
