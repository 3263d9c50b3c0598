/**
 * Conditions on the tags that a request writes (`s3:RequestObjectTag`, `s3:RequestObjectTagKeys`), from all sources of
 * tags.
 */
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import type { TestAccount } from "../../support/accounts.ts";
import {
  ask,
  describeAnswer,
  must,
  newAccount,
  newBucket,
  newUser,
  outcome,
  type Person,
  postForm,
  setBucketPolicy,
} from "../../support/attack-client.ts";
import { signPolicy, tomorrow } from "../../support/post-form.ts";

const ALLOW = { Effect: "Allow", Action: "s3:*", Resource: "*" };
const WRITES = ["s3:PutObject", "s3:PutObjectTagging"];
const NO_PROD = {
  Effect: "Deny",
  Action: WRITES,
  Resource: "*",
  Condition: { StringEquals: { "s3:RequestObjectTag/env": "prod" } },
};
const ONLY_DEV = [
  { Effect: "Allow", Action: ["s3:Get*", "s3:ListBucket"], Resource: "*" },
  {
    Effect: "Allow",
    Action: WRITES,
    Resource: "*",
    Condition: {
      StringEquals: { "s3:RequestObjectTag/env": "dev" },
      "ForAllValues:StringEquals": { "s3:RequestObjectTagKeys": ["env"] },
    },
  },
];

let owner: TestAccount;
let bucket = "";
let keptFromProd: Person;
let onlyDev: Person;

beforeAll(async () => {
  owner = await newAccount();
  bucket = await newBucket(owner);
  [keptFromProd, onlyDev] = await Promise.all([newUser(owner, [ALLOW, NO_PROD]), newUser(owner, ONLY_DEV)]);
  for (const [key, tags] of Object.entries({ prod: "env=prod", dev: "env=dev", more: "env=dev&a=b", none: "" })) {
    await must({
      method: "PUT",
      path: `/${bucket}/${key}`,
      body: "x",
      as: owner,
      headers: tags === "" ? {} : { "x-amz-tagging": tags },
    });
  }
});

type Tags = Readonly<Record<string, string>>;

