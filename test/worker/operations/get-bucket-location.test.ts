import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { describeRefusals } from "../../support/refusals.ts";
import { STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { documentOf } from "../../support/xml.ts";

describeRefusals("GetBucketLocation", { query: "location", success: 200 });

describe("GetBucketLocation", () => {
  // API_GetBucketLocation: "Buckets in Region us-east-1 have a LocationConstraint of null."
  it.each(STYLES)("GetBucketLocation answers an empty constraint for us-east-1, %s style", async (style) => {
    const root = await documentOf(
      await send({ bucket: await createBucket(), query: "location", style }),
      "LocationConstraint",
    );
    expect([root.text, root.children]).toEqual(["", []]);
  });

  it("GetBucketLocation answers the region of a bucket in another region", async () => {
    const bucket = await createBucket();
    await env.DB.prepare("UPDATE buckets SET region = 'eu-west-1' WHERE name = ?1").bind(bucket).run();
    const root = await documentOf(await send({ bucket, query: "location" }), "LocationConstraint");
    expect(root.text).toBe("eu-west-1");
  });
});
