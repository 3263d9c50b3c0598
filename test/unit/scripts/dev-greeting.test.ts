import { describe, expect, it } from "vitest";
import { formatGreeting } from "../../../scripts/dev-greeting.ts";

const access = {
  endpoint: "http://127.0.0.1:8787",
  region: "eu-west-1",
  accessKeyId: "AKIAEXAMPLE",
  secretAccessKey: "it's",
};

describe("formatGreeting", () => {
  it("names endpoint, keys and one block per client", () => {
    const lines = formatGreeting(access).split("\n");
    for (const heading of ["AWS CLI", "boto3", "AWS SDK for JavaScript v3", "rclone"]) expect(lines).toContain(heading);
    expect(lines).toContain("  Endpoint           http://127.0.0.1:8787");
    expect(lines).toContain("  Access key id      AKIAEXAMPLE");
  });

  it("fits on one screen, and repeats no line", () => {
    const keys = { accessKeyId: "AKIA".padEnd(20, "X"), secretAccessKey: "s".repeat(40) };
    const lines = formatGreeting({ ...access, ...keys }).split("\n");
    expect(lines.length).toBeLessThanOrEqual(40);
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
    const texts = lines.filter((line) => line !== "");
    expect(new Set(texts).size).toBe(texts.length);
  });

  it("quotes keys for the shell", () => {
    expect(formatGreeting(access)).toContain("AWS_SECRET_ACCESS_KEY='it'\\''s'\n");
  });
});
