/** An independent signer: requests that aws4fetch signs must verify. */
import { AwsV4Signer } from "aws4fetch";
import { describe, expect, test } from "vitest";
import { authenticate } from "../../../src/auth/authenticate.ts";
import { ACCESS_KEY_ID, keyring, received, SECRET } from "./support.ts";

const ANY = { regions: "any", service: "s3" } as const;

const TARGETS = [
  "/",
  "/bucket/key",
  "/bucket/with%20space/%C3%BC%E2%82%AC/a%2Bb",
  "/bucket//double//",
  "/bucket/a?uploads",
  "/bucket/?list-type=2&prefix=a%2Fb&delimiter=%2F&max-keys=10",
  "/bucket/?prefix=%2B%20%26%3D",
];

async function signed(method: string, target: string, signQuery: boolean, body?: string) {
  const signer = new AwsV4Signer({
    method,
    url: `http://localhost:8787${target}`,
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET,
    service: "s3",
    region: "auto",
    datetime: "20130524T000000Z",
    signQuery,
    headers: { "x-amz-meta-test": "a  b", "content-type": "text/plain" },
    ...(body === undefined ? {} : { body }),
  });
  const { url, headers } = await signer.sign();
  return received({ method, url: url.toString(), headers: Object.fromEntries(headers) });
}

describe.each(["GET", "PUT", "POST", "DELETE", "HEAD"])("%s signed by aws4fetch", (method) => {
  test.each(TARGETS)("%s, in the header", async (target) => {
    const request = await signed(method, target, false, method === "PUT" ? "body" : undefined);
    expect((await authenticate(request, keyring(), ANY)).style).toBe("header");
  });

  test.each(TARGETS)("%s, in the query", async (target) => {
    expect((await authenticate(await signed(method, target, true), keyring(), ANY)).style).toBe("query");
  });
});