const document = (tags: Tags) =>
  `<Tagging><TagSet>${Object.entries(tags)
    .map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`)
    .join("")}</TagSet></Tagging>`;
const header = (tags: Tags): Record<string, string> =>
  Object.keys(tags).length === 0 ? {} : { "x-amz-tagging": new URLSearchParams(tags).toString() };
const sourceOf = ({ env = "none", a }: Tags) => (a === undefined ? env : "more");

/** Each operation that writes tags, by the given caller, with its own key. */
const WAYS: Readonly<Record<string, (tags: Tags, as: Person) => Promise<string>>> = {
  PutObject: (tags, as) => outcome({ method: "PUT", path: `/${bucket}/put`, body: "x", headers: header(tags), as }),
  CreateMultipartUpload: (tags, as) =>
    outcome({ method: "POST", path: `/${bucket}/upload?uploads=`, headers: header(tags), as }),
  "CopyObject, REPLACE": (tags, as) =>
    outcome({
      method: "PUT",
      path: `/${bucket}/replaced`,
      headers: { "x-amz-copy-source": `/${bucket}/prod`, "x-amz-tagging-directive": "REPLACE", ...header(tags) },
      as,
    }),
  "CopyObject, COPY": (tags, as) =>
    outcome({
      method: "PUT",
      path: `/${bucket}/copied`,
      // A header that the copy ignores has no effect on the decision.
      headers: { "x-amz-copy-source": `/${bucket}/${sourceOf(tags)}`, "x-amz-tagging": "env=dev" },
      as,
    }),
  "CopyObject, presigned": async (tags, as) =>
    describeAnswer(
      await ask({
        method: "PUT",
        path: `/${bucket}/copied-by-url?x-amz-copy-source=${encodeURIComponent(`/${bucket}/${sourceOf(tags)}`)}`,
        form: "presigned, unsigned payload",
        as,
      }),
    ),
  PutObjectTagging: (tags, as) => {
    const body = document(tags);
    const digest = createHash("md5").update(body).digest("base64");
    return outcome({ method: "PUT", path: `/${bucket}/none?tagging=`, body, headers: { "content-md5": digest }, as });
  },
  PostObject: async (tags, as) => {
    const fields = { key: "form", ...(Object.keys(tags).length > 0 && { tagging: document(tags) }) };
    const conditions = [{ bucket }, ...Object.entries(fields).map(([name, value]) => ["eq", `$${name}`, value])];
    const signed = signPolicy({
      key: as,
      document: (signing) => ({ expiration: tomorrow(), conditions: [...conditions, ...signing] }),
    });
    const file = ["file", { content: "x", name: "x" }] as const;
    return describeAnswer(await postForm(`/${bucket}`, [...Object.entries({ ...fields, ...signed }), file]));
  },
};

describe.each(Object.keys(WAYS))("%s", (name) => {
  const write = async (tags: Tags, as: Person) => (await WAYS[name]?.(tags, as))?.replace(/^20\d$/, "done");

  it("obeys a Deny of a tag", async () => {
    expect(await write({ env: "prod" }, keptFromProd)).toBe("403 AccessDenied");
    expect(await write({ env: "dev" }, keptFromProd)).toBe("done");
    expect(await write({}, keptFromProd)).toBe("done");
  });

  it("obeys an Allow for only one tag", async () => {
    expect(await write({ env: "dev" }, onlyDev)).toBe("done");
    expect(await write({ env: "prod" }, onlyDev)).toBe("403 AccessDenied");
    expect(await write({}, onlyDev)).toBe("403 AccessDenied");
    expect(await write({ env: "dev", a: "b" }, onlyDev)).toBe("403 AccessDenied");
  });
});

it("a header that the operation ignores does not count as tags", async () => {
  const upload = await must({ method: "POST", path: `/${bucket}/parts?uploads=`, as: owner });
  const id = /<UploadId>([^<]*)/.exec(upload.text)?.[1];
  const path = `/${bucket}/parts?partNumber=1&uploadId=${id}`;
  const headers = { "x-amz-tagging": "env=dev" };
  expect(await outcome({ method: "PUT", path, body: "x", headers, as: onlyDev })).toBe("403 AccessDenied");
});

it("an ACL that a bucket policy allows on condition of a tag is allowed only with the tag", async () => {
  const open = await newBucket(owner, { "x-amz-object-ownership": "ObjectWriter" });
  const other = await newAccount();
  const condition = { "s3:RequestObjectTag/env": "dev", "s3:x-amz-acl": "bucket-owner-full-control" };
  const given = { Effect: "Allow", Principal: { AWS: other.accountId }, Resource: `arn:aws:s3:::${open}/*` };
  await setBucketPolicy(owner, open, [
    { ...given, Action: "s3:PutObject", Condition: { StringEquals: condition } },
    { ...given, Action: "s3:PutObjectTagging" },
  ]);
  const write = (tags: Record<string, string>) =>
    outcome({
      method: "PUT",
      path: `/${open}/k`,
      body: "x",
      headers: { "x-amz-acl": "bucket-owner-full-control", ...tags },
      as: other,
    });
  expect(await write(header({ env: "dev" }))).toBe("200");
  expect(await write(header({ env: "prod" }))).toBe("403 AccessDenied");
  expect(await write({})).toBe("403 AccessDenied");
});

describe("DeleteObjects by a stranger", () => {
  const document = "<Delete><Object><Key>k</Key></Object></Delete>";
  const ask = async (resource: string, condition: object = {}) => {
    await setBucketPolicy(owner, bucket, [
      { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${bucket}/*` },
      { Effect: "Allow", Principal: "*", Action: "s3:Delete*", Resource: resource, Condition: condition },
    ]);
    // The digest of another document: if the answer is about the digest, the document has been read.
    const headers = { "content-md5": createHash("md5").update("other").digest("base64") };
    return outcome({ method: "POST", path: `/${bucket}?delete=`, headers, body: document, as: null });
  };

  it("is refused before its body is read if no key could be allowed", async () => {
    expect(await ask(`arn:aws:s3:::${bucket}`)).toBe("403 AccessDenied");
    const elsewhere = { IpAddress: { "aws:SourceIp": "203.0.113.7" } };
    expect(await ask(`arn:aws:s3:::${bucket}/*`, elsewhere)).toBe("403 AccessDenied");
  });

  it("is read if a key could be allowed", async () => {
    expect(await ask(`arn:aws:s3:::${bucket}/some/*`)).toBe("400 BadDigest");
  });
});
