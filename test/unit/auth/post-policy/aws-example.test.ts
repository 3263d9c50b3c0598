/** "Example: Browser-Based Upload using HTTP POST (Using AWS Signature Version 4)" (sigv4-post-example). */
import { describe, expect, it } from "vitest";
import { applyPolicy, parsePolicyDocument } from "../../../../src/auth/post-policy/policy.ts";
import { deriveSigningKey, sign } from "../../../../src/auth/sigv4/signing-key.ts";

/** The policy as the page prints it, with the line ends of its encoded form. */
const POLICY = [
  '{ "expiration": "2015-12-30T12:00:00.000Z",',
  '  "conditions": [',
  '    {"bucket": "sigv4examplebucket"},',
  '    ["starts-with", "$key", "user/user1/"],',
  '    {"acl": "public-read"},',
  '    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},',
  '    ["starts-with", "$Content-Type", "image/"],',
  '    {"x-amz-meta-uuid": "14365123651274"},',
  '    {"x-amz-server-side-encryption": "AES256"},',
  '    ["starts-with", "$x-amz-meta-tag", ""],',
  "",
  '    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},',
  '    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},',
  '    {"x-amz-date": "20151229T000000Z" }',
  "  ]",
  "}",
].join("\r\n");
const ENCODED = btoa(POLICY);
const SIGNATURE = "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e";

const FIELDS = new Map([
  ["key", "user/user1/photo.jpg"],
  ["acl", "public-read"],
  ["success_action_redirect", "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"],
  ["content-type", "image/jpeg"],
  ["x-amz-meta-uuid", "14365123651274"],
  ["x-amz-server-side-encryption", "AES256"],
  ["x-amz-credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"],
  ["x-amz-algorithm", "AWS4-HMAC-SHA256"],
  ["x-amz-date", "20151229T000000Z"],
  ["x-amz-meta-tag", ""],
  ["policy", ENCODED],
  ["x-amz-signature", SIGNATURE],
]);

describe("AWS's example of a signed form", () => {
  it("has AWS's signature", async () => {
    const scope = {
      accessKeyId: "AKIAIOSFODNN7EXAMPLE",
      day: "20151229",
      region: "us-east-1",
      service: "s3",
      terminal: "aws4_request",
    };
    const key = await deriveSigningKey("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", scope);
    expect(await sign(key, ENCODED)).toBe(SIGNATURE);
  });

  it("complies with its policy on that day", () => {
    const subject = { bucket: "sigv4examplebucket", fields: FIELDS };
    expect(applyPolicy(parsePolicyDocument(ENCODED), subject, new Date("2015-12-29T10:00:00Z"))).toEqual({
      minBytes: 0,
      maxBytes: Number.POSITIVE_INFINITY,
    });
  });
});
