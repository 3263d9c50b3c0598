/** GetBucketLifecycleConfiguration, PutBucketLifecycleConfiguration, DeleteBucketLifecycle. */
import { describe, expect, it } from "vitest";
import { MAX_STORED_LENGTH } from "../../../src/operations/bucket/bucket-lifecycle.ts";
import { contentMd5 } from "../../support/cors.ts";
import { expectError } from "../../support/errors.ts";
import { createUser } from "../../support/iam.ts";
import { configureLifecycle, lifecycleDocument, putLifecycle } from "../../support/lifecycle.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { STYLES, send } from "../../support/request.ts";
import { createBucket, errorOf } from "../../support/s3.ts";
import { all, documentOf } from "../../support/xml.ts";

const MINIMUM = "x-amz-transition-default-minimum-object-size";
const WEEK = "<Expiration><Days>7</Days></Expiration>";
const WHOLE = `<ID>wholebucket</ID><Filter><Prefix></Prefix></Filter>${WEEK}`;
const MINIMAL = lifecycleDocument(WHOLE);

async function expectNone(bucket: string): Promise<void> {
  const message = "The lifecycle configuration does not exist";
  const response = await send({ bucket, query: "lifecycle" });
  await expectError(response, 404, "NoSuchLifecycleConfiguration", { message, details: { BucketName: bucket } });
}

async function rulesOf(bucket: string, style: "path" | "virtual-host" = "path") {
  const response = await send({ bucket, query: "lifecycle", style });
  const minimum = response.headers.get(MINIMUM);
  const root = await documentOf(response, "LifecycleConfiguration");
  return { minimum, rules: all(root, "Rule").map((rule) => rule.children.map(({ name, text }) => [name, text])) };
}

describeRefusals("PutBucketLifecycleConfiguration", {
  method: "PUT",
  query: "lifecycle",
  body: MINIMAL,
  headers: contentMd5(MINIMAL),
  success: 200,
});
describeRefusals("DeleteBucketLifecycle", { method: "DELETE", query: "lifecycle", success: 204 });

describe.each(STYLES)("the lifecycle configuration of a bucket, %s style", (style) => {
  // LocalStack's recording test_delete_bucket_lifecycle_configuration.
  it("GetBucketLifecycleConfiguration returns what was put, DeleteBucketLifecycle removes it", async () => {
    const bucket = await createBucket();
    await expectNone(bucket);
    expect((await send({ method: "DELETE", bucket, query: "lifecycle", style })).status).toBe(204);
    expect((await putLifecycle(bucket, MINIMAL, { style })).status).toBe(200);
    expect(await rulesOf(bucket, style)).toEqual({
      minimum: "all_storage_classes_128K",
      rules: [
        [
          ["ID", "wholebucket"],
          ["Filter", ""],
          ["Status", "Enabled"],
          ["Expiration", ""],
        ],
      ],
    });
    expect((await send({ method: "DELETE", bucket, query: "lifecycle", style })).status).toBe(204);
    await expectNone(bucket);
  });
});

