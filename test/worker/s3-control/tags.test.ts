/** S3 Control: ListTagsForResource, TagResource and UntagResource of buckets, as SDKs send them. */
import { describe, expect, it } from "vitest";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { signedFetch } from "../../support/control.ts";
import { createUser } from "../../support/iam.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, ROOT } from "../../support/s3.ts";
import { all, readXml } from "../../support/xml.ts";

const TAGS = (tags: Readonly<Record<string, string>>) =>
  `<TagResourceRequest xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><Tags>${Object.entries(tags)
    .map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`)
    .join("")}</Tags></TagResourceRequest>`;

async function tagsOf(bucket: string, as = ROOT): Promise<Record<string, string>> {
  const response = await signedFetch({ bucket, as });
  const root = readXml(await response.text());
  expect([response.status, root.name]).toEqual([200, "ListTagsForResourceResult"]);
  expect(root.attributes).toContain("http://awss3control.amazonaws.com/doc/2018-08-20/");
  return Object.fromEntries(
    (all(root, "Tags")[0]?.children ?? []).map(({ children }) => [children[0]?.text, children[1]?.text]),
  );
}

async function expectControlError(response: Response, status: number, code: string): Promise<string> {
  const root = readXml(await response.text());
  const [error] = all(root, "Error");
  const textOf = (name: string) => error && all(error, name)[0]?.text;
  expect([response.status, root.name, textOf("Code")]).toEqual([status, "ErrorResponse", code]);
  expect(all(root, "RequestId")[0]?.text).toBe(response.headers.get("x-amz-request-id"));
  return textOf("Message") ?? "";
}

describe("tags of a bucket", () => {
  it("are listed, added, replaced and removed, and are those of GetBucketTagging", async () => {
    const bucket = await createBucket();
    expect(await tagsOf(bucket)).toEqual({});
    expect((await signedFetch({ method: "POST", bucket, body: TAGS({ a: "1", b: "2" }) })).status).toBe(204);
    expect((await signedFetch({ method: "POST", bucket, body: TAGS({ b: "3", "c d": "4" }) })).status).toBe(204);
    expect(await tagsOf(bucket)).toEqual({ a: "1", b: "3", "c d": "4" });
    expect(await (await send({ bucket, query: "tagging" })).text()).toContain("<Key>c d</Key>");
    for (const query of ["tagKeys=c%20d", "tagKeys=a", "tagKeys=none"]) {
      expect((await signedFetch({ method: "DELETE", bucket, query })).status).toBe(204);
    }
    expect(await tagsOf(bucket)).toEqual({ b: "3" });
    expect((await signedFetch({ method: "DELETE", bucket, query: "tagKeys=b" })).status).toBe(204);
    expect((await send({ bucket, query: "tagging" })).status).toBe(404);
  });

  it("that are added and removed at the same time are all there, or gone", async () => {
    const bucket = await createBucket();
    await signedFetch({ method: "POST", bucket, body: TAGS({ old: "1" }) });
    const names = ["a", "b", "c", "d"];
    const responses = await Promise.all([
      ...names.map((name) => signedFetch({ method: "POST", bucket, body: TAGS({ [name]: "1" }) })),
      signedFetch({ method: "DELETE", bucket, query: "tagKeys=old" }),
    ]);
    expect(responses.map(({ status }) => status)).toEqual([204, 204, 204, 204, 204]);
    expect(Object.keys(await tagsOf(bucket)).sort()).toEqual(names);
  });

  it("are found by both forms of a bucket's ARN, on a host with the account id in front", async () => {
    const bucket = await createBucket();
    const { accountId } = await rootAccount();
    await signedFetch({ method: "POST", bucket, body: TAGS({ a: "1" }) });
    for (const arn of [`arn:aws:s3:::${bucket}`, `arn:aws:s3:us-east-1:${accountId}:bucket/${bucket}`]) {
      for (const host of ["s3.localhost:8787", `${accountId}.s3.localhost:8787`]) {
        const response = await signedFetch({ bucket, arn, host });
        expect([arn, host, (await response.text()).includes("<Key>a</Key>")]).toEqual([arn, host, true]);
      }
    }
  });
});

describe("a request", () => {
  it("needs the permission of its own action, and says which one is missing", async () => {
    const bucket = await createBucket();
    const resource = `arn:aws:s3:::${bucket}`;
    const calls = [
      ["s3:ListTagsForResource", { bucket }, 200],
      ["s3:TagResource", { method: "POST", bucket, body: TAGS({ a: "1" }) }, 204],
      ["s3:UntagResource", { method: "DELETE", bucket, query: "tagKeys=a" }, 204],
    ] as const;
    const others = ["s3:GetBucketTagging", "s3:PutBucketTagging"];
    for (const [action, call, status] of calls) {
      const allowed = await createUser([{ Effect: "Allow", Action: action, Resource: resource }]);
      expect([action, (await signedFetch({ ...call, as: allowed.key })).status]).toEqual([action, status]);
      const denied = await createUser([{ Effect: "Allow", Action: others, Resource: resource }]);
      const message = await expectControlError(await signedFetch({ ...call, as: denied.key }), 403, "AccessDenied");
      // Terraform reads the tags by GetBucketTagging then.
      expect(message).toContain(`is not authorized to perform: ${action} on resource: "${resource}"`);
    }
  });

  it("of another account, or of no one, is refused with AccessDenied", async () => {
    const bucket = await createBucket();
    for (const as of [await createAccount(), null]) {
      await expectControlError(await signedFetch({ bucket, as }), 403, "AccessDenied");
    }
    const { accountId } = await createAccount();
    await expectControlError(await signedFetch({ bucket, accountId }), 403, "AccessDenied");
  });

  it("with a wrong signature is refused with SignatureDoesNotMatch", async () => {
    const as = { ...ROOT, secretAccessKey: "x".repeat(40) };
    await expectControlError(await signedFetch({ bucket: await createBucket(), as }), 403, "SignatureDoesNotMatch");
  });

  it.each<[string, Parameters<typeof signedFetch>[0], number, string]>([
    ["about a bucket that does not exist", { bucket: "no-bucket-of-this-name" }, 404, "NoSuchBucket"],
    ["about an invalid name", { bucket: "no_name" }, 400, "InvalidBucketName"],
    ["about another resource", { bucket: "b", arn: "arn:aws:s3:us-east-1:1:accesspoint/a" }, 501, "NotImplemented"],
    ["of another operation", { bucket: "b", path: "/v20180820/jobs" }, 501, "NotImplemented"],
    ["by another method", { bucket: "b-b", method: "PUT", body: "" }, 405, "MethodNotAllowed"],
  ])("%s is refused", async (_, options, status, code) => {
    await expectControlError(await signedFetch(options), status, code);
  });

  it.each([
    ["<TagResourceRequest/>", 400, "MalformedXML"],
    ["<Tagging><TagSet/></Tagging>", 400, "MalformedXML"],
    [TAGS({ "aws:a": "1" }), 400, "InvalidTag"],
    [TAGS(Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, "v"]))), 400, "BadRequest"],
  ])("TagResource refuses %.40s", async (body, status, code) => {
    await expectControlError(await signedFetch({ method: "POST", bucket: await createBucket(), body }), status, code);
  });

  it("TagResource refuses more tags than a bucket can have together with those it has", async () => {
    const bucket = await createBucket();
    const tags = (first: number) =>
      TAGS(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`k${first + i}`, "v"])));
    expect((await signedFetch({ method: "POST", bucket, body: tags(0) })).status).toBe(204);
    await expectControlError(await signedFetch({ method: "POST", bucket, body: tags(30) }), 400, "BadRequest");
    expect((await signedFetch({ method: "POST", bucket, body: tags(0) })).status).toBe(204);
  });

  it("without x-amz-account-id is one of S3 to a bucket of that name", async () => {
    await send({ method: "PUT", bucket: "v20180820" });
    await putObject("v20180820", "tags/k", "content");
    expect(await (await send({ bucket: "v20180820", key: "tags/k" })).text()).toBe("content");
  });
});
