import { describe, expect, it } from "vitest";
import { parseLogin } from "../../../scripts/deploy/account.ts";
import { parseDeployArguments } from "../../../scripts/deploy/arguments.ts";
import { errorsIn } from "../../../scripts/deploy/log.ts";
import { chooseSecrets, malformedSecrets } from "../../../scripts/secrets.ts";

describe("parseDeployArguments", () => {
  it("keeps what names configuration, environment and Worker, and passes the rest on", () => {
    expect(parseDeployArguments(["--env=staging", "--name", "mine", "-c", "other.toml", "--minify"])).toEqual({
      isDryRun: false,
      removal: undefined,
      isNewSealKeyAccepted: false,
      config: "other.toml",
      environment: "staging",
      name: "mine",
      hasRoute: false,
      passedOn: ["--minify"],
    });
  });

  it("takes its own flag and sees routes and dry runs", () => {
    expect(parseDeployArguments(["--dry-run", "--new-seal-key", "--domain", "s3.example.com"])).toMatchObject({
      isDryRun: true,
      isNewSealKeyAccepted: true,
      hasRoute: true,
      passedOn: ["--dry-run", "--domain", "s3.example.com"],
    });
  });

  it("refuses a file of secrets, which would bypass the check of SEAL_KEY", () => {
    expect(() => parseDeployArguments(["--secrets-file=x"])).toThrow("in the environment");
  });
});

describe("parseLogin", () => {
  it.each([
    ['notice\n{"type":"api_token","token":"t"}\n', { authorization: "Bearer t" }],
    ['{"type":"api_key","key":"k","email":"e"}', { "x-auth-key": "k", "x-auth-email": "e" }],
  ])("reads %s", (output, headers) => {
    expect(parseLogin(output)).toEqual({ headers });
  });

  it("accepts nothing else as a login", () => {
    expect(() => parseLogin("{}")).toThrow("wrangler is not logged in");
  });
});

describe("errorsIn", () => {
  it("finds wrangler's error without colours, hints and notices", () => {
    const esc = String.fromCharCode(27);
    const output = [
      "Uploaded workers-s3",
      `${esc}[31m✘ [ERROR]${esc}[0m Trigger configuration was only partially updated:`,
      "",
      "  Cron schedules:",
      "    - refused [code: 10000]",
      '🪵  Logs were written to "/home/x"',
    ].join("\n");
    expect(errorsIn(output)).toBe(
      "Trigger configuration was only partially updated:\nCron schedules:\n- refused [code: 10000]",
    );
    expect(errorsIn("all is well")).toBe("");
  });
});

describe("chooseSecrets", () => {
  it("makes all three for a new Worker", () => {
    expect(chooseSecrets([], {})).toEqual({
      ROOT_ACCESS_KEY_ID: expect.stringMatching(/^AKIA[A-Z2-7]{16}$/),
      ROOT_SECRET_ACCESS_KEY: expect.stringMatching(/^[A-Za-z0-9]{40}$/),
      SEAL_KEY: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it("never replaces a secret the account has", () => {
    expect(chooseSecrets(["SEAL_KEY", "ROOT_ACCESS_KEY_ID"], { SEAL_KEY: "env" })).toEqual({
      ROOT_SECRET_ACCESS_KEY: expect.any(String),
    });
    expect(chooseSecrets(["SEAL_KEY", "ROOT_ACCESS_KEY_ID", "ROOT_SECRET_ACCESS_KEY"], {})).toEqual({});
  });

  it("takes the first value given where a secret is missing", () => {
    const present = ["SEAL_KEY", "ROOT_ACCESS_KEY_ID"];
    expect(chooseSecrets(present, { ROOT_SECRET_ACCESS_KEY: "a" }, { ROOT_SECRET_ACCESS_KEY: "b" })).toEqual({
      ROOT_SECRET_ACCESS_KEY: "a",
    });
    expect(chooseSecrets(present, {}, { ROOT_SECRET_ACCESS_KEY: "b" })).toEqual({ ROOT_SECRET_ACCESS_KEY: "b" });
  });
});

describe("malformedSecrets", () => {
  it("says what is wrong without the value", () => {
    expect(malformedSecrets({ SEAL_KEY: "abc", ROOT_ACCESS_KEY_ID: "" })).toEqual([
      "SEAL_KEY must be 64 hexadecimal digits.",
    ]);
    expect(malformedSecrets({})).toEqual([]);
  });
});
