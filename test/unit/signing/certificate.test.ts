/** The certificate as another implementation, Node's OpenSSL, reads it. */
import { verify, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { formatPem, issueCertificate } from "../../../src/signing/certificate.ts";

const ALGORITHM = { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };

async function issue(options: { notBefore?: string; serialNumber?: Uint8Array } = {}) {
  const keys = (await crypto.subtle.generateKey({ ...ALGORITHM, hash: "SHA-256" }, true, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  const certificate = await issueCertificate({
    commonName: "a name with ü",
    keys,
    serialNumber: options.serialNumber ?? Uint8Array.of(0x41, 0xff, 0, 1),
    notBefore: new Date(options.notBefore ?? "2026-11-22T10:11:12.345Z"),
  });
  return { keys, pem: formatPem(certificate), x509: new X509Certificate(formatPem(certificate)) };
}

describe("the certificate", () => {
  it("is signed by the key it holds, and by no other", async () => {
    const [one, other] = [await issue(), await issue()];
    expect(one.x509.verify(one.x509.publicKey)).toBe(true);
    expect(one.x509.checkIssued(one.x509)).toBe(true);
    expect(one.x509.verify(other.x509.publicKey)).toBe(false);
  });

  it("holds the public key that verifies what the private one signs", async () => {
    const { keys, x509 } = await issue();
    const data = new TextEncoder().encode("signed text");
    const signature = new Uint8Array(await crypto.subtle.sign("RSASSA-PKCS1-v1_5", keys.privateKey, data));
    expect(verify("sha256", data, x509.publicKey, signature)).toBe(true);
    expect(verify("sha1", data, x509.publicKey, signature)).toBe(false);
  });

  it("says who, which number, since when, and that it is no authority", async () => {
    const { x509 } = await issue();
    expect(x509.subject).toContain("CN=");
    expect(x509.issuer).toBe(x509.subject);
    expect(x509.serialNumber).toBe("41FF0001");
    expect(x509.validFrom).toBe("Nov 22 10:11:12 2026 GMT");
    expect(x509.validTo).toBe("Dec 31 23:59:59 9999 GMT");
    expect(x509.ca).toBe(false);
  });

  it("is read the same way when it begins after 2049", async () => {
    expect((await issue({ notBefore: "2050-01-01T00:00:00Z" })).x509.validFrom).toBe("Jan  1 00:00:00 2050 GMT");
  });

  it("stands in lines of 64 characters between the usual ones", async () => {
    const { pem } = await issue();
    expect(pem).toMatch(
      /^-----BEGIN CERTIFICATE-----\n(?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}\n-----END CERTIFICATE-----\n$/,
    );
  });
});
