import { env } from "cloudflare:workers";
import { verify, X509Certificate } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { Signers } from "../../../src/signing/signer.ts";
import { CertificateKeys } from "../../../src/storage/d1/certificate-keys.ts";
import { nameSealKey, openSealer } from "../../../src/storage/sealing.ts";
import { s3 } from "../../support/s3.ts";

const SEAL_KEY = new Uint8Array(32).fill(7);
const NAME = /^\/-\/certificates\/([0-9a-f]{64})\.pem$/;

/** An isolate of its own. */
async function isolate(sealKey = SEAL_KEY): Promise<Signers> {
  const sealer = openSealer(sealKey, "signing-keys");
  return new Signers(new CertificateKeys(env.DB, sealer, () => nameSealKey(sealKey)));
}

const rows = async () => (await env.DB.prepare("SELECT * FROM signing_keys").all()).results;

const bytes = (base64: string) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

beforeEach(async () => {
  await env.DB.exec("DELETE FROM signing_keys");
});

describe("the certificate key", () => {
  it.each(["SHA-1", "SHA-256"] as const)("signs with %s so that its certificate verifies", async (hash) => {
    const signer = await (await isolate()).open();
    const { publicKey } = new X509Certificate(signer.pem());
    const signature = bytes(await signer.sign(hash, "POST\nä"));
    const algorithm = hash.replace("-", "").toLowerCase();
    expect(verify(algorithm, new TextEncoder().encode("POST\nä"), publicKey, signature)).toBe(true);
    expect(verify(algorithm, new TextEncoder().encode("POST\na"), publicKey, signature)).toBe(false);
  });

  it("is named by its certificate's fingerprint", async () => {
    const signer = await (await isolate()).open();
    const { fingerprint256 } = new X509Certificate(signer.pem());
    expect(NAME.exec(signer.certificatePath)?.[1]).toBe(fingerprint256.replaceAll(":", "").toLowerCase());
  });

  it("is one key, even if several isolates create it at the same time", async () => {
    const isolates = await Promise.all(Array.from({ length: 4 }, () => isolate()));
    const signers = await Promise.all(isolates.map((each) => each.open()));
    expect(new Set(signers.map((signer) => signer.pem())).size).toBe(1);
    const signatures = await Promise.all(signers.map((signer) => signer.sign("SHA-256", "text")));
    expect(new Set(signatures).size).toBe(1);
    expect(await rows()).toHaveLength(1);
  });

  it("is read once per isolate and not created again", async () => {
    const first = await (await isolate()).open();
    const signers = await isolate();
    const second = await signers.open();
    expect(second.pem()).toBe(first.pem());
    await env.DB.exec("DELETE FROM signing_keys");
    expect(await signers.open()).toBe(second);
  });

  it("is sealed in the database", async () => {
    const { pem } = await (await isolate()).open();
    const [row] = await rows();
    expect(row?.certificate).toBe(pem());
    // Every RSA key in PKCS #8 begins like this.
    expect(atob(String(row?.private_key))).not.toContain("MIIE");
    await expect(
      crypto.subtle.importKey("pkcs8", bytes(String(row?.private_key)), RSA, false, ["sign"]),
    ).rejects.toThrow();
  });

  it("is another one with another SEAL_KEY, and the first one again with the first", async () => {
    const first = await (await isolate()).open();
    const other = await (await isolate(new Uint8Array(32).fill(8))).open();
    expect(other.pem()).not.toBe(first.pem());
    expect((await (await isolate()).open()).pem()).toBe(first.pem());
  });

  it("is refused if its row was altered", async () => {
    await (await isolate()).open();
    await env.DB.exec("UPDATE signing_keys SET fingerprint = 'x'");
    await expect((await isolate()).open()).rejects.toThrow();
  });
});

const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

describe("GET /-/certificates/<fingerprint>.pem", () => {
  it("returns the certificate to anyone, cacheable", async () => {
    const signer = await (await isolate()).open();
    const response = await s3(signer.certificatePath, { key: null });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(await response.text()).toBe(signer.pem());
  });

  it("returns certificates of earlier keys", async () => {
    const earlier = await (await isolate(new Uint8Array(32).fill(8))).open();
    await (await isolate()).open();
    expect(await (await s3(earlier.certificatePath, { key: null })).text()).toBe(earlier.pem());
  });

  it.each([`${"0".repeat(64)}.pem`, `${"0".repeat(64)}`, "x.pem", ".pem", "%27%20OR%201=1.pem", ""])(
    "answers NotFound for %j and creates no key",
    async (name) => {
      const response = await s3(`/-/certificates/${name}`, { key: null });
      expect([response.status, await response.json()]).toMatchObject([404, { error: { code: "NotFound" } }]);
      expect(await rows()).toHaveLength(0);
    },
  );

  it.each(["PUT", "POST", "DELETE"])("answers NotFound to %s", async (method) => {
    const signer = await (await isolate()).open();
    expect((await s3(signer.certificatePath, { method, key: null })).status).toBe(404);
    expect(await rows()).toHaveLength(1);
  });
});
