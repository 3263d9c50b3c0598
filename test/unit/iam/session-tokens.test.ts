/** Tokens of temporary credentials: their contents, and that only genuine tokens are accepted. */
import { describe, expect, test } from "vitest";
import type { Credential } from "../../../src/model/caller.ts";
import { openMacKey, openSealer } from "../../../src/storage/sealing.ts";
import { type SessionClaims, SessionTokens } from "../../../src/storage/session-tokens.ts";

const SEAL_KEY = Uint8Array.from({ length: 32 }, (_, index) => index);

async function tokens(sealKey = SEAL_KEY): Promise<SessionTokens> {
  const sealer = openSealer(sealKey, "session-tokens");
  return new SessionTokens(sealer, openMacKey(sealKey, "session-secrets"));
}

const CLAIMS: SessionClaims = {
  accountId: "111122223333",
  userId: "AIDAEXAMPLE",
  makerAccessKeyId: "AKIAMAKER",
  issuedAt: new Date("2029-12-31T12:00:00Z"),
  expiresAt: new Date("2030-01-01T00:00:00Z"),
  policy: '{"Statement":[]}',
  name: "Bob",
};

const MAKER: Credential = {
  accessKeyId: "AKIAMAKER",
  secretAccessKey: "the maker's secret",
  account: { id: "111122223333", canonicalId: "c", displayName: "d", isRoot: false },
  active: true,
  user: { id: "AIDAEXAMPLE", name: "bob", path: "/", arn: "arn", policies: ["p"] },
};

describe("a token", () => {
  test("contains what it was created from", async () => {
    const all = await tokens();
    const minted = await all.mint(CLAIMS, MAKER.secretAccessKey);
    expect(minted.accessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
    expect(minted.secretAccessKey).toMatch(/^[A-Za-z0-9+/]{40}$/);
    expect(minted.sessionToken).toMatch(/^[\w-]+$/);
    expect(minted.expiresAt).toEqual(CLAIMS.expiresAt);
    expect(await all.open(minted.accessKeyId, minted.sessionToken)).toEqual(CLAIMS);
    const plain = { ...CLAIMS, userId: undefined, policy: undefined, name: undefined };
    const root = await all.mint(plain, "s");
    expect(await all.open(root.accessKeyId, root.sessionToken)).toEqual(plain);
  });

  test("of a version before they said when they were issued counts as issued as early as it can have been", async () => {
    const before = { v: 1, a: "1", m: "m", e: Date.parse("2030-01-02T12:00:00Z") };
    const sealed = await openSealer(SEAL_KEY, "session-tokens").seal(JSON.stringify(before), "ASIA1");
    const token = sealed.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    const issuedAt = new Date("2030-01-01T00:00:00Z");
    expect(await (await tokens()).open("ASIA1", token)).toMatchObject({ issuedAt });
  });

  test("does not open for another key, cut short, altered, padded or under another seal key", async () => {
    const all = await tokens();
    const { accessKeyId, sessionToken } = await all.mint(CLAIMS, "s");
    const other = await all.mint(CLAIMS, "s");
    const flipped = (sessionToken.startsWith("A") ? "B" : "A") + sessionToken.slice(1);
    const middle = Math.floor(sessionToken.length / 2);
    const swapped = `${sessionToken.slice(0, middle)}${other.sessionToken.slice(middle)}`;
    const wrong = [
      "",
      "x",
      sessionToken.slice(0, -1),
      sessionToken.slice(0, 16),
      sessionToken.slice(1),
      flipped,
      swapped,
    ];
    for (const token of [...wrong, ` ${sessionToken}`, `${sessionToken}=`, other.sessionToken]) {
      expect(await all.open(accessKeyId, token)).toBeUndefined();
    }
    expect(await all.open(other.accessKeyId, sessionToken)).toBeUndefined();
    expect(await (await tokens(SEAL_KEY.toReversed())).open(accessKeyId, sessionToken)).toBeUndefined();
  });

  test("cannot be opened as a sealed secret, nor the other way round", async () => {
    const secrets = openSealer(SEAL_KEY, "access-key-secrets");
    const sealed = await secrets.seal(JSON.stringify({ v: 1, a: "1", m: "m", e: 9e15 }), "ASIA1");
    const token = sealed.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    expect(await (await tokens()).open("ASIA1", token)).toBeUndefined();
  });
});

describe("the credential of a session", () => {
  test("has the secret that was returned, and its creator's user and state", async () => {
    const all = await tokens();
    const minted = await all.mint(CLAIMS, MAKER.secretAccessKey);
    const named = { accessKeyId: minted.accessKeyId, token: minted.sessionToken };
    const credential = await all.credentialOf(named, CLAIMS, { ...MAKER, active: false });
    expect(credential).toEqual({
      accessKeyId: minted.accessKeyId,
      secretAccessKey: minted.secretAccessKey,
      account: MAKER.account,
      active: false,
      user: MAKER.user,
      session: {
        issuedAt: CLAIMS.issuedAt,
        expiresAt: CLAIMS.expiresAt,
        makerAccessKeyId: "AKIAMAKER",
        policy: CLAIMS.policy,
        name: "Bob",
        token: minted.sessionToken,
      },
    });
  });

  test("has another secret once its creator's was replaced", async () => {
    const all = await tokens();
    const minted = await all.mint(CLAIMS, MAKER.secretAccessKey);
    const named = { accessKeyId: minted.accessKeyId, token: minted.sessionToken };
    const credential = await all.credentialOf(named, CLAIMS, { ...MAKER, secretAccessKey: "replaced" });
    expect(credential?.secretAccessKey).not.toBe(minted.secretAccessKey);
  });

  test("does not exist if the creator's key or its owner differs from the token's", async () => {
    const all = await tokens();
    const { user: _user, ...rootOfAccount } = MAKER;
    const strangers: Credential[] = [
      rootOfAccount,
      { ...MAKER, accessKeyId: "AKIAOTHER" },
      { ...MAKER, account: { ...MAKER.account, id: "000000000000" } },
      { ...rootOfAccount, user: { id: "AIDAOTHER", name: "bob", path: "/", arn: "arn", policies: [] } },
      {
        ...MAKER,
        session: { token: "t", makerAccessKeyId: "m", issuedAt: CLAIMS.issuedAt, expiresAt: CLAIMS.expiresAt },
      },
    ];
    for (const maker of strangers) {
      expect(await all.credentialOf({ accessKeyId: "ASIA", token: "t" }, CLAIMS, maker)).toBeUndefined();
    }
  });
});
