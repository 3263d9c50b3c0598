/** The key that signs requests to receivers of notifications, and its certificate. */
export interface CertificateKey {
  /** SHA-256 of the certificate's DER, hexadecimal, lower case. */
  readonly fingerprint: string;
  /** X.509, PEM. */
  readonly certificate: string;
  /** RSA, PKCS #8, base64. */
  readonly privateKey: string;
}
