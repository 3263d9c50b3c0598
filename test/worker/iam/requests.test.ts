/** The format of requests, their signatures, and the surface that answers. */
import { AwsClient } from "aws4fetch";
import { describe, expect, test } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { call, iam, post, refusalOf, refused, resultOf, sts } from "../../support/iam.ts";
import { ENDPOINT, errorOf, ROOT, s3 } from "../../support/s3.ts";
import { handDirectly } from "../../support/worker.ts";
import { textIn } from "../../support/xml.ts";

const VERSION = "Version=2010-05-08";
const IDENTITY = "Action=GetCallerIdentity&Version=2011-06-15";

describe("signatures", () => {
  test("for any region, with and without x-amz-content-sha256", async () => {
    for (const region of ["us-east-1", "eu-west-1", "auto"]) {
      const response = await post({ service: "sts", body: IDENTITY, region });
      expect(textIn(await resultOf(response, "sts", "GetCallerIdentity"), "Account")).toMatch(/^\d{12}$/);
    }
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(IDENTITY));
    const hex = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
    const response = await post({ service: "sts", body: IDENTITY, headers: { "x-amz-content-sha256": hex } });
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });

  test("that do not cover the body are SignatureDoesNotMatch, with any declared payload hash", async () => {
    for (const headers of [{} as Record<string, string>, { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }]) {
      const forged = `Action=CreateUser&${VERSION}&UserName=forged`;
      expect(await refusalOf(await forge(`Action=ListUsers&${VERSION}`, forged, headers))).toEqual({
        status: 403,
        code: "SignatureDoesNotMatch",
        message: expect.stringMatching(/^The request signature we calculated does not match .* details\.$/),
      });
    }
    const unsigned = await post({
      body: `Action=ListUsers&${VERSION}`,
      headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
    });
    expect(await refusalOf(unsigned)).toMatchObject({ code: "SignatureDoesNotMatch" });
  });

  test("by an unknown key are InvalidClientTokenId, with a wrong secret SignatureDoesNotMatch", async () => {
    const unknown = { accessKeyId: "AKIAAAAAAAAAAAAAAAAA", secretAccessKey: ROOT.secretAccessKey };
    expect(await refused("ListUsers", {}, { as: unknown })).toEqual({
      status: 403,
      code: "InvalidClientTokenId",
      message: "The security token included in the request is invalid.",
    });
    const wrong = { ...ROOT, secretAccessKey: "x".repeat(40) };
    expect(await refused("ListUsers", {}, { as: wrong })).toMatchObject({ status: 403, code: "SignatureDoesNotMatch" });
  });

  test("made long ago are RequestExpired", async () => {
    const response = await post({ body: `Action=ListUsers&${VERSION}`, datetime: "20200101T000000Z" });
    expect(await refusalOf(response)).toMatchObject({ status: 400, code: "RequestExpired" });
  });

  test("for one service are refused by the other", async () => {
    const swapped = await post({ service: "sts", body: `Action=ListUsers&${VERSION}` });
    expect(await refusalOf(swapped, "sts")).toMatchObject({ status: 400, code: "InvalidAction" });
    const other = await post({ service: "iam", body: IDENTITY });
    expect(await refusalOf(other)).toMatchObject({ status: 400, code: "InvalidAction" });
  });

  test("for s3, and unsigned requests, are answered by the S3 surface", async () => {
    for (const as of [ROOT, null]) {
      const response = await post({ service: "s3", as, body: `Action=ListUsers&${VERSION}` });
      expect((await errorOf(response)).text).toMatch(/^<\?xml[^>]*>\n<Error><Code>/);
    }
    const form = await post({ url: `${ENDPOINT}/some-bucket`, body: `Action=ListUsers&${VERSION}` });
    expect((await errorOf(form)).text).toMatch(/^<\?xml[^>]*>\n<Error><Code>/);
    const json = await post({ body: "{}", headers: { "content-type": "application/json" } });
    expect(await errorOf(json)).toMatchObject({ status: 405, code: "MethodNotAllowed" });
  });

  test("on a bucket's host are answered by the S3 surface as well", async () => {
    const response = await post({ url: "http://some-bucket.s3.localhost:8787/", body: `Action=ListUsers&${VERSION}` });
    expect((await errorOf(response)).text).toMatch(/^<\?xml[^>]*>\n<Error><Code>/);
  });
});

