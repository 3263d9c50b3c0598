/** Conditions on the tags that a request writes (`s3:RequestObjectTag`, `s3:RequestObjectTagKeys`), wherever they come from. */
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

/** Each way to write tags, as whom, at a key of its own. */
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
      // Nothing that the copy passes over chooses the outcome.
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

  it("holds to a Deny of a tag", async () => {
    expect(await write({ env: "prod" }, keptFromProd)).toBe("403 AccessDenied");
    expect(await write({ env: "dev" }, keptFromProd)).toBe("done");
    expect(await write({}, keptFromProd)).toBe("done");
  });

  it("holds to an Allow for nothing but one tag", async () => {
    expect(await write({ env: "dev" }, onlyDev)).toBe("done");
    expect(await write({ env: "prod" }, onlyDev)).toBe("403 AccessDenied");
    expect(await write({}, onlyDev)).toBe("403 AccessDenied");
    expect(await write({ env: "dev", a: "b" }, onlyDev)).toBe("403 AccessDenied");
  });
});

it("a header that the operation passes over is no tag", async () => {
  const upload = await must({ method: "POST", path: `/${bucket}/parts?uploads=`, as: owner });
  const id = /<UploadId>([^<]*)/.exec(upload.text)?.[1];
  const path = `/${bucket}/parts?partNumber=1&uploadId=${id}`;
  const headers = { "x-amz-tagging": "env=dev" };
  expect(await outcome({ method: "PUT", path, body: "x", headers, as: onlyDev })).toBe("403 AccessDenied");
});
