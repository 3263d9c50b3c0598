/** boto3, over plain HTTP and over TLS. The checks are in boto3_checks.py. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { canMakeCertificates, startTlsFront, type TlsFront } from "./support/tls-front.ts";
import { bareEnvironment, describeTool, run, temporaryFolder } from "./support/tools.ts";

const server = inject("devServer");
const script = join(import.meta.dirname, "boto3_checks.py");

interface Outcome {
  readonly name: string;
  readonly failure: string | null;
}

describeTool("python3", ["-c", "import boto3"], () => {
  const folder = temporaryFolder();
  const env = {
    ...bareEnvironment(folder),
    AWS_ENDPOINT_URL: server.endpoint,
    AWS_DEFAULT_REGION: server.region,
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    AWS_CONFIG_FILE: join(folder, "no-config"),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, "no-credentials"),
    AWS_EC2_METADATA_DISABLED: "true",
    BOTO_EXPERIMENTAL__NO_EMPTY_CONTINUE: "true", // See aws-cli.test.ts.
    PYTHONDONTWRITEBYTECODE: "1",
  };
  const names: string[] = JSON.parse(
    spawnSync("python3", [script, "--list"], { env, encoding: "utf8" }).stdout || "[]",
  );

  const runChecks = async (changes: Readonly<Record<string, string>> = {}): Promise<Outcome[]> => {
    const { stdout } = await run("python3", [script], { env: { ...env, ...changes }, cwd: folder });
    return stdout
      .trim()
      .split("\n")
      .map((line): Outcome => JSON.parse(line));
  };
  const expectPassed = (outcomes: readonly Outcome[], name: string) => {
    expect(outcomes.find((outcome) => outcome.name === name)).toEqual({ name, failure: null });
  };

  test("there are checks", () => {
    expect(names.length).toBeGreaterThan(5);
  });

  describe("plain HTTP, payloads signed", () => {
    let outcomes: Outcome[] = [];
    beforeAll(async () => {
      outcomes = await runChecks();
    });
    test.each(names)("%s", (name) => expectPassed(outcomes, name));
  });

  describe.skipIf(!canMakeCertificates)("TLS, trailing checksums (needs openssl)", () => {
    let outcomes: Outcome[] = [];
    let front: TlsFront;
    beforeAll(async () => {
      front = await startTlsFront(server.port, folder);
      const certificate = { AWS_CA_BUNDLE: front.certificateFile, SSL_CERT_FILE: front.certificateFile };
      outcomes = await runChecks({ AWS_ENDPOINT_URL: front.endpoint, ...certificate });
    });
    afterAll(() => front.close());
    test.each(names)("%s", (name) => expectPassed(outcomes, name));
  });
});
