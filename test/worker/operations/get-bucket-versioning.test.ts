import { describe, expect, it } from "vitest";
import { describeRefusals } from "../../support/refusals.ts";
import { STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { documentOf } from "../../support/xml.ts";

describeRefusals("GetBucketVersioning", { query: "versioning", success: 200 });

describe("GetBucketVersioning", () => {
  // API_GetBucketVersioning: a bucket whose versioning was never set has no Status.
  it.each(STYLES)("GetBucketVersioning answers without a Status, %s style", async (style) => {
    const bucket = await createBucket();
    const root = await documentOf(await send({ bucket, query: "versioning", style }), "VersioningConfiguration");
    expect([root.text, root.children]).toEqual(["", []]);
  });
});
