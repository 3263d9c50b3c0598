/** Temporary credentials in signatures by header and by query, and their refusals. */
import { describe, expect, test } from "vitest";
import { authenticate, claimedService, claimedSessionToken } from "../../../src/auth/authenticate.ts";
import type { Credential, FindCredential } from "../../../src/model/caller.ts";
import {
  ACCESS_KEY_ID,
  ACCOUNT,
  failureOf,
  keyring,
  NOW,
  presignedUrl,
  received,
  SECRET,
  type Sent,
  signedRequest,
} from "./support.ts";

const ANY = { regions: "any", service: "s3" } as const;
const TOKEN = "the-token";

const SESSION: Credential = {
  accessKeyId: ACCESS_KEY_ID,
  secretAccessKey: SECRET,
  account: ACCOUNT,
  active: true,
  session: {
    token: TOKEN,
    makerAccessKeyId: "AKIAMAKER",
    issuedAt: NOW,
    expiresAt: new Date(NOW.getTime() + 1000),
    name: "Bob",
    policy: "{}",
  },
};

/** A store that finds the session by key and token. */
const store: FindCredential = async (id, token) => (id === ACCESS_KEY_ID && token === TOKEN ? SESSION : undefined);
const withToken = (token: string, sent: Sent = {}): Sent => ({ ...sent, headers: { "x-amz-security-token": token } });

describe("x-amz-security-token", () => {
  test("in a signed header: the caller is the session, without token and secret", async () => {
    const { caller } = await authenticate(await signedRequest(withToken(TOKEN)), store, ANY);
    expect(caller).toEqual({
      kind: "account",
      account: ACCOUNT,
      accessKeyId: ACCESS_KEY_ID,
      session: {
        makerAccessKeyId: "AKIAMAKER",
        issuedAt: NOW,
        expiresAt: new Date(NOW.getTime() + 1000),
        name: "Bob",
        policy: "{}",
      },
    });
  });

  test("in a presigned URL, in its query or as a signed header", async () => {
    const url = await presignedUrl({ parameters: { "X-Amz-Security-Token": TOKEN } });
    const headers = { "x-amz-security-token": TOKEN };
    for (const request of [received({ url }), received({ url: await presignedUrl({ headers }), headers })]) {
      expect((await authenticate(request, store, ANY)).caller).toMatchObject({ session: { name: "Bob" } });
    }
  });

  test("is refused if query and header differ", async () => {
    const headers = { "x-amz-security-token": "another" };
    const url = await presignedUrl({ parameters: { "X-Amz-Security-Token": TOKEN }, headers });
    expect(await failureOf(() => authenticate(received({ url, headers }), store, ANY))).toMatchObject({
      code: "AuthorizationQueryParametersError",
    });
  });

  test.each(["other", "", TOKEN.slice(0, -1)])("%j is InvalidToken", async (token) => {
    const request = await signedRequest(withToken(token));
    expect(await failureOf(() => authenticate(request, store, ANY))).toEqual({
      code: "InvalidToken",
      status: 400,
      message: "The provided token is malformed or otherwise invalid.",
      details: { "Token-0": token },
    });
  });

  test("a store that ignores the token cannot let a wrong one pass", async () => {
    const lax = async () => SESSION;
    const wrong = await signedRequest(withToken("other"));
    expect(await failureOf(() => authenticate(wrong, lax, ANY))).toMatchObject({ code: "InvalidToken" });
    const without = await signedRequest({});
    expect(await failureOf(() => authenticate(without, lax, ANY))).toMatchObject({ code: "InvalidAccessKeyId" });
    const longTerm = await signedRequest(withToken(TOKEN));
    expect(await failureOf(() => authenticate(longTerm, keyring(), ANY))).toMatchObject({ code: "InvalidToken" });
  });

  test("is ExpiredToken from the time of expiry on", async () => {
    const before = await signedRequest(withToken(TOKEN, { now: new Date(NOW.getTime() + 999) }));
    expect((await authenticate(before, store, ANY)).caller.kind).toBe("account");
    const at = await signedRequest(withToken(TOKEN, { now: new Date(NOW.getTime() + 1000) }));
    expect(await failureOf(() => authenticate(at, store, ANY))).toEqual({
      code: "ExpiredToken",
      status: 400,
      message: "The provided token has expired.",
      details: { "Token-0": TOKEN },
    });
  });

  test("of a session whose creator is inactive is InvalidAccessKeyId", async () => {
    const inactive = async () => ({ ...SESSION, active: false });
    const request = await signedRequest(withToken(TOKEN));
    expect(await failureOf(() => authenticate(request, inactive, ANY))).toMatchObject({ code: "InvalidAccessKeyId" });
  });

  test("changes the signature if it is added to a signed URL", async () => {
    const url = `${await presignedUrl()}&X-Amz-Security-Token=${TOKEN}`;
    const failure = await failureOf(() => authenticate(received({ url }), store, ANY));
    expect(failure).toMatchObject({ code: "SignatureDoesNotMatch" });
  });
});

describe("hints for loading the key early", () => {
  test("the token is read from the same place as the signature", async () => {
    const query = "https://example.com/?x-amz-security-token=query";
    const headers = { "x-amz-security-token": "header" };
    expect(claimedSessionToken(received({ url: query }))).toBe("query");
    expect(claimedSessionToken(received({ url: query, headers: { ...headers, authorization: "x" } }))).toBe("header");
    expect(claimedSessionToken(received({}))).toBeUndefined();
  });

  test("the service that a signature names", async () => {
    expect(claimedService((await signedRequest({})).headers)).toBe("s3");
    expect(claimedService((await signedRequest({}, { service: "iam" })).headers)).toBe("iam");
    expect(claimedService(new Headers())).toBeUndefined();
    expect(claimedService(new Headers({ authorization: "Credential=a" }))).toBeUndefined();
  });
});

describe("a body that was read before authentication", () => {
  const options = { regions: "any", service: "iam", bodySha256: "a".repeat(64) } as const;

  test("is the signed payload without x-amz-content-sha256", async () => {
    const signed = { service: "iam", payloadHash: "a".repeat(64) };
    const request = await signedRequest({ headers: { host: "iam" } }, signed);
    const authentication = await authenticate(request, keyring(), options);
    expect(authentication.payload).toEqual({ kind: "literal", sha256: "a".repeat(64) });
  });

  test("is not replaced by the hash of the header", async () => {
    for (const payloadHash of ["b".repeat(64), "UNSIGNED-PAYLOAD"]) {
      const request = await signedRequest({}, { service: "iam", payloadHash });
      expect(await failureOf(() => authenticate(request, keyring(), options))).toMatchObject({
        code: "SignatureDoesNotMatch",
      });
    }
  });

  test("does not make a signature for s3 valid for iam", async () => {
    const request = await signedRequest({}, { payloadHash: "a".repeat(64) });
    expect(await failureOf(() => authenticate(request, keyring(), options))).toMatchObject({
      code: "AuthorizationHeaderMalformed",
      message: expect.stringContaining('incorrect service "s3". This endpoint belongs to "iam".'),
    });
  });
});
