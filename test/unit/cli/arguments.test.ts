import { describe, expect, it } from "vitest";
import { parseInvocation, usage } from "../../../cli/arguments.ts";
import { COMMANDS, type RemoteKeys, UsageError } from "../../../cli/commands.ts";

function requestOf(line: string, keys?: RemoteKeys) {
  const invocation = parseInvocation(line.split(" ").filter(Boolean), keys);
  if (invocation === "help") throw new Error("not help");
  return invocation.request;
}

describe("admin command line", () => {
  it.each([
    ["account create alt", { method: "POST", path: "/-/admin/accounts", body: { displayName: "alt" } }],
    ["account list", { method: "GET", path: "/-/admin/accounts" }],
    ["key create 123456789012", { method: "POST", path: "/-/admin/accounts/123456789012/keys" }],
    ["key list", { method: "GET", path: "/-/admin/keys" }],
    ["key list 123456789012", { method: "GET", path: "/-/admin/accounts/123456789012/keys" }],
    ["key disable AKIA1", { method: "PATCH", path: "/-/admin/keys/AKIA1", body: { status: "Inactive" } }],
    ["key enable AKIA1", { method: "PATCH", path: "/-/admin/keys/AKIA1", body: { status: "Active" } }],
    ["deliveries", { method: "GET", path: "/-/admin/receivers" }],
    ["policy check", { method: "GET", path: "/-/admin/policies/nobody" }],
    ["dead-letters list", { method: "GET", path: "/-/admin/dead-letters" }],
    ["dead-letters retry a/1", { method: "POST", path: "/-/admin/dead-letters/a%2F1/retry" }],
    ["dead-letters delete all", { method: "DELETE", path: "/-/admin/dead-letters/all" }],
    ["remote list", { method: "GET", path: "/-/admin/remotes" }],
    ["remote remove far/1", { method: "DELETE", path: "/-/admin/remotes/far%2F1" }],
    ["remote check far b.1", { method: "POST", path: "/-/admin/remotes/far/check", body: { bucket: "b.1" } }],
    ["replication status b/1", { method: "GET", path: "/-/admin/buckets/b%2F1/replication" }],
    ["replication retry b", { method: "POST", path: "/-/admin/buckets/b/replication/retry" }],
    ["replication existing b", { method: "POST", path: "/-/admin/buckets/b/replication/existing" }],
    ["scrub", { method: "POST", path: "/-/admin/scrub", body: { bytes: false } }],
    ["scrub b --bytes", { method: "POST", path: "/-/admin/scrub", body: { bucket: "b", bytes: true } }],
    ["scrub --cursor c", { method: "POST", path: "/-/admin/scrub", body: { cursor: "c" } }],
    [
      "quota set --bucket b --bytes 10GB --objects 5",
      { method: "POST", path: "/-/admin/quotas/buckets/b", body: { bytes: 10_000_000_000, objects: 5 } },
    ],
    [
      "--endpoint http://h quota set --account 1 --bytes 0",
      { method: "POST", path: "/-/admin/quotas/accounts/1", body: { bytes: 0 } },
    ],
    ["quota show --bucket b", { method: "GET", path: "/-/admin/quotas/buckets/b" }],
    ["quota delete --account 1", { method: "DELETE", path: "/-/admin/quotas/accounts/1" }],
    ["scrub quota --bytes", { method: "POST", path: "/-/admin/scrub", body: { bucket: "quota", bytes: true } }],
    ["usage", { method: "GET", path: "/-/admin/usage" }],
    ["usage --bucket a&b", { method: "GET", path: "/-/admin/usage?bucket=a%26b" }],
    ["usage --account 123456789012", { method: "GET", path: "/-/admin/usage?account=123456789012" }],
    ["usage --history --bucket b", { method: "GET", path: "/-/admin/usage/history?bucket=b" }],
    ["doctor", { method: "GET", path: "/-/admin/deployment", body: { uploadMb: 16, waitSeconds: 45 } }],
    [
      "doctor --upload-mb 300 --wait 0",
      { method: "GET", path: "/-/admin/deployment", body: { uploadMb: 300, waitSeconds: 0 } },
    ],
    ["key delete ../x", { method: "DELETE", path: "/-/admin/keys/..%2Fx" }],
  ])("%s", (line, request) => {
    expect(requestOf(line)).toEqual(request);
  });

  const ADD = "remote add far https://s3.example --account 1,2 --account 3";
  const KEYS = { accessKeyId: "AKIA", secretAccessKey: "secret" };

  it.each([
    [ADD, { kind: "s3", region: "us-east-1" }],
    [`${ADD} --kind peer --region auto`, { kind: "peer", region: "auto" }],
    [`${ADD} --bucket a,b --bucket c`, { kind: "s3", region: "us-east-1", buckets: ["a", "b", "c"] }],
  ])("%s, its keys from the environment", (line, given) => {
    const body = { name: "far", endpoint: "https://s3.example", accountIds: ["1", "2", "3"], ...given, ...KEYS };
    expect(requestOf(line, KEYS)).toEqual({ method: "POST", path: "/-/admin/remotes", body });
    for (const missing of [undefined, { ...KEYS, secretAccessKey: undefined }, { ...KEYS, accessKeyId: "" }]) {
      expect(() => requestOf(line, missing)).toThrow(UsageError);
    }
  });

  it("takes --json and --endpoint anywhere", () => {
    expect(parseInvocation(["--json", "account", "list", "--endpoint", "http://127.0.0.1:1"])).toEqual({
      request: { method: "GET", path: "/-/admin/accounts" },
      endpoint: "http://127.0.0.1:1",
      isJson: true,
    });
  });

  it.each([
    "",
    "account",
    "account create",
    "account list extra",
    "key create",
    "key drop X",
    "key list 1 2",
    "deliveries all",
    "dead-letters",
    "dead-letters list 1",
    "dead-letters retry",
    "remote",
    "remote add far https://s3.example",
    "remote add far --account 1",
    "remote add far https://s3.example more --account 1",
    "remote add far https://s3.example --account 1 --kind other",
    "remote list far",
    "remote list --kind peer",
    "remote check far",
    "remote remove",
    "replication status",
    "replication status b c",
    "scrub b c",
    "scrub b --cursor c",
    "scrub --bytes --cursor c",
    "key list --bytes",
    "key list --wait 1",
    "doctor bucket",
    "doctor --upload-mb 0",
    "doctor --upload-mb 4096",
    "doctor --wait 1.5",
    "doctor --wait -1",
    "quota",
    "quota set --bucket b",
    "quota set --bytes 1",
    "quota set --bucket b --bytes",
    "quota set --bucket b --bytes much",
    "quota set --bucket b --objects 1k",
    "quota set --bucket b --account 1 --objects 1",
    "quota show",
    "quota show --bucket b --bytes 1",
    "quota delete --bucket a,b",
    "usage b",
    "usage --history",
    "usage --bucket a,b",
    "usage --bucket a --account 1",
    "--no",
  ])("refuses %j as a usage error", (line) => {
    expect(() => requestOf(line, KEYS)).toThrow(UsageError);
  });

  it.each([
    ["", "A command is missing."],
    ["bucket list", 'Unknown command "bucket list".'],
    ["key create", "ACCOUNT_ID is missing."],
    ["remote check far", "BUCKET is missing."],
    ["key list 1 2", 'Unexpected argument "2".'],
    ["account list extra", 'Unexpected argument "extra".'],
  ])("%j is refused with what to correct", (line, message) => {
    expect(() => requestOf(line)).toThrow(message);
  });

  it("shows every command in its help, in lines of at most 100 characters", () => {
    for (const { line } of COMMANDS) expect(usage).toContain(`\n  ${line}`);
    expect(usage.split("\n").filter((line) => line.length > 100)).toEqual([]);
  });

  it("answers --help", () => {
    expect(parseInvocation(["--help"])).toBe("help");
  });
});