describe("PutBucketLifecycleConfiguration", () => {
  it("PutBucketLifecycle's rules with a Prefix are returned as they were put", async () => {
    const bucket = await createBucket();
    await configureLifecycle(bucket, `<ID>old</ID><Prefix>a/</Prefix>${WEEK}`);
    expect((await rulesOf(bucket)).rules[0]).toEqual([
      ["ID", "old"],
      ["Prefix", "a/"],
      ["Status", "Enabled"],
      ["Expiration", ""],
    ]);
  });

  it("replaces the configuration, and a new bucket of the name has none", async () => {
    const bucket = await createBucket();
    await configureLifecycle(bucket, WHOLE, `<ID>second</ID><Filter/>${WEEK}`);
    await configureLifecycle(bucket, WHOLE);
    expect((await rulesOf(bucket)).rules).toHaveLength(1);
    await send({ method: "DELETE", bucket });
    await send({ method: "PUT", bucket });
    await expectNone(bucket);
  });

  // LocalStack's recording test_s3_transition_default_minimum_object_size.
  it("keeps and returns the smallest size of transitions", async () => {
    const bucket = await createBucket();
    for (const value of ["varies_by_storage_class", "all_storage_classes_128K"]) {
      const response = await putLifecycle(bucket, MINIMAL, { headers: { [MINIMUM]: value } });
      expect([response.status, response.headers.get(MINIMUM)]).toEqual([200, value]);
      expect((await rulesOf(bucket)).minimum).toBe(value);
    }
    const response = await putLifecycle(bucket, MINIMAL, { headers: { [MINIMUM]: "value" } });
    const message = "Invalid TransitionDefaultMinimumObjectSize found: value";
    await expectError(response, 400, "InvalidRequest", { message });
  });

  it("refuses a body without a digest, and one with another digest", async () => {
    const bucket = await createBucket();
    const request = { method: "PUT", bucket, query: "lifecycle", body: MINIMAL };
    const message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
    await expectError(await send(request), 400, "InvalidRequest", { message });
    const other = await errorOf(await send({ ...request, headers: contentMd5("x") }));
    expect(other).toMatchObject({ status: 400, code: "BadDigest" });
    await expectNone(bucket);
  });

  it.each<[code: string, why: string, body: string]>([
    ["MalformedXML", "no rule", lifecycleDocument()],
    ["MalformedXML", "another document", "<CORSConfiguration/>"],
    ["InvalidArgument", "Days 0", lifecycleDocument("<Filter/><Expiration><Days>0</Days></Expiration>")],
    ["InvalidRequest", "no action", lifecycleDocument("<Filter/>")],
    [
      "InvalidTag",
      "a tag that no object can have",
      lifecycleDocument(`<Filter><Tag><Key>a*</Key><Value/></Tag></Filter>${WEEK}`),
    ],
    [
      "BadRequest",
      "more tags than an object can have",
      lifecycleDocument(
        `<Filter><And>${Array.from({ length: 11 }, (_, index) => `<Tag><Key>${index}</Key><Value/></Tag>`).join("")}</And></Filter>${WEEK}`,
      ),
    ],
  ])("is %s with %s, and the earlier rules stay", async (code, _why, body) => {
    const bucket = await createBucket();
    await configureLifecycle(bucket, WHOLE);
    expect(await errorOf(await putLifecycle(bucket, body))).toMatchObject({ status: 400, code });
    expect((await rulesOf(bucket)).rules).toHaveLength(1);
  });

  it("is InvalidRequest for rules that are too long to be kept", async () => {
    const rule = `<Filter><Prefix>${"p".repeat(1_000)}</Prefix></Filter>${WEEK}`;
    const body = lifecycleDocument(...Array.from({ length: MAX_STORED_LENGTH / 1_000 }, () => rule));
    const message = `A lifecycle configuration can have at most ${MAX_STORED_LENGTH} characters of values.`;
    await expectError(await putLifecycle(await createBucket(), body), 400, "InvalidRequest", { message });
  });

  it("requires s3:PutLifecycleConfiguration, as DeleteBucketLifecycle does", async () => {
    const bucket = await createBucket();
    const [reader, writer] = await Promise.all([
      createUser([{ Effect: "Allow", Action: "s3:GetLifecycleConfiguration", Resource: "*" }]),
      createUser([{ Effect: "Allow", Action: "s3:PutLifecycleConfiguration", Resource: "*" }]),
    ]);
    await expectError(await putLifecycle(bucket, MINIMAL, { as: reader.key }), 403, "AccessDenied");
    expect((await putLifecycle(bucket, MINIMAL, { as: writer.key })).status).toBe(200);
    expect((await send({ bucket, query: "lifecycle", as: reader.key })).status).toBe(200);
    await expectError(await send({ bucket, query: "lifecycle", as: writer.key }), 403, "AccessDenied");
    await expectError(
      await send({ method: "DELETE", bucket, query: "lifecycle", as: reader.key }),
      403,
      "AccessDenied",
    );
    expect((await send({ method: "DELETE", bucket, query: "lifecycle", as: writer.key })).status).toBe(204);
  });
});
