/**
 * Settings with a single supported value, the default: GetBucketAbac, GetBucketAccelerateConfiguration,
 * GetBucketRequestPayment, PutBucketAbac, PutBucketAccelerateConfiguration, PutBucketRequestPayment.
 */
import { describe, expect, it } from "vitest";
import { digestOf } from "../../support/acl.ts";
import { expectError } from "../../support/errors.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";

const SETTINGS = {
  abac: ["AbacStatus", "<Status>Disabled</Status>", "<Status>Enabled</Status>"],
  accelerate: ["AccelerateConfiguration", "<Status>Suspended</Status>", "<Status>Enabled</Status>"],
  requestPayment: ["RequestPaymentConfiguration", "<Payer>BucketOwner</Payer>", "<Payer>Requester</Payer>"],
} as const;

function documentFor(query: keyof typeof SETTINGS, inner: string): string {
  const [root] = SETTINGS[query];
  return `<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</${root}>`;
}

async function put(bucket: string, query: string, body: string): Promise<Response> {
  return send({ method: "PUT", bucket, query, body, headers: await digestOf(body) });
}

const QUERIES = Object.keys(SETTINGS) as (keyof typeof SETTINGS)[];

for (const query of QUERIES) {
  const body = documentFor(query, SETTINGS[query][1]);
  describeRefusals(`PUT ?${query}`, { method: "PUT", query, body, headers: await digestOf(body), success: 200 });
}

describe.each(QUERIES)("PUT ?%s", (query) => {
  const [, offered, other] = SETTINGS[query];

  it("accepts the default", async () => {
    const bucket = await createBucket();
    const response = await put(bucket, query, documentFor(query, offered));
    expect([response.status, await response.text()]).toEqual([200, ""]);
    expect(await (await send({ bucket, query })).text()).toContain(offered);
  });

  it("refuses other values with NotImplemented and changes nothing", async () => {
    const bucket = await createBucket();
    const before = await (await send({ bucket, query })).text();
    await expectError(await put(bucket, query, documentFor(query, other)), 501, "NotImplemented", {
      message: /not implemented/,
    });
    expect(await (await send({ bucket, query })).text()).toBe(before);
  });

  it.each([
    "",
    "<Anything/>",
    documentFor(query, "<Novelty/>"),
    documentFor(query, "<Status>novel</Status><Payer>x</Payer>"),
  ])("refuses %j with MalformedXML", async (body) => {
    await expectError(await put(await createBucket(), query, body), 400, "MalformedXML");
  });
});

it("GetBucketAccelerateConfiguration returns what was set, and is empty before", async () => {
  const bucket = await createBucket();
  expect(await (await send({ bucket, query: "accelerate" })).text()).not.toContain("Status");
  await put(bucket, "accelerate", documentFor("accelerate", "<Status>Suspended</Status>"));
  expect(await (await send({ bucket, query: "accelerate" })).text()).toContain("<Status>Suspended</Status>");
});
