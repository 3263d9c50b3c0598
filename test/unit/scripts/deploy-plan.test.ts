import { describe, expect, it } from "vitest";
import { chooseSecrets, formatPlan, parseSecretList, planDeploy } from "../../../scripts/deploy-plan.ts";

describe("planDeploy", () => {
  it("deploys, then migrates, then looks at the secrets", () => {
    expect(planDeploy([])).toEqual({
      isDryRun: false,
      deploy: ["deploy"],
      migrate: ["d1", "migrations", "apply", "DB", "--remote"],
      listSecrets: ["secret", "list", "--format", "json"],
      setSecrets: ["secret", "bulk"],
    });
  });

  it("uses one environment and name throughout and keeps other flags to the deploy", () => {
    const plan = planDeploy(["--env=staging", "--name", "mine", "--minify"]);
    expect(plan.deploy).toEqual(["deploy", "--env=staging", "--name", "mine", "--minify"]);
    expect(plan.migrate.slice(-2)).toEqual(["--env", "staging"]);
    expect(plan.setSecrets).toEqual(["secret", "bulk", "--env", "staging", "--name", "mine"]);
  });

  it("prints every step of a dry run, in order, without the flag that makes it one", () => {
    const plan = planDeploy(["--dry-run", "--minify"]);
    expect(plan.isDryRun).toBe(true);
    expect(plan.deploy).toContain("--dry-run");
    expect(formatPlan(plan).match(/wrangler .*/g)).toEqual([
      "wrangler deploy --minify",
      "wrangler d1 migrations apply DB --remote",
      "wrangler secret list --format json",
      expect.stringMatching(/^wrangler secret bulk {2}\(only secrets that are missing/),
    ]);
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

  it("takes the environment's value where a secret is missing", () => {
    expect(chooseSecrets(["SEAL_KEY", "ROOT_ACCESS_KEY_ID"], { ROOT_SECRET_ACCESS_KEY: "env" })).toEqual({
      ROOT_SECRET_ACCESS_KEY: "env",
    });
  });
});

describe("parseSecretList", () => {
  it("reads the names, also between notices", () => {
    expect(parseSecretList('notice\n[{"name":"SEAL_KEY","type":"secret_text"}]\n')).toEqual(["SEAL_KEY"]);
    expect(parseSecretList("[]\n")).toEqual([]);
  });

  it("fails rather than taking an unreadable answer for an empty account", () => {
    expect(() => parseSecretList("")).toThrow();
    expect(() => parseSecretList("[1]")).toThrow();
  });
});
