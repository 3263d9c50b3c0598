import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { putObject, STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";

describeRefusals("DeleteBucket", { method: "DELETE", success: 204 });

describe("DeleteBucket", () => {
  it.each(STYLES)("DeleteBucket removes an empty bucket and answers 204 without a body, %s style", async (style) => {
    const bucket = await createBucket();
    const response = await send({ method: "DELETE", bucket, style });
    expect(response.status).toBe(204);
    expect(await response.text()).toBe("");
    expect((await send({ method: "HEAD", bucket })).status).toBe(404);
  });

  it.each(STYLES)("DeleteBucket refuses a bucket with an object with BucketNotEmpty, %s style", async (style) => {
    const bucket = await createBucket();
    await putObject(bucket, "k");
    await expectError(await send({ method: "DELETE", bucket, style }), 409, "BucketNotEmpty", {
      message: "The bucket you tried to delete is not empty",
      details: { BucketName: bucket },
    });
    expect((await send({ bucket, key: "k" })).status).toBe(200);
  });

  it("DeleteBucket removes a bucket whose objects were removed by condition", async () => {
    const bucket = await createBucket();
    const etag = await putObject(bucket, "k");
    const removal = await send({ method: "DELETE", bucket, key: "k", headers: { "if-match": etag } });
    expect(removal.status).toBe(204);
    expect((await send({ method: "DELETE", bucket })).status).toBe(204);
  });

  it("DeleteBucket refuses the second of two calls with NoSuchBucket", async () => {
    const bucket = await createBucket();
    await send({ method: "DELETE", bucket });
    await expectError(await send({ method: "DELETE", bucket }), 404, "NoSuchBucket", {
      details: { BucketName: bucket },
    });
  });

  it("DeleteBucket keeps late writes out of a new bucket of the same name", async () => {
    const bucket = await createBucket();
    const row = await env.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket).first<{ id: string }>();
    await send({ method: "DELETE", bucket });
    await send({ method: "PUT", bucket });
    await env.STORE.put(`${row?.id}/late`, "written under the id of the old incarnation");
    expect(await (await send({ bucket })).text()).not.toContain("late");
    expect((await send({ bucket, key: "late" })).status).toBe(404);
    const noted = await env.DB.prepare("SELECT region FROM deleted_buckets WHERE id = ?1").bind(row?.id).first();
    expect(noted).toEqual({ region: "us-east-1" });
  });
});
