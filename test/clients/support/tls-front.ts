/**
 * The dev server behind TLS. Over HTTPS the AWS SDKs do not hash the payload for the signature, but send
 * `UNSIGNED-PAYLOAD` or `STREAMING-UNSIGNED-PAYLOAD-TRAILER`: this is what a deployed endpoint receives.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";
import { findOnPath } from "./tools.ts";

export interface TlsFront {
  readonly endpoint: string;
  readonly port: number;
  /** PEM file of the self-signed certificate. */
  readonly certificateFile: string;
  close(): Promise<void>;
}

export const canMakeCertificates: boolean = findOnPath("openssl") !== undefined;

/** Listens on a free port of 127.0.0.1 and passes the bytes to `port`. `folder` takes the certificate. */
export async function startTlsFront(port: number, folder: string): Promise<TlsFront> {
  const keyFile = join(folder, "tls-key.pem");
  const certificateFile = join(folder, "tls-certificate.pem");
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
      ...["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:*.s3.localhost"],
      ...["-keyout", keyFile, "-out", certificateFile],
    ],
    { stdio: "ignore" },
  );
  const sockets = new Set<Socket>();
  const server = createServer({ key: readFileSync(keyFile), cert: readFileSync(certificateFile) }, (client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.end();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address() as AddressInfo;
  return {
    endpoint: `https://127.0.0.1:${address.port}`,
    port: address.port,
    certificateFile,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
