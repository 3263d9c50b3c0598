import { describe, expect, it } from "vitest";
import { describeRefusals } from "../../support/refusals.ts";
import { STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";

describeRefusals("HeadBucket", { method: "HEAD", success: 200 });

describe("HeadBucket", () => {
  // API_HeadBucket, "Response Elements".
  it.each(STYLES)("HeadBucket answers 200 with the region and no body, %s style", async (style) => {
    const bucket = await createBucket();
    const response = await send({ method: "HEAD", bucket, style });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
    expect(response.headers.get("x-amz-bucket-region")).toBe("us-east-1");
    expect(response.headers.get("x-amz-bucket-arn")).toBe(`arn:aws:s3:::${bucket}`);
    expect(response.headers.get("x-amz-access-point-alias")).toBe("false");
  });

  it("HeadBucket answers 404 once the bucket is deleted", async () => {
    const bucket = await createBucket();
    expect((await send({ method: "DELETE", bucket })).status).toBe(204);
    expect((await send({ method: "HEAD", bucket })).status).toBe(404);
  });
});