describe("the form", () => {
  test.each([
    [VERSION, "MissingAction", 400],
    ["", "MissingAction", 400],
    ["Action=ListUsers", "InvalidAction", 400],
    ["Action=ListUsers&Version=2011-06-15", "InvalidAction", 400],
    [`Action=Nothing&${VERSION}`, "InvalidAction", 400],
    [`Action=toString&${VERSION}`, "InvalidAction", 400],
    [`Action=ListUsers&Action=CreateUser&${VERSION}`, "InvalidQueryParameter", 400],
    [`Action=ListUsers&${VERSION}&MaxItems=1&MaxItems=2`, "InvalidQueryParameter", 400],
    [`Action=ListUsers&${VERSION}&PathPrefix=%zz`, "MalformedQueryString", 400],
    [`Action=ListUsers&${VERSION}&PathPrefix=%ff`, "MalformedQueryString", 400],
    [`Action=ListUsers&${VERSION}&UserName=x`, "NotImplemented", 501],
    [`Action=ListUsers&${VERSION}&maxitems=1`, "NotImplemented", 501],
  ])("%j is %s", async (body, code, status) => {
    expect(await refusalOf(await post({ body }))).toMatchObject({ status, code });
  });

  test("beyond 64 KiB is InvalidInput", async () => {
    const body = (size: number) => `Action=ListUsers&${VERSION}&Marker=`.padEnd(size, "x");
    const within = await refusalOf(await post({ body: body(64 * 1024) }));
    expect(within).toMatchObject({ code: "ValidationError", message: "Invalid Marker." });
    const beyond = await refusalOf(await post({ body: body(64 * 1024 + 1) }));
    expect(beyond).toMatchObject({ status: 400, code: "InvalidInput" });
  });

  test("is refused together with a query string", async () => {
    const response = await post({ url: `${ENDPOINT}/?Action=CreateUser`, body: `Action=ListUsers&${VERSION}` });
    expect(await refusalOf(response)).toMatchObject({ code: "InvalidQueryParameter" });
  });
});

describe("STS", () => {
  test.each(["AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML", "DecodeAuthorizationMessage"])(
    "%s is NotImplemented",
    async (action) => {
      expect(await refused(action, {}, { service: "sts" })).toMatchObject({ status: 501, code: "NotImplemented" });
    },
  );

  test("GetCallerIdentity of an account's root", async () => {
    const { accountId, ...key } = await createAccount();
    const identity = await sts("GetCallerIdentity", {}, key);
    expect(identity?.children.map(({ name, text }) => [name, text])).toEqual([
      ["Arn", `arn:aws:iam::${accountId}:root`],
      ["UserId", accountId],
      ["Account", accountId],
    ]);
  });
});

test("the query APIs do not change S3", async () => {
  expect((await s3("/")).status).toBe(200);
  expect((await call("iam", "ListUsers")).headers.get("x-amz-request-id")).toMatch(/^[0-9A-F]{16}$/);
  await iam("ListUsers");
});

/** Sends a body other than the signed one. */
async function forge(signed: string, sent: string, more: Record<string, string>): Promise<Response> {
  const headers = { "content-type": "application/x-www-form-urlencoded", ...more };
  const client = new AwsClient({ ...ROOT, service: "iam", region: "us-east-1", retries: 0 });
  const request = await client.sign(`${ENDPOINT}/`, { method: "POST", headers, body: signed });
  return handDirectly(new Request(request, { body: sent }));
}
