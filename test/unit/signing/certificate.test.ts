/** The certificate, read by another implementation: Node's OpenSSL. */
import { verify, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { formatHex } from "../../../src/checksum/digests.ts";
import * as der from "../../../src/signing/certificate.ts";
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

describe("issueCertificate", () => {
  it("signs the certificate with its own key", async () => {
    const [one, other] = [await issue(), await issue()];
    expect(one.x509.verify(one.x509.publicKey)).toBe(true);
    expect(one.x509.checkIssued(one.x509)).toBe(true);
    expect(one.x509.verify(other.x509.publicKey)).toBe(false);
  });

  it("includes the public key of the private key", async () => {
    const { keys, x509 } = await issue();
    const data = new TextEncoder().encode("signed text");
    const signature = new Uint8Array(await crypto.subtle.sign("RSASSA-PKCS1-v1_5", keys.privateKey, data));
    expect(verify("sha256", data, x509.publicKey, signature)).toBe(true);
    expect(verify("sha1", data, x509.publicKey, signature)).toBe(false);
  });

  it("writes name, serial number and validity, and that the certificate is not an authority", async () => {
    const { x509 } = await issue();
    expect(x509.subject).toContain("CN=");
    expect(x509.issuer).toBe(x509.subject);
    expect(x509.serialNumber).toBe("41FF0001");
    expect(x509.validFrom).toBe("Nov 22 10:11:12 2026 GMT");
    expect(x509.validTo).toBe("Dec 31 23:59:59 9999 GMT");
    expect(x509.ca).toBe(false);
  });

  it("writes a validity that begins after 2049", async () => {
    expect((await issue({ notBefore: "2050-01-01T00:00:00Z" })).x509.validFrom).toBe("Jan  1 00:00:00 2050 GMT");
  });

  it("is formatted as PEM with lines of 64 characters", async () => {
    const { pem } = await issue();
    expect(pem).toMatch(
      /^-----BEGIN CERTIFICATE-----\n(?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}\n-----END CERTIFICATE-----\n$/,
    );
  });
});

const bytes = (...values: number[]) => Uint8Array.from(values);

describe("DER", () => {
  it.each([
    [0, "0400"],
    [127, "047f"],
    [128, "048180"],
    [255, "0481ff"],
    [256, "04820100"],
    [65_536, "0483010000"],
  ])("writes a length of %d in the shortest form", (length, header) => {
    const element = der.octetString(new Uint8Array(length));
    expect(formatHex(element.subarray(0, header.length / 2))).toBe(header);
    expect(element.byteLength).toBe(header.length / 2 + length);
  });

  it.each([
    [[0], "020100"],
    [[], "020100"],
    [[0, 0, 1], "020101"],
    [[127], "02017f"],
    [[128], "02020080"],
    [[1, 0, 1], "0203010001"],
    [[0, 255, 255], "020300ffff"],
  ])("writes the number %j as unsigned, without leading zeros", (magnitude, hex) => {
    expect(formatHex(der.integer(bytes(...magnitude)))).toBe(hex);
  });

  it.each([
    ["2.5.4.3", "0603550403"],
    ["1.2.840.113549.1.1.11", "06092a864886f70d01010b"],
    ["2.999", "06028837"],
    ["1.3.6.1.4.1.311.21.20", "06092b0601040182371514"],
  ])("writes the object identifier %s", (text, hex) => {
    expect(formatHex(der.objectIdentifier(text))).toBe(hex);
  });

  it.each([
    ["1999-12-31T23:59:59.999Z", "UTCTime", 0x17, "991231235959Z"],
    ["2049-12-31T23:59:59Z", "UTCTime", 0x17, "491231235959Z"],
    ["2050-01-01T00:00:00Z", "GeneralizedTime", 0x18, "20500101000000Z"],
    ["9999-12-31T23:59:59Z", "GeneralizedTime", 0x18, "99991231235959Z"],
  ])("writes %s as %s", (date, _type, tag, text) => {
    const element = der.time(new Date(date));
    expect([element[0], new TextDecoder().decode(element.subarray(2))]).toEqual([tag, text]);
  });

  it("writes constructed elements and the small ones", () => {
    expect(formatHex(der.sequence(der.TRUE, der.NULL))).toBe("30050101ff0500");
    expect(formatHex(der.setOf(der.utf8String("ä")))).toBe("31040c02c3a4");
    expect(formatHex(der.explicit(3, der.sequence()))).toBe("a3023000");
    expect(formatHex(der.bitString(bytes(0x80)))).toBe("03020080");
  });
});
