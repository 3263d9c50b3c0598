/** The parts of AWS's aws-sig-v4-test-suite that do not depend on path normalisation, which S3 does not use. */
import { describe, expect, test } from "vitest";
import { canonicalReadings } from "../../../src/auth/sigv4/canonical-request.ts";
import { deriveSigningKey, verifySignature } from "../../../src/auth/sigv4/signing-key.ts";
import { requestStringToSign } from "../../../src/auth/sigv4/string-to-sign.ts";
import { EMPTY_SHA256, received } from "./support.ts";

const CREDENTIAL = {
  accessKeyId: "AKIDEXAMPLE",
  day: "20150830",
  region: "us-east-1",
  service: "service",
  terminal: "aws4_request",
};
const CONTEXT = { timestamp: "20150830T123600Z", scope: "20150830/us-east-1/service/aws4_request" };
const UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const VECTORS: [name: string, method: string, target: string, headers: Record<string, string>, signature: string][] = [
  ["get-vanilla", "GET", "/", {}, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
  [
    "get-vanilla-query-order-key-case",
    "GET",
    "/?Param2=value2&Param1=value1",
    {},
    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  ],
  [
    "get-vanilla-empty-query-key",
    "GET",
    "/?Param1=value1",
    {},
    "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
  ],
  [
    "get-vanilla-query-unreserved",
    "GET",
    `/?${UNRESERVED}=${UNRESERVED}`,
    {},
    "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
  ],
  [
    "get-vanilla-utf8-query",
    "GET",
    "/?%E1%88%B4=bar",
    {},
    "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
  ],
  ["get-unreserved", "GET", `/${UNRESERVED}`, {}, "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"],
  ["get-utf8", "GET", "/%E1%88%B4", {}, "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"],
  [
    "get-header-key-duplicate",
    "GET",
    "/",
    { "my-header1": "value2, value2, value1" },
    "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
  ],
  [
    "get-header-value-trim",
    "GET",
    "/",
    { "my-header1": "value1", "my-header2": '"a   b   c"' },
    "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
  ],
  ["post-vanilla", "POST", "/", {}, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"],
  [
    "post-vanilla-query",
    "POST",
    "/?Param1=value1",
    {},
    "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
  ],
  [
    "post-header-value-case",
    "POST",
    "/",
    { "my-header1": "VALUE1" },
    "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
  ],
];

describe("aws-sig-v4-test-suite", () => {
  test.each(VECTORS)("%s", async (_name, method, target, headers, signature) => {
    const request = received({
      method,
      url: `https://example.amazonaws.com${target}`,
      headers: { ...headers, "x-amz-date": "20150830T123600Z" },
    });
    const signedHeaders = ["host", ...Object.keys(headers), "x-amz-date"];
    const key = await deriveSigningKey("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", CREDENTIAL);
    const verified = [];
    for (const { canonicalRequest } of canonicalReadings(request, signedHeaders, [EMPTY_SHA256])) {
      const fits = await verifySignature(key, await requestStringToSign(CONTEXT, canonicalRequest), signature);
      if (fits) verified.push(canonicalRequest);
    }
    expect(verified).toHaveLength(1);
  });
});
